import { expect, it } from 'vitest';
import { createThrottle } from './throttle.ts';

it('lets each person do so much within a minute, and says how long to wait', () => {
  const throttle = createThrottle(2);
  expect([throttle.wait('a', 0), throttle.wait('a', 10_000), throttle.wait('a', 20_000)]).toEqual([0, 0, 40]);
  expect(throttle.wait('b', 20_000)).toBe(0);
  expect(throttle.wait('a', 60_000)).toBe(0);
  expect(throttle.wait('a', 60_001)).toBe(10);
});
