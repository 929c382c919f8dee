import { describe, expect, it } from 'vitest';
import { idleShareOf, median, percentile, ratesOf } from './percentile.ts';

const oneToHundred = Array.from({ length: 100 }, (_, index) => 100 - index);

describe('percentile', () => {
  it.each([
    [1, 1],
    [50, 50],
    [99, 99],
    [99.5, 100],
    [100, 100],
  ])('takes the nearest rank: %d %% of 1 to 100 is %d', (percent, expected) => {
    expect(percentile(oneToHundred, percent)).toBe(expected);
  });

  it('sorts by number, not by text', () => {
    expect(median([9, 100, 20])).toBe(20);
  });

  it('gives the worst of a few values as their p99', () => {
    expect(percentile([3, 7, 5], 99)).toBe(7);
  });

  it('has no answer without values', () => {
    expect(percentile([], 50)).toBeNaN();
  });
});

describe('rates', () => {
  it('counts the whole from the start and the middle without the slow ends', () => {
    // 100 arrivals: 10 in the first second, 80 in the next one, 10 in a third.
    const at = (from: number, count: number) =>
      Array.from({ length: count }, (_, i) => from + ((i + 1) * 1000) / count);
    const rates = ratesOf([...at(0, 10), ...at(1000, 80), ...at(2000, 10)], 0);
    expect(rates.whole).toBeCloseTo(100 / 3);
    expect(rates.middle).toBeCloseTo(80);
  });
});

describe('idleShareOf', () => {
  it('counts the pauses that are at least as long as asked for', () => {
    expect(idleShareOf([0, 50, 250, 300, 400], 100)).toBe(0.75);
  });

  it('is nothing where there are no two arrivals', () => {
    expect([idleShareOf([], 100), idleShareOf([5], 100)]).toEqual([0, 0]);
  });
});
