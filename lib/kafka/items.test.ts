import { describe, expect, it } from 'vitest';
import { createSliceBudget } from './items.ts';

describe('a slice', () => {
  const limits = { maxPeople: 500, maxBytes: 1_000 };

  it('ends before the record that would bring more people than it may hold', () => {
    const fits = createSliceBudget(limits);
    expect([fits(300, 1), fits(200, 1), fits(1, 1)]).toEqual([true, true, false]);
  });

  it('ends before the record that would bring more bytes than it may hold', () => {
    const fits = createSliceBudget(limits);
    expect([fits(1, 600), fits(1, 400), fits(1, 1)]).toEqual([true, true, false]);
  });

  it('takes a first record of any size, and nothing beside it', () => {
    const fits = createSliceBudget(limits);
    expect([fits(10_000, 5_000), fits(0, 0)]).toEqual([true, false]);
  });

  it('takes any number of records in which nobody is named', () => {
    const fits = createSliceBudget(limits);
    expect(Array.from({ length: 10_000 }, () => fits(0, 0)).every(Boolean)).toBe(true);
  });
});
