import { expect, it } from 'vitest';
import { DependencyError } from '../../../lib/errors.ts';
import { Breaker } from './breaker.ts';

function createClock() {
  const clock = { ms: 0 };
  return { clock, breaker: new Breaker('mail-server', () => clock.ms) };
}
const failTimes = (breaker: Breaker, count: number) => {
  for (let at = 0; at < count; at++) breaker.failed('closed', false);
};

it('opens after five failures without a success between them', () => {
  const { breaker } = createClock();
  failTimes(breaker, 4);
  breaker.succeeded();
  failTimes(breaker, 4);
  expect(breaker.isOpen).toBe(false);
  failTimes(breaker, 1);
  expect(breaker.isOpen).toBe(true);
  expect(breaker.toError()).toBeInstanceOf(DependencyError);
  expect(breaker.toError()).toMatchObject({ dependency: 'mail-server', message: 'closed' });
});

it('opens at once when there is not even a session', () => {
  const { breaker } = createClock();
  breaker.failed('refused', true);
  expect(breaker.isOpen).toBe(true);
});

it('tries again after a pause that doubles up to five seconds, and begins anew after a success', () => {
  const { clock, breaker } = createClock();
  const pauses: number[] = [];
  for (let at = 0; at < 6; at++) {
    breaker.failed('refused', true);
    const from = clock.ms;
    while (breaker.isOpen) clock.ms += 100;
    pauses.push(clock.ms - from);
    expect(breaker.isProving).toBe(true);
  }
  expect(pauses).toEqual([500, 1_000, 2_000, 4_000, 5_000, 5_000]);
  breaker.succeeded();
  expect(breaker.isProving).toBe(false);
  breaker.failed('refused', true);
  clock.ms += 500;
  expect(breaker.isOpen).toBe(false);
});

it('is not opened for longer by the answers to what was under way when it opened', () => {
  const { clock, breaker } = createClock();
  failTimes(breaker, 13);
  clock.ms += 500;
  expect(breaker.isOpen).toBe(false);
});
