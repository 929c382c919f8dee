import { describe, expect, it } from 'vitest';
import type { Layout } from '../../../domain/audience-file/layout.ts';
import { createAudienceRows } from './audience-rows.ts';

const takeAll = (rows: string[][], layout?: Layout) => {
  const checked = createAudienceRows(layout);
  const ids = rows.map((row, index) => checked.take(row, index + 1)).filter((id) => id !== undefined);
  return { ids, checked };
};
const secondOfTwo: Layout = { separator: ';', cellCount: 2, column: 1, isAlone: false, hasHeader: true };

describe('rows of an audience', () => {
  it('are one id a line', () => {
    const { ids, checked } = takeAll([['u-1'], ['u-2']]);
    expect([ids, checked.rowCount, checked.faultCount]).toEqual([['u-1', 'u-2'], 2, 0]);
  });

  it('have the ids in the column that the layout names, below its header', () => {
    const rows = [
      ['name', 'User_ID'],
      ['Ada', 'u-1'],
    ];
    expect(takeAll(rows, secondOfTwo).ids).toEqual(['u-1']);
  });

  it('are refused with their line where they have another number of cells', () => {
    const { ids, checked } = takeAll(
      [['name', 'id'], ['Ada'], ['Bob', 'u-2'], ['Main St 5', '10', 'u-3']],
      secondOfTwo,
    );
    expect([ids, checked.faultCount]).toEqual([['u-2'], 2]);
    expect(checked.faults[1]).toEqual({
      line: 4,
      text: 'Main St 5 | 10 | u-3',
      why: 'this row has 3 cells, and the first one has 2',
    });
  });

  it('have nothing beside the id where the first ones have nothing', () => {
    const layout = { ...secondOfTwo, isAlone: true, hasHeader: false };
    const { ids, checked } = takeAll(
      [
        ['', 'u-1'],
        ['7', 'u-2'],
      ],
      layout,
    );
    expect([ids, checked.faults.map(({ line, text }) => [line, text])]).toEqual([['u-1'], [[2, '7 | u-2']]]);
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
});
