import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { codecNames, pack } from '../../tests/support/packed-batches.ts';
import { unpack } from './compression.ts';

const numbers = { gzip: 1, snappy: 2, 'snappy-java': 2, lz4: 3, zstd: 4 } as const;
const limit = 1024 * 1024;
const unreadable = expect.objectContaining({ code: 'batch_unreadable' });

describe.each(codecNames)('%s', (codec) => {
  it('gives back what was packed', async () => {
    const rows = fc.array(fc.tuple(fc.uint8Array({ maxLength: 40 }), fc.nat(300)), { maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(rows, async (parts) => {
        const bytes = Buffer.concat(parts.flatMap(([some, zeros]) => [Buffer.from(some), Buffer.alloc(zeros)]));
        expect(await unpack(numbers[codec], pack(codec, bytes), limit)).toEqual(bytes);
      }),
      { numRuns: 60 },
    );
    const long = Buffer.concat([Buffer.alloc(500_000, 'abcdefg'), Buffer.alloc(500_000, 'z')]);
    expect((await unpack(numbers[codec], pack(codec, long), limit)).equals(long)).toBe(true);
  });

  it('is refused beyond the limit, before it is unpacked as a whole', async () => {
    const bomb = pack(codec, Buffer.alloc(64 * 1024 * 1024));
    const before = process.memoryUsage.rss();
    for (let n = 0; n < 5; n++) await expect(unpack(numbers[codec], bomb, limit)).rejects.toThrow(unreadable);
    expect(process.memoryUsage.rss() - before).toBeLessThan(64 * 1024 * 1024);
  });

  it('with any bytes changed or cut off is refused or read, and never anything else', async () => {
    const sound = pack(codec, Buffer.concat([Buffer.alloc(3_000, 'posthorn '), Buffer.alloc(3_000)]));
    await fc.assert(
      fc.asyncProperty(
        fc.nat(sound.length),
        fc.array(fc.tuple(fc.nat(sound.length - 1), fc.nat(255)), { maxLength: 4 }),
        async (length, changes) => {
          const bytes = Buffer.from(sound.subarray(0, length));
          for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
          try {
            expect((await unpack(numbers[codec], bytes, limit)).length).toBeLessThanOrEqual(limit);
          } catch (error) {
            expect(error).toEqual(unreadable);
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});

it('a codec that nobody knows is refused', async () => {
  for (const codec of [5, 6, 7]) await expect(unpack(codec, Buffer.from('x'), limit)).rejects.toThrow(unreadable);
});

it('LZ4 blocks that go back into the block before are read', async () => {
  const first = Buffer.from('04224d18407000', 'hex');
  // `abcd` as it is; then, in a second block, a copy of 8 from 4 bytes before, and five literals.
  const plain = Buffer.concat([Buffer.from('04000080', 'hex'), Buffer.from('abcd')]);
  const block = Buffer.concat([Buffer.from([0x04, 4, 0, 0x50]), Buffer.from('hello')]);
  const size = Buffer.alloc(4);
  size.writeUInt32LE(block.length);
  const bytes = Buffer.concat([first, plain, size, block, Buffer.alloc(4)]);
  expect(String(await unpack(3, bytes, limit))).toBe('abcdabcdabcdhello');
});
