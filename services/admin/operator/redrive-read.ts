// Reads many single records of a topic, in runs where they stand near each other.
import type { RecordReader } from '../kafka/record-reader.ts';
import type { StoredRecord } from '../kafka/stored-record.ts';

export interface Place {
  topic: string;
  partition: number;
  offset: number;
}

/** So many records between two that are wanted are read over. */
const nearCount = 20;
const maxRun = 200;

export const toPlaceText = ({
  topic,
  partition,
  offset,
}: Place | { topic: string; partition: number; offset: string }) => `${topic}/${partition}/${offset}`;

/**
 * @returns what the topics still keep of these, by toPlaceText
 * @throws DependencyError('kafka')
 */
export async function readPlaces(
  reader: Pick<RecordReader, 'ranges' | 'read' | 'readStretches'>,
  places: readonly Place[],
): Promise<Map<string, StoredRecord>> {
  const found = new Map<string, StoredRecord>();
  for (const [topic, wanted] of Map.groupBy(places, (place) => place.topic)) {
    const ranges = new Map((await reader.ranges(topic)).map((range) => [range.partition, range]));
    for (const [partition, own] of Map.groupBy(wanted, (place) => place.partition)) {
      const range = ranges.get(partition);
      if (!range) continue;
      const kept = own
        .map(({ offset }) => offset)
        .filter((offset) => BigInt(offset) >= range.low && BigInt(offset) < range.high);
      for (const run of toRuns(kept)) {
        const [from, last] = [BigInt(run[0] ?? 0), BigInt(run.at(-1) ?? 0)];
        const stretch = { partition, from, end: last + 1n, limit: Number(last - from) + 1 };
        const { records } = await reader.readStretches({ topic, stretches: [stretch] });
        for (const record of records) found.set(toPlaceText(record), record);
        // A reading ends at some megabytes.
        for (const offset of run) {
          const text = toPlaceText({ topic, partition, offset });
          if (found.has(text)) continue;
          const record = await reader.read(topic, partition, String(offset));
          if (record) found.set(text, record);
        }
      }
    }
  }
  return found;
}

function toRuns(offsets: readonly number[]): number[][] {
  const runs: number[][] = [];
  for (const offset of [...new Set(offsets)].sort((a, b) => a - b)) {
    const run = runs.at(-1);
    const isNear = run !== undefined && offset - (run.at(-1) ?? 0) <= nearCount && offset - (run[0] ?? 0) < maxRun;
    if (isNear) run.push(offset);
    else runs.push([offset]);
  }
  return runs;
}
