import fc from 'fast-check';
import { expect, it } from 'vitest';
import { toOneLine, toPersonName } from './one-line.ts';

it.each([
  ['Ada Lovelace', 'Ada Lovelace'],
  ['', ''],
  [' Ada  Lovelace ', 'Ada Lovelace'],
  ['Ada\r\nLovelace', 'Ada Lovelace'],
  ['Ada\u2028Lovelace\u2029', 'Ada Lovelace'],
  ['Ada\u0085Lovelace', 'Ada Lovelace'],
  ['O\u0092Brien', 'OBrien'],
  ['A\u0000d\u0007a\u001b\u007f\u009f', 'Ada'],
  ['Ada \u0000 Lovelace', 'Ada Lovelace'],
  ['Ada\u202egnp.exe\u202c', 'Adagnp.exe'],
  ['\u2066Ada\u2069', 'Ada'],
  ['\ufeffAda', 'Ada'],
  ['A\ud800da\udc00', 'Ada'],
  ['😀 Ada', '😀 Ada'],
  ['👩\u200d👩\u200d👧', '👩\u200d👩\u200d👧'],
  ['عبد\u200fالله', 'عبد\u200fالله'],
  ['\u0007', ''],
])('puts %j on one line: %j', (text, line) => {
  expect(toOneLine(text)).toBe(line);
  expect(toPersonName(text)).toBe(line);
});

it('makes one well-formed line of every text, and leaves that line as it is', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary', maxLength: 40 }),
      fc.array(fc.integer({ min: 0, max: 0xffff })),
      (text, units) => {
        const line = toOneLine(text + String.fromCharCode(...units));
        expect(line.isWellFormed()).toBe(true);
        // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there.
        expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/);
        expect(toOneLine(line)).toBe(line);
      },
    ),
  );
});

it.each([
  ['x'.repeat(101), 'x'.repeat(100)],
  ['ab '.repeat(100), `${'ab '.repeat(33)}a`],
  ['😀'.repeat(80), '😀'.repeat(50)],
  [`${'x'.repeat(99)}😀`, 'x'.repeat(99)],
  [`${'x'.repeat(95)}👩\u200d👩\u200d👧`, 'x'.repeat(95)],
  [`${'x'.repeat(99)}e\u0301`, 'x'.repeat(99)],
  [`${'x'.repeat(99)} y`, 'x'.repeat(99)],
  [`x${'\u0301'.repeat(1_000_000)}`, ''],
  [`${'\n'.repeat(150)}Ada`, 'Ada'],
])('cuts a name of more than 100 characters between two of them (%#)', (text, name) => {
  expect(toPersonName(text)).toBe(name);
});
