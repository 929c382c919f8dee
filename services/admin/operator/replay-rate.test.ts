import { describe, expect, it } from 'vitest';
import { createRateLimit } from './replay-rate.ts';

describe('the rate of a replay', () => {
  it('lets the first through at once, and the next when its debt is paid', async () => {
    let nowMs = 0;
    const rate = createRateLimit(100, () => nowMs);
    const { signal } = new AbortController();
    await rate.take(50, signal);
    let isThrough = false;
    const second = rate.take(50, signal).then(() => {
      isThrough = true;
    });
    nowMs = 499;
    await Promise.resolve();
    expect(isThrough).toBe(false);
    nowMs = 500;
    await second;
    expect(isThrough).toBe(true);
  });

  it('saves up no more than a second', async () => {
    let nowMs = 0;
    const rate = createRateLimit(10, () => nowMs);
    const { signal } = new AbortController();
    nowMs = 3_600_000;
    await rate.take(30, signal);
    // 10 were saved, 20 are owed: two seconds.
    const leave = new AbortController();
    nowMs += 1_900;
    const waiting = rate.take(1, leave.signal);
    leave.abort();
    await expect(waiting).rejects.toThrow('aborted');
    nowMs += 100;
    await rate.take(1, signal);
  });

  it('takes nothing more when it is left', async () => {
    await expect(createRateLimit(10).take(1, AbortSignal.abort())).rejects.toThrow('aborted');
  });
});
