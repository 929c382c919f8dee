// What a fetch brings of a topic, compressed in every way and broken in every place: it is read, or becomes one record with its
// fault, and whatever stands behind it is read as if nothing had been.
import fc from 'fast-check';
import { readFetched } from '../../../../lib/kafka/fetched-records.ts';
import { codecNames, pack } from '../../../support/packed-batches.ts';
import { withinBudget } from '../budget.ts';
import { applyChanges, type Change, changes } from '../generators/records.ts';
import { type FuzzKind, opened } from '../kind.ts';

const codecNumbers = { gzip: 1, snappy: 2, 'snappy-java': 2, lz4: 3, zstd: 4 } as const;
const headBytes = 61;
/** Up to the magic, a broken head says that another batch begins there. */
const frameBytes = 17;
/** What a batch may unpack to is bounded, and takes its time whatever its size is. */
const unpackedBytes = 512 * 1024;
const sound = 'sound';

interface Fetched {
  codec: (typeof codecNames)[number] | 'none';
  values: Uint8Array[];
  /** Of the number of records that the head tells, from the truth. */
  countOff: number;
  attributes: number;
  changes: Change[];
}

const fetched: fc.Arbitrary<Fetched> = fc.record({
  codec: fc.constantFrom('none', ...codecNames),
  values: fc.array(
    fc.oneof(
      { weight: 9, arbitrary: fc.uint8Array({ maxLength: 60 }) },
      { weight: 1, arbitrary: fc.nat({ max: 60_000 }).map((length) => new Uint8Array(length)) },
    ),
    { maxLength: 6 },
  ),
  countOff: fc.oneof(
    { weight: 5, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.constantFrom(-1, 1, -100, 199_990, 2 ** 30) },
  ),
  attributes: fc.oneof(
    { weight: 5, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.nat({ max: 255 }).map((bits) => bits & ~7) },
  ),
  changes,
});

export const recordBatches: FuzzKind = {
  name: 'batches',
  title: 'batches of records, compressed or broken',
  casesOfMillion: 60_000,
  needs: 'nothing',
  open: async ({ isAlone }) =>
    opened<Fetched>({
      inputs: fetched,
      async tryOne(input) {
        const before = toBatch(0n, input);
        const broken = applyChanges(before, input.changes);
        const behind = toBatch(1_000n, {
          codec: 'none',
          values: [Buffer.from(sound)],
          countOff: 0,
          attributes: 0,
          changes: [],
        });
        const bytes = Buffer.concat([broken, behind]);
        const { value: records, fault } = await withinBudget(isAlone, bytes.length + unpackedBytes, () =>
          readFetched(bytes, { spent: 0 }),
        );
        if (fault) return fault;
        if (records.some(({ offset }) => !/^-?\d{1,20}$/.test(offset))) return 'a record without an offset';
        const isFramed =
          broken.length === before.length && broken.subarray(0, frameBytes).equals(before.subarray(0, frameBytes));
        if (isFramed && !records.some(({ value }) => value?.toString() === sound))
          return 'what stands behind the batch is not read';
        return undefined;
      },
    }),
};

function toBatch(firstOffset: bigint, { codec, values, countOff, attributes }: Fetched): Buffer {
  const records = Buffer.concat(values.map((value, at) => toRecord(at, Buffer.from(value))));
  const body = codec === 'none' ? records : pack(codec, records);
  const head = Buffer.alloc(headBytes);
  head.writeBigInt64BE(firstOffset, 0);
  head.writeInt32BE(headBytes - 12 + body.length, 8);
  head.writeInt8(2, 16);
  head.writeInt16BE(attributes | (codec === 'none' ? 0 : codecNumbers[codec]), 21);
  head.writeInt32BE(Math.max(0, values.length - 1), 23);
  head.writeBigInt64BE(-1n, 43);
  head.writeInt32BE(values.length + countOff, 57);
  return Buffer.concat([head, body]);
}

function toRecord(offsetDelta: number, value: Buffer): Buffer {
  const content = Buffer.concat([
    Buffer.from([0, 0]),
    toVarint(offsetDelta),
    toVarint(-1),
    toVarint(value.length),
    value,
    toVarint(0),
  ]);
  return Buffer.concat([toVarint(content.length), content]);
}

/** Zig-zag. */
function toVarint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value < 0 ? -value * 2 - 1 : value * 2;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  return Buffer.from([...bytes, rest]);
}
