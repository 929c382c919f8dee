import { expect, it } from 'vitest';
import { createRateLimiter } from './rate-limit.ts';

it('lets a second of calls through at once, then as many as a second brings', () => {
  const limiter = createRateLimiter(10);
  const take = (nowMs: number) => limiter.take('key', nowMs);
  expect(Array.from({ length: 10 }, () => take(0))).toEqual(Array(10).fill(0));
  expect(take(0)).toBe(1);
  expect(take(99)).toBe(1);
  expect(take(100)).toBe(0);
  expect(take(100)).toBe(1);
});

it('saves up for one second at most, and does not mind a clock that goes back', () => {
  const limiter = createRateLimiter(2);
  expect([0, 0, 0].map(() => limiter.take('key', 60_000))).toEqual([0, 0, 0].map((_, call) => (call < 2 ? 0 : 1)));
  expect([0, 0, 0].map(() => limiter.take('key', 600_000))).toEqual([0, 0, 1]);
  expect(limiter.take('key', 0)).toBe(1);
});

it('counts each API key by itself', () => {
  const limiter = createRateLimiter(1);
  expect(['a', 'b', 'a'].map((key) => limiter.take(key, 0))).toEqual([0, 0, 1]);
});
