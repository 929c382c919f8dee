// Texts as nobody wants them: what is legal and odd, what is illegal, and what is long.
import fc, { type Arbitrary } from 'fast-check';

const odd = [
  '',
  ' ',
  '\0',
  '\r\n',
  '\n.\r\n',
  '\ufeff',
  '\ud800',
  '\udfff',
  '\u202e',
  '\u0301',
  'e\u0301',
  '\u2028',
  '💥',
  '👨‍👩‍👧‍👦',
  '__proto__',
  'constructor',
  'toString',
  '{{',
  '}}',
  '{%',
  '%}',
  '<b>',
  '</b>',
  '<!--',
  '<![CDATA[',
  '&#0;',
  '&amp;',
  '"',
  "'",
  '\\',
  '../',
  '%00',
  '%',
  '+',
  'a&',
  'a=',
  ';',
  ',',
  '\t',
  'NaN',
  '1e999',
  '-0',
  'null',
  '[',
  ']',
  '{',
  '}',
  "' or 1=1--",
  'a@b.example',
  '<a@b.example>',
  '+99955123',
  'ﷺ',
  'İ',
  'ß',
] as const;

export const oddText: Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...odd) },
  { weight: 3, arbitrary: fc.string({ unit: 'grapheme', maxLength: 40 }) },
  { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }) },
  { weight: 2, arbitrary: fc.array(fc.constantFrom(...odd), { maxLength: 12 }).map((parts) => parts.join('')) },
);

/** One odd piece again and again: what grows faster than its input shows here. */
export const longText = (maxLength: number): Arbitrary<string> =>
  fc
    .tuple(
      fc.oneof(fc.constantFrom(...odd), fc.string({ unit: 'binary', minLength: 1, maxLength: 4 })),
      fc.double({ min: 0, max: 1, noNaN: true }),
    )
    .map(([piece, share]) => {
      const unit = piece === '' ? 'x' : piece;
      return unit.repeat(Math.ceil((maxLength * share * share) / unit.length)).slice(0, maxLength);
    });

/** Mostly short: a long one in so many. */
export const anyText = (maxLength: number, shortOnes = 30): Arbitrary<string> =>
  fc.oneof({ weight: shortOnes, arbitrary: oddText }, { weight: 1, arbitrary: longText(maxLength) });

export const oddJson: Arbitrary<unknown> = fc.jsonValue({ maxDepth: 4, stringUnit: 'binary' });
