// The reader of JSON bodies takes what JSON.parse takes, but for names that stand twice, and says of the rest where it is wrong.
import fc from 'fast-check';
import { readJsonText } from '../../../../domain/json-text.ts';
import { withinBudget } from '../budget.ts';
import { anyText, longText, oddJson } from '../generators/texts.ts';
import { type FuzzKind, opened } from '../kind.ts';

const good = oddJson.map((value) => JSON.stringify(value));
const damaged = fc
  .tuple(
    good,
    fc.nat(),
    fc.constantFrom('cut', 'drop', 'insert', 'twice'),
    fc.constantFrom('"', ',', ':', '{', ']', '\\', '\0', ' ', '1', 'e'),
  )
  .map(([text, place, how, piece]) => {
    const at = place % (text.length + 1);
    if (how === 'cut') return text.slice(0, at);
    if (how === 'drop') return text.slice(0, at) + text.slice(at + 1);
    return how === 'insert' ? text.slice(0, at) + piece + text.slice(at) : text.slice(0, at) + text;
  });
const named = fc
  .array(fc.tuple(fc.constantFrom('a', 'b', '\\u0061', '__proto__', ''), fc.constantFrom('1', '{}', '"x"', '[]')), {
    maxLength: 5,
  })
  .map((pairs) => `{${pairs.map(([name, value]) => `"${name}":${value}`).join(',')}}`);
const deep = fc
  .tuple(
    fc.constantFrom('[', '{"a":', '[[],', '{"a":[', '[{"":'),
    longText(200_000),
    fc.constantFrom('', '1e999,'.repeat(60), '12345678901234567890,'.repeat(500)),
  )
  .map(([opening, { length }, tail]) => opening.repeat(Math.ceil(length / opening.length)) + tail);

export const jsonTexts: FuzzKind = {
  name: 'json',
  title: 'texts that may be JSON',
  casesOfMillion: 150_000,
  needs: 'nothing',
  open: async ({ isAlone }) =>
    opened({
      inputs: fc.oneof(
        { weight: 12, arbitrary: good },
        { weight: 12, arbitrary: damaged },
        { weight: 6, arbitrary: named },
        { weight: 6, arbitrary: anyText(1_000_000, 60) },
        { weight: 1, arbitrary: deep },
      ),
      async tryOne(text) {
        const { value: read, fault } = await withinBudget(isAlone, text.length, () => readJsonText(text));
        if (fault) return fault;
        const expected = parse(text);
        if (read.ok)
          return expected && JSON.stringify(read.value) === JSON.stringify(expected.value)
            ? undefined
            : 'it reads another value';
        if (!(read.line >= 1 && read.column >= 1 && read.detail !== ''))
          return `it is wrong at ${read.line}:${read.column}`;
        return expected && read.detail !== 'this name stands twice in one object'
          ? `it refuses good JSON: ${read.detail}`
          : undefined;
      },
    }),
};

function parse(text: string): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}
