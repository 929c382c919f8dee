import { expect, it } from 'vitest';
import { DependencyError } from '../../../lib/errors.ts';
import { createTopics } from '../../../lib/topics.ts';
import type { Reading } from '../kafka/reading.ts';
import type { StoredRecord } from '../kafka/stored-record.ts';
import { createDeadLetterIndex } from './dead-letters-index.ts';

const topics = createTopics('');
const planner = topics.deadLetters.planner.name;

/** A topic of one partition that holds offsets from `low` up to `high`, each put aside a second after the one before. */
function createReader(state: { low: number; high: number }) {
  const readings: { from: number; end: number }[] = [];
  let mostAtOnce = Number.POSITIVE_INFINITY;
  return {
    readings,
    limitTo(count: number) {
      mostAtOnce = count;
    },
    ranges: async (topic: string) => {
      const { low, high } = topic === planner ? state : { low: 0, high: 0 };
      return [{ partition: 0, low: BigInt(low), high: BigInt(high) }];
    },
    async readStretches({ topic, stretches }: Reading) {
      const records = stretches.flatMap(({ from, end }) => {
        readings.push({ from: Number(from), end: Number(end) });
        if (end - from > mostAtOnce) throw new DependencyError('kafka', 'it was not read in time');
        return Array.from({ length: Number(end - from) }, (_, at) => toRecord(topic, Number(from) + at));
      });
      return { records, lookedAtCount: records.length, isCutShort: false };
    },
  };
}

function toRecord(topic: string, offset: number): StoredRecord {
  const place = { topic, partition: 0, offset: String(offset), timestampMs: offset * 1_000 };
  return { ...place, key: null, value: null, valueBytes: 5, isLeftOut: true, headers: {} };
}

const later = () => new Promise((resolve) => setImmediate(resolve));

it('lists what there is, newest first, and afterwards reads only what is new', async () => {
  const state = { low: 0, high: 3 };
  const records = createReader(state);
  const index = createDeadLetterIndex({ records, topics, freshForMs: -1 });
  const offsets = async () => (await index.current()).letters.map(({ offset }) => offset);
  expect(await offsets()).toEqual([2, 1, 0]);
  state.high = 5;
  await later();
  expect(await offsets()).toEqual([4, 3, 2, 1, 0]);
  expect(records.readings).toEqual([
    { from: 0, end: 3 },
    { from: 3, end: 5 },
  ]);
});

it('looks at the newest of each partition alone, and says how many are older', async () => {
  const state = { low: 10, high: 100 };
  const index = createDeadLetterIndex({ records: createReader(state), topics, maxPerPartition: 20, freshForMs: -1 });
  const view = await index.current();
  expect(view.letters.map(({ offset }) => offset)).toEqual(Array.from({ length: 20 }, (_, at) => 99 - at));
  expect(view.olderCount).toBe(70);
});

it('keeps the newest of all partitions in memory, however many the topics keep, and goes on reading what is new', async () => {
  const state = { low: 0, high: 100_000 };
  const index = createDeadLetterIndex({
    records: createReader(state),
    topics,
    maxPerPartition: 50_000,
    maxLetters: 1_000,
    freshForMs: -1,
  });
  let most = 0;
  const watching = setInterval(() => {
    most = Math.max(most, index.size());
  }, 0);
  const view = await index.current();
  clearInterval(watching);
  expect(view.letters).toHaveLength(1_000);
  expect([view.letters[0]?.offset, view.letters.at(-1)?.offset, view.olderCount]).toEqual([99_999, 99_000, 99_000]);
  expect([index.size(), most <= 1_500]).toEqual([1_000, true]);
  state.high += 10;
  await later();
  const next = await index.current();
  expect([next.letters[0]?.offset, next.letters.length, next.olderCount]).toEqual([100_009, 1_000, 99_010]);
});

it('forgets what the topic no longer keeps, and begins again when the topic was made anew', async () => {
  const state = { low: 0, high: 4 };
  const index = createDeadLetterIndex({ records: createReader(state), topics, freshForMs: -1 });
  await index.current();
  state.low = 3;
  await later();
  expect((await index.current()).letters.map(({ offset }) => offset)).toEqual([3]);
  Object.assign(state, { low: 0, high: 2 });
  await later();
  expect((await index.current()).letters.map(({ offset }) => offset)).toEqual([1, 0]);
});

it('asks for less at once when the records are so large that they do not come in time', async () => {
  const records = createReader({ low: 0, high: 120 });
  records.limitTo(50);
  const index = createDeadLetterIndex({ records, topics });
  expect((await index.current()).letters).toHaveLength(120);
  expect(records.readings.map(({ from, end }) => end - from)).toEqual([120, 50, 50, 20]);
});

it('says that Kafka is down, and tries again when asked again', async () => {
  const records = createReader({ low: 0, high: 20 });
  const index = createDeadLetterIndex({ records, topics });
  records.limitTo(0);
  await expect(index.current()).rejects.toThrow('it was not read in time');
  records.limitTo(500);
  expect((await index.current()).letters).toHaveLength(20);
});
