import { describe, expect, it } from 'vitest';
import type { User } from '../../../lib/user-service.ts';
import { countAudience, spread } from './count-audience.ts';

const categories = [
  { name: 'active', count: 600 },
  { name: 'vip', count: 10 },
];
const person = (id: string, category: string) => [id, { id, category } as User] as const;

describe('the count of an audience', () => {
  it('is that of its categories, or of the people named', () => {
    expect(countAudience(categories, ['active', 'vip'], 0, new Map())).toMatchObject({ count: 610, isExact: true });
    expect(countAudience(categories, [], 7, undefined)).toMatchObject({ count: 7, isExact: true, unknown: null });
  });

  it('has those once who are in a category and named as well', () => {
    const asked = new Map([person('a', 'vip'), person('b', 'active')]);
    expect(countAudience(categories, ['vip'], 3, asked)).toEqual({
      count: 12,
      isExact: true,
      named: 3,
      inCategories: 10,
      inBoth: 1,
      unknown: 1,
    });
  });

  it('is at most the sum where too many are named to ask for each', () => {
    expect(countAudience(categories, ['vip'], 20_000, undefined)).toMatchObject({ count: 20_010, isExact: false });
  });
});

it('spreads samples over all', () => {
  expect(spread([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 5)).toEqual([1, 3, 5, 7, 9]);
  expect(spread([1, 2], 5)).toEqual([1, 2]);
});
