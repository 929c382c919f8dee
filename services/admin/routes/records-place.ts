// Where in a topic the list of records is to begin: read from the page's address, as links and the form write it.

import type { KeptAdmin } from '../kafka/kept-admin.ts';
import { type Place, readOffsets } from '../kafka/record-page.ts';
import type { PartitionRange } from '../kafka/record-reader.ts';

export interface Asked {
  before?: string;
  from?: string;
  partition?: string;
  offset?: string;
  /** UTC, as a field of type datetime-local writes it. */
  time?: string;
}

export type Faults = Partial<Record<'partition' | 'offset' | 'time', string>>;

/** @returns the newest records of what was asked for where something is wrong with the rest */
export async function findPlace(
  asked: Asked,
  topic: string,
  ranges: readonly PartitionRange[],
  admin: KeptAdmin,
): Promise<{ place: Place; faults: Faults; words: string }> {
  const linked = asked.before ? readOffsets(asked.before) : asked.from ? readOffsets(asked.from) : undefined;
  if (linked) {
    return { place: { direction: asked.before ? 'before' : 'from', offsets: linked }, faults: {}, words: '' };
  }
  const faults: Faults = {};
  const partition = asked.partition ? ranges.find((range) => String(range.partition) === asked.partition) : undefined;
  if (asked.partition && !partition) faults.partition = `This topic has partitions 0 to ${ranges.length - 1}.`;
  const shown = partition ? [partition] : ranges;
  const newest = (words: string) => ({
    place: { direction: 'before' as const, offsets: new Map(shown.map(({ partition: p, high }) => [p, high])) },
    faults,
    words,
  });

  if (asked.offset) {
    if (!/^\d{1,18}$/.test(asked.offset)) faults.offset = 'An offset is a whole number.';
    else if (!partition) faults.partition ??= 'Choose the partition that the offset is of.';
    else {
      const offsets = new Map([[partition.partition, BigInt(asked.offset)]]);
      return { place: { direction: 'from', offsets }, faults, words: `from offset ${asked.offset} on` };
    }
  } else if (asked.time) {
    const atMs = readTime(asked.time);
    if (atMs === undefined) faults.time = 'This is no time.';
    else {
      const found = await admin.use((one) => one.fetchTopicOffsetsByTimestamp(topic, atMs));
      const offsets = new Map(
        found
          .filter((one) => shown.some((range) => range.partition === one.partition))
          .map((one) => [one.partition, toOffset(one, ranges)] as const),
      );
      return { place: { direction: 'from', offsets }, faults, words: 'from this time on' };
    }
  }
  return newest(partition ? `the newest of partition ${partition.partition}` : 'the newest of all partitions');
}

/** Kafka answers -1 where nothing is that new. */
function toOffset(found: { partition: number; offset: string }, ranges: readonly PartitionRange[]): bigint {
  const offset = BigInt(found.offset);
  return offset >= 0n ? offset : (ranges.find(({ partition }) => partition === found.partition)?.high ?? 0n);
}

/** `2026-11-23T14:30` or with seconds, meant as UTC. */
function readTime(text: string): number | undefined {
  if (!/^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?$/.test(text)) return undefined;
  const ms = Date.parse(`${text.replace(' ', 'T')}Z`);
  return Number.isNaN(ms) ? undefined : ms;
}
