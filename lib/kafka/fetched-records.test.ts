import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { codecNames, oldEntry, pack, recordOfZeros } from '../../tests/support/packed-batches.ts';
import { findBatchFault, readFetched } from './fetched-records.ts';
import type { FetchedRecord } from './record-batch.ts';

const numbers = { gzip: 1, snappy: 2, 'snappy-java': 2, lz4: 3, zstd: 4 } as const;

interface Parts {
  firstOffset?: bigint;
  lastOffsetDelta?: number;
  attributes?: number;
  count?: number;
  body?: Buffer;
}

/** A batch of magic 2 around records that are encoded already. */
function batch({
  firstOffset = 0n,
  lastOffsetDelta,
  attributes = 0,
  count = 1,
  body = record(0, 'v'),
}: Parts = {}): Buffer {
  const head = Buffer.alloc(61);
  head.writeBigInt64BE(firstOffset, 0);
  head.writeInt32BE(49 + body.length, 8);
  head.writeInt8(2, 16);
  head.writeInt16BE(attributes, 21);
  head.writeInt32BE(lastOffsetDelta ?? Math.max(0, count - 1), 23);
  head.writeBigInt64BE(1_000n, 27);
  head.writeBigInt64BE(2_000n, 35);
  head.writeBigInt64BE(-1n, 43);
  head.writeInt32BE(count, 57);
  return Buffer.concat([head, body]);
}

/** With the key `k` and no headers; everything in it is shorter than 64 bytes. */
function record(offsetDelta: number, value: string): Buffer {
  const delta: number[] = [];
  let rest = offsetDelta * 2;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) delta.push((rest % 0x80) | 0x80);
  const bytes = Buffer.concat([
    Buffer.from([0, 0, ...delta, rest, 2]),
    Buffer.from('k'),
    Buffer.from([value.length * 2]),
    Buffer.from(value),
    Buffer.from([0]),
  ]);
  return Buffer.concat([Buffer.from([bytes.length * 2]), bytes]);
}

const read = (...batches: Buffer[]) => readFetched(Buffer.concat(batches), { spent: 0 });
const show = (records: readonly FetchedRecord[]) =>
  records.filter(({ isControlRecord }) => !isControlRecord).map(({ offset, value }) => `${offset} ${value}`);
const codeOf = (one: FetchedRecord | undefined) => one && findBatchFault(one as never)?.code;

describe('what a fetch brought', () => {
  it('is read batch by batch, and a last batch that is cut off is left for the next fetch', async () => {
    const second = batch({ firstOffset: 7n, count: 2, body: Buffer.concat([record(0, 'b'), record(1, 'c')]) });
    const cut = batch({ firstOffset: 9n }).subarray(0, 65);
    expect(show(await read(batch(), second, cut))).toEqual(['0 v', '7 b', '8 c']);
    expect((await read(batch()))[0]).toMatchObject({ key: Buffer.from('k'), timestamp: '1000', magicByte: 2 });
    expect((await read(batch({ attributes: 8 })))[0]).toMatchObject({ timestamp: '2000' });
  });

  it.each(codecNames)('is read when it is packed by %s', async (codec) => {
    const body = pack(codec, Buffer.concat([record(0, 'one'), record(1, 'two')]));
    expect(show(await read(batch({ attributes: numbers[codec], count: 2, body }), batch({ firstOffset: 2n })))).toEqual(
      ['0 one', '1 two', '2 v'],
    );
  });

  it.each([
    ['no codec has packed', { attributes: 1 }],
    ['is packed by a codec that nobody knows', { attributes: 7 }],
    ['says that it holds two billion records', { count: 2_000_000_000 }],
    ['says that it holds fewer than no records', { count: -5, lastOffsetDelta: 4 }],
    ['holds fewer records than it says', { count: 3 }],
    ['holds a record that ends behind it', { body: Buffer.from([120, 0, 0]) }],
    ['holds a record of a negative length', { body: Buffer.from([1, 0, 0]) }],
    ['unpacks to more than memory should hold', { attributes: 3, body: pack('lz4', Buffer.alloc(40_000_000)) }],
  ])('of which a batch %s is one faulty record there, and the records behind it', async (_, parts) => {
    const records = await read(batch({ firstOffset: 5n, lastOffsetDelta: 9, ...parts }), batch({ firstOffset: 15n }));
    expect(codeOf(records[0])).toBe('batch_unreadable');
    // Where a reader that goes on behind it has passed the whole batch.
    expect(BigInt(records[0]?.offset ?? 0)).toBeGreaterThanOrEqual(5n);
    expect(BigInt(records[0]?.offset ?? 0)).toBeLessThan(15n);
    expect(show(records.slice(1))).toEqual(['15 v']);
  });

  it('moves on behind a batch whose records are gone, and one that is all a marker', async () => {
    const empty = await read(batch({ firstOffset: 3n, lastOffsetDelta: 6, count: 0, body: Buffer.alloc(0) }));
    expect(empty).toMatchObject([{ offset: '9', isControlRecord: true }]);
    const thinned = await read(batch({ firstOffset: 3n, lastOffsetDelta: 6 }));
    expect(thinned.map(({ offset, isControlRecord }) => [offset, isControlRecord])).toEqual([
      ['3', false],
      ['9', true],
    ]);
    expect(await read(batch({ attributes: 0x30 }))).toMatchObject([{ isControlRecord: true }]);
  });

  it('may hold more records in a batch than a call takes arguments, while others get their turn', async () => {
    const count = 190_000;
    const body = Buffer.concat(Array.from({ length: count }, (_, n) => record(n, '')));
    let turns = 0;
    const turning = setInterval(() => (turns += 1), 1);
    const records = await read(batch({ count, body }));
    clearInterval(turning);
    expect(records).toHaveLength(count);
    expect(records.at(-1)?.offset).toBe('189999');
    expect(turns).toBeGreaterThan(10);
  });

  it.each([
    ['that can be read', 15_000_000],
    ['that are bombs', 50_000_000],
  ])('takes no more than a fetch may of batches %s, over all its partitions', async (_, zeros) => {
    const body = pack('zstd', recordOfZeros(zeros));
    const bytes = Buffer.concat(
      Array.from({ length: 50 }, (_, n) => batch({ firstOffset: BigInt(n), attributes: 4, body })),
    );
    const budget = { spent: 0 };
    expect((await readFetched(bytes, budget)).map(({ offset }) => offset)).toEqual(['0', '1', '2']);
    expect(await readFetched(bytes, budget)).toEqual([]);
  });

  it.each([0, 1] as const)('of brokers before 0.11 is read as well: magic %i', async (magic) => {
    const inner = Buffer.concat([oldEntry(magic, 4n, 0, Buffer.from('a')), oldEntry(magic, 5n, 0, Buffer.from('b'))]);
    const records = await read(
      oldEntry(magic, 3n, 0, Buffer.from('plain')),
      oldEntry(magic, 5n, 1, pack('gzip', inner)),
      oldEntry(magic, 6n, 2, Buffer.from('no snappy')),
      oldEntry(magic, 7n, 4, null),
      oldEntry(magic, 8n, 0, Buffer.from('last')),
      batch({ firstOffset: 9n }),
    );
    expect(records.map((one) => codeOf(one) ?? `${one.offset} ${one.value}`)).toEqual([
      '3 plain',
      '4 a',
      '5 b',
      'batch_unreadable',
      'batch_unreadable',
      '8 last',
      '9 v',
    ]);
  });

  it('never throws, whatever the bytes, and always moves on', async () => {
    const sound = Buffer.concat([
      batch({ firstOffset: 100n }),
      batch({ firstOffset: 101n, attributes: 4, body: pack('zstd', record(0, 'z')) }),
    ]);
    const changes = fc.array(fc.tuple(fc.nat(sound.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(changes, async (all) => {
        const bytes = Buffer.from(sound);
        for (const [at, value] of all) bytes[at] = value;
        const records = await read(bytes);
        for (const { offset } of records) expect(offset).toMatch(/^-?\d+$/);
      }),
      { numRuns: 2_000 },
    );
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
        await read(Buffer.from(bytes));
      }),
      { numRuns: 2_000 },
    );
  });
});
