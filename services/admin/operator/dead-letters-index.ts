// The dead letters of all stages as a list in memory: their cause, key and place, never their values. Read from Kafka as
// they come; bounded to the newest of each partition, and to the newest of them all.

import { DependencyError } from '../../../lib/errors.ts';
import { readDeadLetterCause } from '../../../lib/kafka/headers.ts';
import { type StageName, stages, type Topics } from '../../../lib/topics.ts';
import { toKeyText } from '../kafka/key-text.ts';
import type { Stretch } from '../kafka/reading.ts';
import type { PartitionRange, RecordReader } from '../kafka/record-reader.ts';
import type { StoredRecord } from '../kafka/stored-record.ts';

export interface DeadLetter {
  topic: string;
  stage: StageName;
  partition: number;
  offset: number;
  /** When the broker appended it. */
  timestampMs: number;
  key: string | undefined;
  valueBytes: number;
  /** Empty for a record that somebody else has put here. */
  code: string;
  message: string;
  originalTopic: string;
  originalPartition: number;
  originalOffset: string;
}

export interface DeadLetterView {
  /** Newest first. */
  letters: readonly DeadLetter[];
  /** Kept by the topics, but older than what is looked at. */
  olderCount: number;
}

export interface DeadLetterIndex {
  /** At most a second old. @throws DependencyError('kafka') */
  current(): Promise<DeadLetterView>;
  /** How many are in memory. */
  size(): number;
}

interface Partition {
  letters: DeadLetter[];
  next: bigint;
}

/** Of each partition, newest. */
export const maxPerPartition = 5_000;
/** Of all partitions, newest: some 15 MB, and some tens of milliseconds to sort and filter. */
export const maxLetters = 20_000;
/** So many of each partition in one reading; fewer when that takes too long, for values travel although nobody keeps them. */
const stepCounts = [250, 50, 10];
const maxMessageChars = 300;

export function createDeadLetterIndex(parts: {
  records: Pick<RecordReader, 'ranges' | 'readStretches'>;
  topics: Topics;
  maxPerPartition?: number;
  maxLetters?: number;
  /** How long an answer serves others as well. */
  freshForMs?: number;
}): DeadLetterIndex {
  const { records, topics, maxPerPartition: max = maxPerPartition, freshForMs = 1_000 } = parts;
  const maxInAll = parts.maxLetters ?? maxLetters;
  const partitions = new Map<string, Partition>();
  let asked: { answer: Promise<DeadLetterView>; atMs: number } | undefined;

  /** @returns how many the topic keeps */
  async function readStage(stage: StageName): Promise<number> {
    const { name: topic } = topics.deadLetters[stage];
    const ranges = await records.ranges(topic);
    for (const range of ranges) forget(topic, range);
    // All partitions at once, some records of each: a reading has its limits in time and bytes.
    for (let step = 0; ; ) {
      const stepCount = stepCounts[step] ?? 1;
      const stretches = ranges.flatMap(({ partition, high }) => {
        const from = open(topic, partition).next;
        const end = from + BigInt(stepCount) < high ? from + BigInt(stepCount) : high;
        return from < high ? [{ partition, from, end, limit: stepCount }] : [];
      });
      if (stretches.length === 0) break;
      const found = await readStep(topic, stretches, step + 1 < stepCounts.length);
      if (!found) {
        step += 1;
        continue;
      }
      for (const record of found) open(topic, record.partition).letters.push(toDeadLetter(stage, record));
      for (const { partition, end } of stretches) open(topic, partition).next = end;
      if (size() > maxInAll * 1.25) forgetOldest();
    }
    let keptCount = 0n;
    for (const range of ranges) {
      forget(topic, range);
      keptCount += range.high - range.low;
    }
    return Number(keptCount);
  }

  /** @returns undefined when less should be asked for */
  async function readStep(
    topic: string,
    stretches: Stretch[],
    mayAskLess: boolean,
  ): Promise<StoredRecord[] | undefined> {
    try {
      return (await records.readStretches({ topic, stretches, maxValueBytes: 0 })).records;
    } catch (error) {
      if (mayAskLess && error instanceof DependencyError) return undefined;
      throw error;
    }
  }

  function open(topic: string, partition: number): Partition {
    const key = `${topic}/${partition}`;
    let known = partitions.get(key);
    if (!known) {
      known = { letters: [], next: 0n };
      partitions.set(key, known);
    }
    return known;
  }

  /** What the topic no longer keeps, and what is too old to be looked at. */
  function forget(topic: string, { partition, low, high }: PartitionRange): void {
    const known = open(topic, partition);
    const oldest = high - BigInt(max) > low ? high - BigInt(max) : low;
    // A topic that was made anew begins again.
    if (known.next > high) Object.assign(known, { letters: [], next: oldest });
    if (known.next < oldest) known.next = oldest;
    known.letters = known.letters.filter(({ offset }) => BigInt(offset) >= oldest);
  }

  function size(): number {
    return partitions.values().reduce((sum, { letters }) => sum + letters.length, 0);
  }

  /** @returns those that are left, newest first */
  function forgetOldest(): DeadLetter[] {
    const all = [...partitions.values()].flatMap((partition) => partition.letters).sort(newestFirst);
    if (all.length <= maxInAll) return all;
    const kept = all.slice(0, maxInAll);
    const byPartition = Map.groupBy(kept, ({ topic, partition }) => `${topic}/${partition}`);
    for (const [key, partition] of partitions) partition.letters = byPartition.get(key)?.reverse() ?? [];
    return kept;
  }

  async function read(): Promise<DeadLetterView> {
    let keptCount = 0;
    for (const stage of stages) keptCount += await readStage(stage);
    const letters = forgetOldest();
    return { letters, olderCount: Math.max(0, keptCount - letters.length) };
  }

  return {
    size,
    current() {
      if (asked && Date.now() - asked.atMs <= freshForMs) return asked.answer;
      // One reading at a time: who comes while it lasts gets the next one's answer.
      const before = asked?.answer.catch(() => undefined);
      const begun = { answer: Promise.resolve(before).then(read), atMs: Number.POSITIVE_INFINITY };
      asked = begun;
      begun.answer.then(
        () => {
          begun.atMs = Date.now();
        },
        () => {
          if (asked === begun) asked = undefined;
        },
      );
      return begun.answer;
    },
  };
}

export function newestFirst(a: DeadLetter, b: DeadLetter): number {
  return (
    b.timestampMs - a.timestampMs ||
    (a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : b.partition - a.partition || b.offset - a.offset)
  );
}

function toDeadLetter(stage: StageName, record: StoredRecord): DeadLetter {
  const cause = readDeadLetterCause(record.headers);
  return {
    topic: record.topic,
    stage,
    partition: record.partition,
    offset: Number(record.offset),
    timestampMs: record.timestampMs,
    key: toKeyText(record.key),
    valueBytes: record.valueBytes,
    code: cause?.errorCode ?? '',
    message: (cause?.errorMessage ?? '').slice(0, maxMessageChars),
    originalTopic: cause?.originalTopic ?? '',
    originalPartition: cause?.originalPartition ?? 0,
    originalOffset: cause?.originalOffset ?? '',
  };
}
