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
