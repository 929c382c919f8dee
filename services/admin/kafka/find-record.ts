// Finds the record of an id in a topic, where only its key and about when it was written are known: in the key's
// partition, from a little before that time on, then in the minutes around it; never further.
import { murmur2 } from '../../../lib/kafka/partitioner.ts';
import type { KeptAdmin } from './kept-admin.ts';
import type { PartitionRange, RecordReader } from './record-reader.ts';
import type { StoredRecord } from './stored-record.ts';

export interface Wanted {
  topic: string;
  /** Undefined: it may be in any partition. */
  key: string | undefined;
  /** The id, which stands in the record's value. */
  id: string;
  /** When it was written, as the ledger has it. */
  aboutMs: number;
  /** The window: a minute around, or until now for what is on its way. */
  fromMs: number;
  untilMs: number;
}

export interface Found {
  record: StoredRecord | undefined;
  /** Where it was looked for. */
  partitions: number[];
  lookedAtCount: number;
  /** The window held more records than are looked at. */
  isCutShort: boolean;
}

/** Clocks of machines differ a little. */
const clockSlackMs = 2_000;
const maxLookedAt = 20_000;
/** Looked at in one go, so that others who read get their turn. */
const stepCount = 2_000;

/** @throws DependencyError('kafka') */
export async function findRecord(reader: RecordReader, admin: KeptAdmin, wanted: Wanted): Promise<Found> {
  const nearMs = Math.max(wanted.fromMs, wanted.aboutMs - clockSlackMs);
  const [ranges, fromStart, fromNear, fromEnd] = await Promise.all([
    reader.ranges(wanted.topic),
    offsetsAt(admin, wanted.topic, wanted.fromMs),
    offsetsAt(admin, wanted.topic, nearMs),
    offsetsAt(admin, wanted.topic, wanted.untilMs + 1),
  ]);
  const own = ranges.filter(
    ({ partition }) => wanted.key === undefined || partition === partitionOf(wanted.key, ranges),
  );
  const find = toTest(wanted);
  let budget = maxLookedAt;
  let isCutShort = false;

  async function look(range: PartitionRange, from: bigint, end: bigint): Promise<StoredRecord | undefined> {
    for (let at = from > range.low ? from : range.low; at < end; ) {
      if (budget <= 0) {
        isCutShort = true;
        return undefined;
      }
      const limit = Math.min(stepCount, budget);
      const stepEnd = at + BigInt(limit) < end ? at + BigInt(limit) : end;
      const stretch = { partition: range.partition, from: at, end: stepEnd, limit };
      const { records, lookedAtCount } = await reader.readStretches({
        topic: wanted.topic,
        stretches: [stretch],
        find,
      });
      budget -= Math.max(1, lookedAtCount);
      if (records[0]) return records[0];
      at = stepEnd;
    }
    return undefined;
  }

  let record: StoredRecord | undefined;
  for (const [first, last] of [
    [fromNear, fromEnd],
    [fromStart, fromNear],
  ] as const) {
    for (const range of own) {
      const end = last.get(range.partition) ?? range.high;
      record ??= await look(range, first.get(range.partition) ?? range.high, end);
    }
  }
  return { record, partitions: own.map(({ partition }) => partition), lookedAtCount: maxLookedAt - budget, isCutShort };
}

function partitionOf(key: string, ranges: readonly PartitionRange[]): number {
  return (murmur2(Buffer.from(key)) & 0x7fffffff) % ranges.length;
}

/** By partition; a partition that has nothing that new is left out. */
async function offsetsAt(admin: KeptAdmin, topic: string, atMs: number): Promise<Map<number, bigint>> {
  const found = await admin.use((one) => one.fetchTopicOffsetsByTimestamp(topic, Math.max(0, Math.floor(atMs))));
  return new Map(
    found.filter(({ offset }) => BigInt(offset) >= 0n).map(({ partition, offset }) => [partition, BigInt(offset)]),
  );
}

/** Texts in Avro are UTF-8 as they are, so an id is found without decoding anything. */
function toTest({ key, id }: Wanted): (message: { key: Buffer | null; value: Buffer | null }) => boolean {
  const idBytes = Buffer.from(id);
  const keyBytes = key === undefined ? undefined : Buffer.from(key);
  return (message) => {
    if (keyBytes && !message.key?.equals(keyBytes)) return false;
    return message.value?.includes(idBytes) ?? false;
  };
}
