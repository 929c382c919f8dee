// Bytes that may be a record: good ones, good ones with a few bytes changed, crafted counts and lengths, and noise.
import fc, { type Arbitrary } from 'fast-check';

const craftedLong = fc.constantFrom(
  '80d88c9e02',
  'feffffff0f',
  'ffffffffffffffffff01',
  '01',
  '7f',
  '80808080808080808001',
  'ff'.repeat(12),
);

export type Change =
  | { kind: 'set' | 'insert' | 'drop'; at: number; byte: number }
  | { kind: 'cut'; at: number }
  | { kind: 'crafted'; at: number; hex: string }
  | { kind: 'id'; id: number }
  | { kind: 'repeat'; at: number; length: number; times: number };

const at = fc.nat({ max: 5_000 });
const change: Arbitrary<Change> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constantFrom('set', 'insert', 'drop'), at, byte: fc.nat({ max: 255 }) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('cut' as const), at }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('crafted' as const), at, hex: craftedLong }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('id' as const),
      id: fc.oneof(fc.nat({ max: 140 }), fc.constantFrom(2 ** 31, 2 ** 32 - 1, 900_000)),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('repeat' as const),
      at,
      length: fc.integer({ min: 1, max: 40 }),
      times: fc.integer({ min: 1, max: 2_000 }),
    }),
  },
);
export const changes: Arbitrary<Change[]> = fc.array(change, { maxLength: 5 });

export function applyChanges(good: Buffer, list: readonly Change[]): Buffer {
  let bytes = Buffer.from(good);
  for (const one of list) {
    const place = 'at' in one ? one.at % (bytes.length + 1) : 0;
    const [before, after] = [bytes.subarray(0, place), bytes.subarray(place)];
    switch (one.kind) {
      case 'set':
        bytes = Buffer.concat([before, Buffer.from([one.byte]), after.subarray(1)]);
        break;
      case 'insert':
        bytes = Buffer.concat([before, Buffer.from([one.byte]), after]);
        break;
      case 'drop':
        bytes = Buffer.concat([before, after.subarray(1)]);
        break;
      case 'cut':
        bytes = Buffer.from(before);
        break;
      case 'crafted':
        bytes = Buffer.concat([before, Buffer.from(one.hex, 'hex'), after]);
        break;
      case 'id':
        if (bytes.length >= 5) bytes.writeUInt32BE(one.id, 1);
        break;
      case 'repeat':
        bytes = Buffer.concat([before, ...Array<Buffer>(one.times).fill(after.subarray(0, one.length)), after]);
        break;
    }
  }
  return bytes;
}
