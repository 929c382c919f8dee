import { expect, it } from 'vitest';
import { DependencyError } from '../../lib/errors.ts';
import { createBreaker } from './breaker.ts';

const down = () => Promise.reject(new DependencyError('kafka', 'down'));
const up = () => Promise.resolve();

function createClock() {
  const clock = { nowMs: 1_000_000 };
  return { clock, breaker: createBreaker(4_000, () => clock.nowMs) };
}

it('opens after a failed publish but for one try a second, and closes with the first that succeeds', async () => {
  const { clock, breaker } = createClock();
  expect(breaker.isOpen()).toBe(false);
  await expect(breaker.watch(down)).rejects.toThrow('down');
  expect([breaker.isOpen(), breaker.isOpen(), breaker.isOpen()]).toEqual([false, true, true]);
  clock.nowMs += 1_000;
  expect([breaker.isOpen(), breaker.isOpen()]).toEqual([false, true]);
  await breaker.watch(up);
  expect([breaker.isOpen(), breaker.isOpen()]).toEqual([false, false]);
});

it('opens while a publish hangs', async () => {
  const { clock, breaker } = createClock();
  const hanging = Promise.withResolvers<void>();
  const watched = breaker.watch(() => hanging.promise);
  clock.nowMs += 3_999;
  expect([breaker.isOpen(), breaker.isOpen()]).toEqual([false, false]);
  clock.nowMs += 1;
  expect([breaker.isOpen(), breaker.isOpen()]).toEqual([false, true]);
  hanging.resolve();
  await watched;
  expect(breaker.isOpen()).toBe(false);
});

it('does not listen to a failure that began before the newest success', async () => {
  const { clock, breaker } = createClock();
  const old = Promise.withResolvers<void>();
  const watched = breaker.watch(() => old.promise);
  clock.nowMs += 5_000;
  await breaker.watch(up);
  expect(breaker.isOpen()).toBe(false);
  old.reject(new DependencyError('kafka', 'late'));
  await expect(watched).rejects.toThrow('late');
  expect([breaker.isOpen(), breaker.isOpen()]).toEqual([false, false]);
});
