import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readJsonText } from './strict-json.ts';

it('reads what JSON.parse reads, to the same value', () => {
  fc.assert(
    fc.property(fc.json(), fc.constantFrom(undefined, 2), (text, space) => {
      const spaced = JSON.stringify(JSON.parse(text), null, space);
      expect(readJsonText(spaced)).toEqual({ ok: true, value: JSON.parse(spaced) });
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
