// One token bucket per API key (or whatever else is counted by), in this process: `perSecond` tokens a second, and at most one second's worth saved up.

export interface RateLimiter {
  /** @returns 0 when the call may go on, else the seconds after which it is worth trying again */
  take(key: string, nowMs: number): number;
}

/** @param maxKeys for keys that come from outside: when there are more, all begin with a full bucket again */
export function createRateLimiter(perSecond: number, maxKeys = Number.POSITIVE_INFINITY): RateLimiter {
  const buckets = new Map<string, { tokens: number; filledAtMs: number }>();
  return {
    take(key, nowMs) {
      let bucket = buckets.get(key);
      if (!bucket) {
        bucket = { tokens: perSecond, filledAtMs: nowMs };
        if (buckets.size >= maxKeys) buckets.clear();
        buckets.set(key, bucket);
      }
      // A clock that is set back must not drain the bucket.
      const elapsedMs = Math.max(0, nowMs - bucket.filledAtMs);
      bucket.tokens = Math.min(perSecond, bucket.tokens + (elapsedMs / 1000) * perSecond);
      bucket.filledAtMs = nowMs;
      if (bucket.tokens >= 1) {
        bucket.tokens -= 1;
        return 0;
      }
      return Math.max(1, Math.ceil((1 - bucket.tokens) / perSecond));
    },
  };
}
