import { describe, expect, it } from 'vitest';
import { countLost } from './lost-offsets.ts';

describe('the number of lost offsets', () => {
  it.each([
    ['records before the first one that is left', 5n, 25n, 20],
    ['all of them for a group that had read none', null, 25n, 25],
    ['more than a double counts one by one', 9_007_199_254_740_993n, 9_007_199_254_740_995n, 2],
    ['one where the topic ends before the offset', 500n, 20n, 1],
    ['none where the topic begins at the very offset', 20n, 20n, 0],
  ])('is that of %s', (_, from, to, lost) => {
    expect(countLost(from, to)).toBe(lost);
  });
});
