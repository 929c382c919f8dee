import { expect, it } from 'vitest';
import { InterruptedSlices } from './interrupted-slices.ts';

const toInterrupted = (token: string) => ({ token, done: new Set([`done by ${token}`]) });

it('gives a slice that comes again its token and what was finished, once', () => {
  const slices = new InterruptedSlices();
  slices.keep('0 7 a', toInterrupted('first'));
  expect(slices.take('0 8 b')).toBeUndefined();
  expect(slices.take('0 7 a')).toEqual(toInterrupted('first'));
  expect(slices.take('0 7 a')).toBeUndefined();
});

it('knows the latest token of a slice that was interrupted twice', () => {
  const slices = new InterruptedSlices();
  slices.keep('0 7 a', toInterrupted('first'));
  slices.keep('0 7 a', toInterrupted('second'));
  expect(slices.take('0 7 a')?.token).toBe('second');
});

it('forgets the oldest of ten thousand that never come again', () => {
  const slices = new InterruptedSlices();
  for (let at = 0; at < 10_000; at++) slices.keep(`0 ${at} a`, toInterrupted(String(at)));
  const left = Array.from({ length: 10_000 }, (_, at) => slices.take(`0 ${at} a`)?.token).filter(Boolean);
  expect([left.length, left[0], left.at(-1)]).toEqual([100, '9900', '9999']);
});
