import avsc, { type Type } from 'avsc';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { heldUpAtMostMs, leastThreadMs } from '../../tests/support/processor-time.ts';
import { PermanentError } from '../errors.ts';
import { recordSchemas } from '../events.ts';
import { compileWalk, type Limits } from './bounds.ts';

const everything = avsc.Type.forSchema({
  type: 'record',
  name: 'Everything',
  fields: [
    { name: 'nothing', type: 'null' },
    { name: 'yes', type: 'boolean' },
    { name: 'small', type: 'int' },
    { name: 'large', type: 'long' },
    { name: 'single', type: 'float' },
    { name: 'double', type: 'double' },
    { name: 'raw', type: 'bytes' },
    { name: 'text', type: 'string' },
    { name: 'four', type: { type: 'fixed', name: 'Four', size: 4 } },
    { name: 'colour', type: { type: 'enum', name: 'Colour', symbols: ['red', 'green', 'blue'] } },
    { name: 'list', type: { type: 'array', items: 'string' } },
    { name: 'nulls', type: { type: 'array', items: 'null' } },
    { name: 'table', type: { type: 'map', values: { type: 'array', items: 'long' } } },
    { name: 'maybe', type: ['null', 'string', 'long'] },
    { name: 'ambiguous', type: ['int', 'long'] },
    { name: 'next', type: ['null', 'Everything'] },
    { name: 'at', type: { type: 'long', logicalType: 'timestamp-millis' } },
  ],
});
const types = [everything, ...Object.values(recordSchemas).map((text) => avsc.Type.forSchema(JSON.parse(text)))];

const varint = (value: bigint): number[] => {
  let rest = value >= 0n ? value * 2n : -value * 2n - 1n;
  const bytes: number[] = [];
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return [...bytes, Number(rest)];
};
const text = (value: string): number[] => [...varint(BigInt(value.length)), ...Buffer.from(value)];

/** What the walker says of the bytes: nothing, or its error's code. */
function verdict(type: Type, bytes: Uint8Array, limits?: Limits): string {
  try {
    compileWalk(type, limits)(bytes, 0);
    return 'fine';
  } catch (error) {
    if (error instanceof PermanentError) return error.code;
    throw error;
  }
}

function decodes(type: Type, bytes: Buffer): boolean {
  try {
    type.fromBuffer(bytes);
    return true;
  } catch {
    return false;
  }
}

describe('the walker', () => {
  it('lets every valid encoding through', () => {
    for (const type of types) {
      for (let count = 0; count < 300; count++) {
        const value = type.random();
        expect(verdict(type, type.toBuffer(value)), JSON.stringify(value)).toBe('fine');
      }
    }
  });

  it('lets nothing through that avsc cannot decode', () => {
    const samples = types.flatMap((type) =>
      Array.from({ length: 30 }, () => ({ type, valid: type.toBuffer(type.random()) })),
    );
    const mutated = fc.record({
      sample: fc.constantFrom(...samples),
      kept: fc.oneof(fc.constant(1), fc.double({ min: 0, max: 1, noNaN: true })),
      tail: fc.oneof(fc.constant(new Uint8Array()), fc.uint8Array({ maxLength: 12 })),
      edits: fc.array(fc.record({ at: fc.nat(400), byte: fc.constantFrom(0, 1, 2, 127, 128, 129, 255) }), {
        minLength: 1,
        maxLength: 4,
      }),
    });
    let throughCount = 0;
    let refusedCount = 0;
    fc.assert(
      fc.property(mutated, ({ sample: { type, valid }, kept, tail, edits }) => {
        const bytes = Buffer.concat([valid.subarray(0, Math.ceil(valid.length * kept)), tail]);
        for (const { at, byte } of edits) if (bytes.length > 0) bytes[at % bytes.length] = byte;
        if (verdict(type, bytes) !== 'fine') {
          refusedCount += 1;
          return;
        }
        throughCount += 1;
        expect(decodes(type, bytes), bytes.toString('hex')).toBe(true);
      }),
      { numRuns: 10_000 },
    );
    // Otherwise one of the two was hardly tried.
    expect(throughCount).toBeGreaterThan(500);
    expect(refusedCount).toBeGreaterThan(500);
  });

  it('counts items before it walks them', async () => {
    const nulls = avsc.Type.forSchema({ type: 'array', items: 'null' });
    const count = () => expect(verdict(nulls, Buffer.from([...varint(300_000_000n), 0]))).toBe('bounds');
    expect(await leastThreadMs(count)).toBeLessThan(heldUpAtMostMs);
  });

  it('counts items over all blocks and lists together', () => {
    const lists = avsc.Type.forSchema({ type: 'array', items: { type: 'array', items: 'null' } });
    const limits = { maxItems: 10, maxDepth: 8, maxLengthBytes: 10 };
    const inner = [...varint(3n), 0];
    expect(verdict(lists, Buffer.from([...varint(2n), ...inner, ...inner, 0]), limits)).toBe('fine');
    expect(verdict(lists, Buffer.from([...varint(2n), ...inner, ...inner, ...varint(1n), ...inner, 0]), limits)).toBe(
      'bounds',
    );
  });

  it.each([
    ['a string longer than what is left', [...varint(5n), 97], 'not_avro'],
    ['a string of a negative length', varint(-1n), 'not_avro'],
    ['a string beyond the limit', varint(2_000_000n), 'bounds'],
    ['a number cut short', [0x80], 'not_avro'],
    ['a number of 11 bytes', [...Array(10).fill(0x80), 1], 'not_avro'],
    ['bytes after the end', [...text('a'), 0], 'not_avro'],
  ])('refuses %s', (_what, bytes, code) => {
    expect(verdict(avsc.Type.forSchema('string'), Buffer.from(bytes))).toBe(code);
  });

  it.each([
    ['the count and true size of a block', [...varint(-2n), ...varint(4n), ...text('a'), ...text('b'), 0], 'fine'],
    ['a size that is not true', [...varint(-2n), ...varint(3n), ...text('a'), ...text('b'), 0], 'not_avro'],
    ['a negative size', [...varint(-1n), ...varint(-5n), ...text('a'), 0], 'not_avro'],
    ['the most negative count', [...varint(-(2n ** 63n)), ...varint(1n), 0], 'not_avro'],
    ['a list without its end', [...varint(1n), ...text('a')], 'not_avro'],
  ])('reads or refuses %s', (_what, bytes, code) => {
    expect(verdict(avsc.Type.forSchema({ type: 'array', items: 'string' }), Buffer.from(bytes))).toBe(code);
  });

  it('refuses numbers that avsc cannot hold, and ints of more than 32 bits', () => {
    const long = avsc.Type.forSchema('long');
    expect(verdict(long, Buffer.from(varint(2n ** 53n - 2n)))).toBe('fine');
    expect(verdict(long, Buffer.from(varint(2n ** 53n)))).toBe('not_avro');
    expect(verdict(long, Buffer.from(varint(-(2n ** 60n))))).toBe('not_avro');
    const int = avsc.Type.forSchema('int');
    expect(verdict(int, Buffer.from(varint(-(2n ** 31n))))).toBe('fine');
    expect(verdict(int, Buffer.from(varint(2n ** 31n)))).toBe('not_avro');
  });

  it('refuses indexes that are none, and booleans that are neither', () => {
    expect(verdict(avsc.Type.forSchema(['null', 'string']), Buffer.from(varint(2n)))).toBe('not_avro');
    expect(verdict(avsc.Type.forSchema(['null', 'string']), Buffer.from(varint(-1n)))).toBe('not_avro');
    const colour = avsc.Type.forSchema({ type: 'enum', name: 'Colour', symbols: ['red'] });
    expect(verdict(colour, Buffer.from(varint(1n)))).toBe('not_avro');
    expect(verdict(avsc.Type.forSchema('boolean'), Buffer.from([2]))).toBe('not_avro');
  });

  it('goes no deeper than it may into a type that holds itself', () => {
    const chain = avsc.Type.forSchema({
      type: 'record',
      name: 'Chain',
      fields: [{ name: 'next', type: ['null', 'Chain'] }],
    });
    expect(verdict(chain, Buffer.from([...Array(20).fill(2), 0]))).toBe('fine');
    expect(verdict(chain, Buffer.from([...Array(1_000_000).fill(2), 0]))).toBe('bounds');
  });

  it('takes no more than decoding does, for a record of 1.8 kB', async () => {
    const type = avsc.Type.forSchema(JSON.parse(recordSchemas.NotificationRendered));
    const value = { ...type.random(), html: 'h'.repeat(1_200), text: 't'.repeat(400) };
    const bytes = type.toBuffer(value);
    const walk = compileWalk(type);
    const time = (work: () => unknown) =>
      leastThreadMs(() => {
        for (let n = 0; n < 5_000; n++) work();
      });
    expect(await time(() => walk(bytes, 0))).toBeLessThan(await time(() => type.fromBuffer(bytes)));
  });
});
