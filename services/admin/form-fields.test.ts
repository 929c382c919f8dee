import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { heldUpAtMostMs, leastThreadMs } from '../../tests/support/processor-time.ts';
import { parseFields } from './form-fields.ts';

const parse = (text: string, maxFields = 1_000) => parseFields(Buffer.from(text), maxFields);
const fieldsOf = (text: string) => {
  const parsed = parse(text);
  return parsed.kind === 'fields' ? parsed.fields : parsed.kind;
};

describe('the fields of a form', () => {
  it('are those that a browser has sent', () => {
    expect(fieldsOf('a=1&b=x+y&b=%C3%A9&empty=&bare')).toEqual([
      ['a', '1'],
      ['b', 'x y'],
      ['b', 'é'],
      ['empty', ''],
      ['bare', ''],
    ]);
  });

  it('are those that the URL standard gives, whatever the body', () => {
    const piece = fc.constantFrom('a', '=', '&', '+', '%', '%4', '%41', '%zz', '%C3', '%A9', '%F0%9F%98%80', '%25');
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join('')),
        (text) => {
          expect(fieldsOf(text)).toEqual([...new URLSearchParams(text)]);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('have line ends of one kind', () => {
    expect(fieldsOf('a=1%0D%0A2%0D3%0A4%0D%0D%0A5')).toEqual([['a', '1\n2\n3\n4\n\n5']]);
  });

  it('are refused when there are too many, and when one holds a NUL character', () => {
    expect(parse('a&b&c', 3)).toMatchObject({ kind: 'fields' });
    expect(parse('a&b&c&d', 3)).toEqual({ kind: 'too_many_fields' });
    expect(parse('name=a%00b')).toEqual({ kind: 'nul', name: 'name' });
    expect(parse('na%00me=a')).toEqual({ kind: 'nul', name: 'name' });
  });

  it.each(['a&', '&', '=', '+', '%', '%41', '%0D', '%0D%0A', '%ff'])('of 2 MiB of %s hold up nobody', async (piece) => {
    const body = Buffer.from(`a=${piece.repeat((2 * 1024 * 1024) / piece.length)}`);
    expect(await leastThreadMs(() => parseFields(body, 2_000))).toBeLessThan(heldUpAtMostMs);
  });
});
