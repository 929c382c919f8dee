import { describe, expect, it } from 'vitest';
import { recognise, type Said, type Separator, separators, toLayout } from './layout.ts';

/** Without quotes: those are the matter of the reader. */
function look(lines: readonly string[], said: Said = {}) {
  const tables = new Map<Separator | undefined, string[][]>([[undefined, lines.map((line) => [line])]]);
  for (const separator of separators)
    tables.set(
      separator,
      lines.map((line) => line.split(separator)),
    );
  return recognise(tables, said);
}
function layoutOf(lines: readonly string[], said: Said = {}) {
  const found = look(lines, said);
  return 'fault' in found ? found : toLayout(found);
}
const uuids = [
  '0a1b2c3d-0000-4000-8000-000000000001',
  'ffab2c3d-1111-4000-8000-000000000002',
  'deadbeef-1111-4000-8000-00000000000a',
];

describe('the layout of a file', () => {
  it.each([
    ['a list', ['u-1', 'u-2'], { separator: undefined, column: 0, hasHeader: false }],
    ['one person', ['kept'], { column: 0, hasHeader: false }],
    ['a header in English', ['customer_id', '1001'], { hasHeader: true }],
    ['a header in German', ['Kunden-ID', ...uuids], { hasHeader: true }],
    ['a header in Russian', ['Идентификатор пользователя', '1001', '1002'], { hasHeader: true }],
    ['a header in Chinese', ['用户ID', '1001', '1002'], { hasHeader: true }],
    ['a header in Greek, without any known word', ['Πελάτης', '1001', '1002'], { hasHeader: true }],
    ['a word above numbers', ['client', '12345', '12346'], { hasHeader: true }],
    ['a header above words', ['user-id', 'anna', 'bob'], { hasHeader: true }],
    ['a sentence above ids', ['Our best customers:', 'anna', 'u-2'], { hasHeader: true }],
    ['UUIDs, and two that are none', [...uuids, 'not-an-id', '12345'], { hasHeader: false }],
    ['a wrong one first', ['12345', ...uuids], { hasHeader: false }],
    ['an address first', ['ada@example.com', 'u-1', 'u-2'], { hasHeader: false }],
    ['a shortened number first', ['1.23457E+15', '1001', '1002'], { hasHeader: false }],
    ['ids that look like names of columns', ['id-1', 'id-200', 'id-3'], { hasHeader: false }],
    [
      'a table by semicolon',
      ['address;user_id', 'Main St 5,1002;1001'],
      { separator: ';', column: 1, hasHeader: true },
    ],
    ['a table by bar', ['client_id|name', '7|Ada', '8|Bob'], { separator: '|', column: 0, hasHeader: true }],
    ['an id of the row beside', ['id\tuser_id', '1\tu-1'], { separator: '\t', column: 1, hasHeader: true }],
    ['several ids, one of a person', ['id,name,kundennr', '1,Ada,77'], { column: 2, hasHeader: true }],
    ['another person beside', ['referrer_user_id;user_id', '8;7'], { column: 1, hasHeader: true }],
    ['a header only', ['name;user_id'], { column: 1, hasHeader: true }],
    ['commas in all addresses', ['user_id;street', '1;Main St, 5', '2;Side St, 6'], { separator: ';', column: 0 }],
    [
      'many rows with another number of cells',
      ['user_id,street', '1,A, 5', '2,B, 6', '3,C'],
      { column: 0, cellCount: 2 },
    ],
    ['a separator at each end', ['u-1;', 'u-2;'], { column: 0, hasHeader: false, isAlone: true }],
    ['a wrong row with a separator', ['u-1', 'u-2,u-3', 'u-4'], { separator: undefined, cellCount: 1 }],
  ])('with %s is clear', (_what, lines, layout) => expect(layoutOf(lines)).toMatchObject(layout));

  it.each([
    ['two columns that could be it', ['name,zip', 'Ada,10115', 'Bob,10117']],
    ['an order, and a customer who may be a name', ['order_id,customer', '1,2']],
    ['orders and customers', ['order_id,name', '1,2']],
    ['ids of nobody knows whom', ['id,name', '1,Ada', '2,Bob']],
    ['UUIDs of nobody knows what beside names', [`${uuids[0]},Ada`, `${uuids[1]},Bob`]],
    ['the same name twice', ['user_id,user_id', '1,2']],
    ['two ids of people', ['user_id,customer_id', '1,2']],
    ['no header', ['u-1,Ada', 'u-2,Bob']],
    ['all on one line', ['u-1,u-2,u-3']],
    ['two separators', ['Smith, Ann;1001', 'Jones, Bob;1002']],
    ['a header that is clear with two separators', ['user_id;x,user_id', '1;2,3']],
  ])('with %s is asked about', (_what, lines) => {
    expect(look(lines)).toMatchObject({ column: undefined });
    expect(layoutOf(lines)).toBeUndefined();
  });

  it.each([
    ['words only', ['anna', 'bob', 'carl']],
    ['a word with a number above numbers', ['Column1', '1001', '1002']],
    ['what may be a person above numbers and words', ['anna', '1001', 'bob']],
  ])('with %s has a header or not: that is asked', (_what, lines) => {
    expect(look(lines)).toMatchObject({ column: 0, hasHeader: undefined });
  });

  it('has no first row that does not belong to the others', () => {
    expect(look(['Export of customers', 'user_id;name', '1;Ada'])).toEqual({
      fault: 'its first row has 1 cell, and most others have 2',
    });
    expect(look(['a;b', 'user_id;name;x', '1;Ada;y', '2;Bob;z'])).toEqual({
      fault: 'its first row has 2 cells, and most others have 3',
    });
  });

  it('is what somebody says, as far as the file has it', () => {
    const lines = ['Smith, Ann;1001', 'Jones, Bob;1002'];
    expect(layoutOf(lines, { separator: ';' })).toBeUndefined();
    expect(layoutOf(lines, { separator: ';', column: 1, hasHeader: false })).toMatchObject({
      separator: ';',
      column: 1,
      hasHeader: false,
      cellCount: 2,
    });
    expect(layoutOf(lines, { separator: ';', column: 7, hasHeader: false })).toBeUndefined();
    expect(layoutOf(['u-1,u-2'], { separator: null })).toMatchObject({ cellCount: 1 });
  });
});
