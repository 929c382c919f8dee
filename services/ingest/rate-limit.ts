// One token bucket per API key, in this process: `perSecond` tokens a second, and at most one second's worth saved up.

export interface RateLimiter {
  /** @returns 0 when the call may go on, else the seconds after which it is worth trying again */
  take(apiKeyId: string, nowMs: number): number;
}

export function createRateLimiter(perSecond: number): RateLimiter {
  const buckets = new Map<string, { tokens: number; filledAtMs: number }>();
  return {
    take(apiKeyId, nowMs) {
      let bucket = buckets.get(apiKeyId);
      if (!bucket) {
        bucket = { tokens: perSecond, filledAtMs: nowMs };
        buckets.set(apiKeyId, bucket);
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
