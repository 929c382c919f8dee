// One page of a topic's records, newest first across its partitions: from an end of each partition on backwards, or from
// given offsets on forwards. Within a partition Kafka's own time never falls, so that merging by time keeps its order.
import type { PartitionRange, RecordReader } from './record-reader.ts';
import type { StoredRecord } from './stored-record.ts';

/** Where a page begins, by partition; partitions that are not named are not shown. */
export interface Place {
  /** before: the records below these offsets. from: these offsets and what follows. */
  direction: 'before' | 'from';
  offsets: ReadonlyMap<number, bigint>;
}

export interface RecordPage {
  records: StoredRecord[];
  older: Place | undefined;
  newer: Place | undefined;
}

/** What one page may hold in memory, whatever stands in the topic. */
const maxBytes = 12 * 1024 * 1024;
const maxValueBytes = 64 * 1024;

export async function readPage(
  reader: RecordReader,
  topic: string,
  ranges: readonly PartitionRange[],
  place: Place,
  size: number,
): Promise<RecordPage> {
  const shown = ranges.flatMap((range) => {
    const wanted = place.offsets.get(range.partition);
    return wanted === undefined ? [] : [{ ...range, at: clamp(wanted, range) }];
  });
  const isBackwards = place.direction === 'before';
  const step = BigInt(size);
  const { records } = await reader.readStretches({
    topic,
    stretches: shown.map(({ partition, low, high, at }) =>
      isBackwards
        ? { partition, from: at - step > low ? at - step : low, end: at, limit: size }
        : { partition, from: at, end: high, limit: size },
    ),
    maxValueBytes: Math.min(maxValueBytes, Math.floor(maxBytes / (size * Math.max(1, shown.length)))),
  });
  records.sort(newestFirst);
  const taken = isBackwards ? records.slice(0, size) : records.slice(-size);
  const lowest = new Map(shown.map(({ partition, at }) => [partition, at]));
  const next = new Map(lowest);
  for (const { partition, offset } of taken) {
    const at = BigInt(offset);
    if (at < (lowest.get(partition) ?? at)) lowest.set(partition, at);
    if (at >= (next.get(partition) ?? 0n)) next.set(partition, at + 1n);
  }
  const hasOlder = shown.some(({ partition, low }) => (lowest.get(partition) ?? low) > low);
  const hasNewer = shown.some(({ partition, high }) => (next.get(partition) ?? high) < high);
  return {
    records: taken,
    older: hasOlder ? { direction: 'before', offsets: lowest } : undefined,
    newer: hasNewer ? { direction: 'from', offsets: next } : undefined,
  };
}

function clamp(offset: bigint, { low, high }: PartitionRange): bigint {
  if (offset < low) return low;
  return offset > high ? high : offset;
}

function newestFirst(a: StoredRecord, b: StoredRecord): number {
  if (a.timestampMs !== b.timestampMs) return b.timestampMs - a.timestampMs;
  if (a.partition !== b.partition) return a.partition - b.partition;
  return BigInt(a.offset) < BigInt(b.offset) ? 1 : -1;
}

/** As it stands in an address: `0:120,1:98`. */
export function writeOffsets(offsets: ReadonlyMap<number, bigint>): string {
  return [...offsets].map(([partition, offset]) => `${partition}:${offset}`).join(',');
}

/** @returns undefined when it is not of that form */
export function readOffsets(text: string): Map<number, bigint> | undefined {
  const pairs = text.split(',').map((pair) => /^(\d{1,5}):(\d{1,18})$/.exec(pair));
  const offsets = new Map<number, bigint>();
  for (const pair of pairs) {
    if (!pair?.[1] || !pair[2]) return undefined;
    offsets.set(Number(pair[1]), BigInt(pair[2]));
  }
  return offsets;
}
