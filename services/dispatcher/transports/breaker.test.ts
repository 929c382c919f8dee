import { expect, it } from 'vitest';
import { DependencyError } from '../../../lib/errors.ts';
import { Breaker } from './breaker.ts';

function createClock() {
  const clock = { ms: 0 };
  return { clock, breaker: new Breaker('mail-server', () => clock.ms) };
}
const fail = (breaker: Breaker, ...recipients: string[]) => {
  for (const recipient of recipients) breaker.failed(recipient, 'closed');
};

it('opens when five different recipients fail without a success between them', () => {
  const { breaker } = createClock();
  fail(breaker, 'a', 'b', 'c', 'd');
  breaker.succeeded('e');
  fail(breaker, 'f', 'g', 'h', 'i');
  expect(breaker.isOpen).toBe(false);
  fail(breaker, 'j');
  expect(breaker.isOpen).toBe(true);
  expect(breaker.toError()).toBeInstanceOf(DependencyError);
  expect(breaker.toError()).toMatchObject({ dependency: 'mail-server', message: 'closed' });
});

it('counts a recipient once, however often it is tried', () => {
  const { breaker } = createClock();
  for (let at = 0; at < 500; at++) fail(breaker, 'poisoned');
  expect(breaker.isOpen).toBe(false);
  fail(breaker, 'a', 'b', 'c');
  expect(breaker.isOpen).toBe(false);
  fail(breaker, 'd');
  expect(breaker.isOpen).toBe(true);
});

it('does not count for ten minutes who failed while others got through', () => {
  const { clock, breaker } = createClock();
  const poisoned = Array.from({ length: 50 }, (_, at) => `poisoned ${at}`);
  for (const recipient of poisoned) {
    fail(breaker, recipient);
    breaker.succeeded('somebody');
  }
  fail(breaker, ...poisoned);
  expect(breaker.isOpen).toBe(false);
  expect(breaker.isLone('poisoned 7')).toBe(true);
  breaker.succeeded('poisoned 7');
  expect(breaker.isLone('poisoned 7')).toBe(false);
  clock.ms += 10 * 60_000;
  fail(breaker, ...poisoned);
  expect(breaker.isOpen).toBe(true);
});

it('opens at once when there is not even a session, whoever it was', () => {
  const { breaker } = createClock();
  breaker.failed('a', 'refused', true);
  expect(breaker.isOpen).toBe(true);
});

it('tries again after a pause that doubles up to five seconds, and begins anew after a success', () => {
  const { clock, breaker } = createClock();
  const pauses: number[] = [];
  for (let at = 0; at < 6; at++) {
    breaker.open('refused');
    const from = clock.ms;
    while (breaker.isOpen) clock.ms += 100;
    pauses.push(clock.ms - from);
    expect(breaker.isProving).toBe(true);
  }
  expect(pauses).toEqual([500, 1_000, 2_000, 4_000, 5_000, 5_000]);
  breaker.succeeded('a');
  expect(breaker.isProving).toBe(false);
  breaker.open('refused');
  clock.ms += 500;
  expect(breaker.isOpen).toBe(false);
});

it('is not opened for longer by the answers to what was under way when it opened', () => {
  const { clock, breaker } = createClock();
  fail(breaker, ...Array.from({ length: 13 }, (_, at) => `r${at}`));
  clock.ms += 500;
  expect(breaker.isOpen).toBe(false);
});

it('is down until something succeeds, and nothing is known any more when nothing was tried for half a minute', () => {
  const { clock, breaker } = createClock();
  breaker.open('refused');
  clock.ms += 29_000;
  expect([breaker.isDown, breaker.downForMs]).toEqual([true, 29_000]);
  breaker.failed('a', 'refused');
  clock.ms += 29_000;
  expect(breaker.isDown).toBe(true);
  clock.ms += 1_000;
  expect(breaker.isDown).toBe(false);
  breaker.failed('b', 'refused');
  expect(breaker.isDown).toBe(true);
  breaker.succeeded('c');
  expect([breaker.isDown, breaker.downForMs]).toEqual([false, 0]);
});
