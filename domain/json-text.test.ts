import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { excessOfSize } from '../tests/support/processor-time.ts';
import { readJsonText, toPointer } from './json-text.ts';

it('reads what JSON.parse reads, to the same value', () => {
  fc.assert(
    fc.property(fc.json(), fc.constantFrom(undefined, 2), (text, space) => {
      const spaced = JSON.stringify(JSON.parse(text), null, space);
      expect(readJsonText(spaced)).toEqual({ ok: true, value: JSON.parse(spaced), lossyNumbers: [] });
    }),
  );
});

it('refuses what JSON.parse refuses: texts with one character changed', () => {
  const change = fc.tuple(fc.json(), fc.nat(), fc.constantFrom('', ',', '"', '}', ']', '\\', '0', '\n', 'e'));
  fc.assert(
    fc.property(change, ([text, position, character]) => {
      const at = position % (text.length + 1);
      const broken = text.slice(0, at) + character + text.slice(at + 1);
      const read = readJsonText(broken);
      let parsed = true;
      try {
        JSON.parse(broken);
      } catch {
        parsed = false;
      }
      expect(read.ok || (!read.ok && read.detail.includes('twice')) || !parsed).toBe(true);
      if (read.ok) expect(parsed).toBe(true);
    }),
    { numRuns: 1_000 },
  );
});

it.each([
  ['', 1, 1, 'the text ends where a value is expected'],
  ['{"a": 1,}', 1, 9, 'a name in double quotes is expected here'],
  ['{\n  "a" 1}', 2, 7, 'a colon is expected here'],
  ['[1 2]', 1, 4, 'a comma or "]" is expected here'],
  ['{"a": tru}', 1, 7, 'a value is expected here'],
  ['{} x', 1, 4, 'the end is expected here'],
  ['["a', 1, 2, 'this string does not end'],
  ['["\\x"]', 1, 3, 'there is no such escape'],
  ['["\u0001"]', 1, 3, 'a control character in a string must be escaped'],
  ['[01]', 1, 3, 'a comma or "]" is expected here'],
  ['{"a": {"b": 1, "\\u0062": 2}}', 1, 16, 'this name stands twice in one object'],
])('says where %j is wrong', (text, line, column, detail) => {
  expect(readJsonText(text)).toEqual({ ok: false, line, column, detail });
});

it('allows one name in different objects, and any depth', () => {
  expect(readJsonText('{"a": {"a": [{"a": 1}, {"a": 2}]}}').ok).toBe(true);
  expect(readJsonText('['.repeat(200_000) + ']'.repeat(200_000)).ok).toBe(true);
});

describe('a number', () => {
  const lossOf = (token: string) => {
    const read = readJsonText(`{"a": ["x", {"b/c": ${token}}]}`);
    if (!read.ok) throw new Error(read.detail);
    return read.lossyNumbers.map(({ path, detail }) => [toPointer(path), detail]);
  };

  it.each([
    '0',
    '-0.0',
    '19.90',
    '1.50e3',
    '9007199254740992',
    '9007199254740994',
    '1000000000000000000000',
    '1e21',
    '0.1',
    '0.30000000000000004',
    '1.7976931348623157e308',
    '5e-324',
    '123456789012345.0',
    '0000'.padStart(5, '1'),
  ])('%s is kept as it is', (token) => {
    expect(lossOf(token)).toEqual([]);
  });

  it.each([
    '7615917337495251231',
    '-7615917337495251231',
    '9007199254740993',
    '0.1000000000000000001',
    '3.14159265358979323846',
    '1.00000000000000001e3',
    '1e-400',
  ])('%s would lose digits, and its place is told', (token) => {
    expect(lossOf(token)).toEqual([['/a/1/b~1c', 'the number would lose digits: give it as text, in quotes']]);
  });

  it.each(['1e309', '-1e400', '1e999999999999999999', `1${'0'.repeat(400)}`])('%s is too large', (token) => {
    expect(lossOf(token)).toEqual([['/a/1/b~1c', 'the number is too large']]);
  });

  it('that a double writes is kept by definition', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (number) => {
        expect(lossOf(JSON.stringify(number))).toEqual([]);
      }),
    );
  });

  it.each<[string, number, number, (count: number) => string]>([
    ['a number of a megabyte', 1_000_000, 1, (count) => `[1${'0'.repeat(count)}1]`],
    ['a fraction of a megabyte', 1_000_000, 1, (count) => `[0.${'0'.repeat(count)}1]`],
    ['as many numbers as a body may have', 45_000, 50, (count) => `[${'9007199254740993,'.repeat(count - 1)}1]`],
  ])('of %s is judged in one pass', async (_, size, lossCount, toText) => {
    const judge = (count: number) => {
      const read = readJsonText(toText(count));
      expect(read.ok && read.lossyNumbers.length).toBe(lossCount);
    };
    expect(await excessOfSize(size, judge)).toBeLessThan(4);
  });
});

it('writes pointers as RFC 6901 has them', () => {
  expect(toPointer([])).toBe('');
  expect(toPointer(['event', 'user_ids', 3])).toBe('/event/user_ids/3');
  expect(toPointer(['a/b', 'm~n', ''])).toBe('/a~1b/m~0n/');
});

it('refuses more values than a body of ours can have, before it has read them all', () => {
  const fault = { ok: false, detail: 'there are more than 45,000 values' };
  const list = (count: number, value: string) => `[${Array.from({ length: count }, () => value).join(',')}]`;
  expect(readJsonText(list(45_001, '0'))).toMatchObject({ ok: true });
  expect(readJsonText(list(45_002, '0'))).toMatchObject(fault);
  expect(readJsonText(list(23_000, '{"a":0,"b":1}'))).toMatchObject(fault);
  expect(readJsonText(`{${Array.from({ length: 45_002 }, (_, n) => `"${n}":0`).join(',')}}`)).toMatchObject(fault);
});
