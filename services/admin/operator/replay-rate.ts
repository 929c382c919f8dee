// How fast a replay may publish: a token bucket with debts. A chunk of 500 people goes whole, and what follows waits for it.
import { setTimeout as sleep } from 'node:timers/promises';

export interface RateLimit {
  /** Resolves when nothing is owed any more; then `count` is owed. @throws AbortError */
  take(count: number, signal: AbortSignal): Promise<void>;
}

/** @param now monotonic, in milliseconds */
export function createRateLimit(perSecond: number, now: () => number = () => performance.now()): RateLimit {
  /** At most a second's worth is saved up. */
  let tokens = 0;
  let countedAtMs = now();

  function refill(): void {
    const atMs = now();
    tokens = Math.min(perSecond, tokens + ((atMs - countedAtMs) * perSecond) / 1_000);
    countedAtMs = atMs;
  }

  return {
    async take(count, signal) {
      refill();
      while (tokens < 0) {
        await sleep(Math.min(1_000, Math.ceil((-tokens * 1_000) / perSecond)), undefined, { signal });
        refill();
      }
      signal.throwIfAborted();
      tokens -= count;
    },
  };
}
