import { describe, expect, it } from 'vitest';
import { createAudienceRows, splitPasted } from './audience-rows.ts';

const takeAll = (rows: string[][]) => {
  const checked = createAudienceRows();
  const ids = rows.map((row, index) => checked.take(row, index + 1)).filter((id) => id !== undefined);
  return { ids, checked };
};

describe('rows of an audience', () => {
  it('are one id a line', () => {
    const { ids, checked } = takeAll([['u-1'], ['u-2']]);
    expect([ids, checked.rowCount, checked.faultCount]).toEqual([['u-1', 'u-2'], 2, 0]);
  });

  it('have the ids in the column that is called so, else in the first one', () => {
    expect(
      takeAll([
        ['name', 'User_ID'],
        ['Ada', 'u-1'],
      ]).ids,
    ).toEqual(['u-1']);
    expect(
      takeAll([
        ['id', 'user_id'],
        ['1', 'u-1'],
      ]).ids,
    ).toEqual(['u-1']);
    expect(
      takeAll([
        ['u-1', 'Ada'],
        ['u-2', 'Bob'],
      ]).ids,
    ).toEqual(['u-1', 'u-2']);
  });

  it('are told with line, text and cause when they are wrong', () => {
    const { ids, checked } = takeAll([['u-1'], ['jane doe'], [''], ['jürgen'], ['x'.repeat(65)], ['a\u0007b']]);
    expect(ids).toEqual(['u-1']);
    expect(checked.faults).toEqual([
      { line: 2, text: 'jane doe', why: 'an id has no blanks' },
      { line: 3, text: '', why: 'there is no id in this row' },
      { line: 4, text: 'jürgen', why: 'an id has letters A to Z, digits and . _ : - only, not "ü"' },
      { line: 5, text: `${'x'.repeat(40)}…`, why: 'it is 65 characters long; 64 are allowed' },
      { line: 6, text: 'a·b', why: expect.stringContaining('only, not') },
    ]);
  });

  it('count all faults and keep the first twenty', () => {
    const { checked } = takeAll(Array.from({ length: 50 }, () => ['not an id']));
    expect([checked.faultCount, checked.faults.length]).toEqual([50, 20]);
  });

  it('that lack the column are wrong', () => {
    expect(takeAll([['name', 'id'], ['Ada']]).checked.faultCount).toBe(1);
  });
});

it('takes pasted ids apart, wherever one ends', () => {
  expect(splitPasted('u-1, u-2;u-3\n\n "u-4"\tu-5 ')).toEqual([
    { id: 'u-1', line: 1 },
    { id: 'u-2', line: 1 },
    { id: 'u-3', line: 1 },
    { id: 'u-4', line: 3 },
    { id: 'u-5', line: 3 },
  ]);
});
