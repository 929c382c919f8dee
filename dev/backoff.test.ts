import { expect, it } from 'vitest';
import { restartDelayMs } from './backoff.ts';

it('waits half a second after the first death and doubles up to ten seconds while the process keeps dying', () => {
  const delays: number[] = [];
  let previous: number | undefined;
  for (let death = 0; death < 7; death += 1) {
    previous = restartDelayMs(previous, 1_000);
    delays.push(previous);
  }
  expect(delays).toEqual([500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
});

it('begins again at half a second when the process had lived for 30 seconds', () => {
  expect(restartDelayMs(10_000, 29_999)).toBe(10_000);
  expect(restartDelayMs(10_000, 30_000)).toBe(500);
});
