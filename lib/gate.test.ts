import { expect, it } from 'vitest';
import { createGate } from './gate.ts';

it('runs so many at once, lets so many wait in their order, and refuses the rest', async () => {
  const gate = createGate({ maxRunning: 2, maxWaiting: 2 });
  const begun: number[] = [];
  const ends: (() => void)[] = [];
  const ask = (number: number) =>
    gate.run(async () => {
      begun.push(number);
      await new Promise<void>((end) => ends.push(end));
      return number;
    });
  const asked = [1, 2, 3, 4, 5].map(ask);
  expect(begun).toEqual([1, 2]);
  expect(asked[4]).toBeUndefined();
  ends[0]?.();
  await expect.poll(() => begun).toEqual([1, 2, 3]);
  ends[1]?.();
  ends[2]?.();
  await expect.poll(() => begun).toEqual([1, 2, 3, 4]);
  ends[3]?.();
  expect(await Promise.all(asked)).toEqual([1, 2, 3, 4, undefined]);
});

it('goes on after work that failed', async () => {
  const gate = createGate({ maxRunning: 1, maxWaiting: 0 });
  await expect(gate.run(() => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  expect(await gate.run(async () => 'next')).toBe('next');
});

it('lets what is urgent go before all that waits, from a queue of its own', async () => {
  const gate = createGate({ maxRunning: 1, maxWaiting: 2 });
  const begun: string[] = [];
  const { promise, resolve: end } = Promise.withResolvers<void>();
  const held = gate.run(() => promise);
  const ask = (name: string, isUrgent = false) => gate.run(async () => void begun.push(name), isUrgent);
  const asked = [ask('a'), ask('b'), ask('c'), ask('urgent 1', true), ask('urgent 2', true), ask('urgent 3', true)];
  expect(asked.map((one) => one !== undefined)).toEqual([true, true, false, true, true, false]);
  end();
  await Promise.all([held, ...asked]);
  expect(begun).toEqual(['urgent 1', 'urgent 2', 'a', 'b']);
});
