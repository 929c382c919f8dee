import { expect, it } from 'vitest';
import { categoriesFrame, readCategories } from './user-answers.ts';

it.each([[[[]]], [[null]], [[42, 'active']], [[{ nome: 'active' }]], [[{ name: 7, count: 1 }]]])(
  'takes the categories %j for a broken answer: a mailing to one of them would go to nobody',
  (answer) => {
    expect(categoriesFrame.safeParse(answer).success).toBe(false);
  },
);

it('reads the categories that can be read, and takes none for none', () => {
  expect(readCategories(categoriesFrame.parse([null, { name: 'active', count: 'x' }]))).toEqual([
    { name: 'active', count: 0 },
  ]);
  expect(categoriesFrame.parse([])).toEqual([]);
});
