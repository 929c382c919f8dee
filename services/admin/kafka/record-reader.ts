// Reads records of our topics by partition and offset, for the pages that show them. Nothing is ever committed; the
// consumer behind it starts with the first reading and ends some minutes after the last.
import { randomUUID } from 'node:crypto';
import { DependencyError } from '../../../lib/errors.ts';
import type { Kafka, KafkaMessage } from '../../../lib/kafka/client.ts';
import { recordTopics, type Topics } from '../../../lib/topics.ts';
import { PageError } from '../page-error.ts';
import type { KeptAdmin } from './kept-admin.ts';
import type { Reading, ReadResult, Stretch } from './reading.ts';
import { type ReadingConsumer, startReadingConsumer } from './reading-consumer.ts';
import type { StoredRecord } from './stored-record.ts';

export type { StoredRecord } from './stored-record.ts';

/** What one partition keeps: from `low`, up to but without `high`. */
export interface PartitionRange {
  partition: number;
  low: bigint;
  high: bigint;
}

/** All but `stop` throw DependencyError('kafka') after 5 s, and PageError 503 when too many readings wait. */
export interface RecordReader {
  /** @returns undefined when the topic no longer keeps it (or not yet) */
  read(topic: string, partition: number, offset: string): Promise<StoredRecord | undefined>;
  /**
   * Up to `limit` records of one partition from this offset on, or from its first when that is gone; fewer at its end,
   * and when their values come to more than 16 MB.
   */
  readFrom(topic: string, partition: number, offset: string, limit: number): Promise<StoredRecord[]>;
  /** Stretches of several partitions at once; each has to be inside the partition's range. */
  readStretches(reading: Reading): Promise<ReadResult>;
  /** Of every partition of the topic, in their order. */
  ranges(topic: string): Promise<PartitionRange[]>;
  stop(): Promise<void>;
}

const readWithinMs = 5_000;
const unusedForMs = 3 * 60_000;
const maxWaiting = 200;
const offsetForm = /^\d{1,18}$/;
const nothing: ReadResult = { records: [], lookedAtCount: 0, isCutShort: false };

export function createRecordReader(options: {
  kafka: Kafka;
  admin: KeptAdmin;
  topics: Topics;
  /** KAFKA_TOPIC_PREFIX, before the group as before all others. */
  prefix: string;
}): RecordReader {
  const { kafka, admin, topics, prefix } = options;
  // One per process: two that share a group would take each other's partitions away.
  const groupId = `${prefix}notifications.admin.reader.${randomUUID()}`;
  const names = [...recordTopics(topics), ...Object.values(topics.deadLetters)].map(({ name }) => name);
  let consumer: ReadingConsumer | undefined;
  let last: Promise<unknown> = Promise.resolve();
  let waitingCount = 0;
  let closing: NodeJS.Timeout | undefined;
  let stopped = false;

  async function close(): Promise<void> {
    clearTimeout(closing);
    const closed = consumer;
    consumer = undefined;
    if (!closed) return;
    await closed.stop();
    // A group without members would stay in everybody's lists for a week.
    await admin.use((one) => one.deleteGroups([groupId]), 3_000).catch(() => {});
  }

  async function perform(reading: Reading): Promise<ReadResult> {
    if (stopped) throw new DependencyError('kafka', 'this service is stopping');
    clearTimeout(closing);
    try {
      if (consumer && !consumer.isUsable()) await close();
      consumer ??= await startReadingConsumer(kafka, groupId, names);
      return await consumer.read(reading, readWithinMs);
    } catch (error) {
      await close();
      throw error;
    } finally {
      if (!stopped) closing = setTimeout(() => enqueue(close).catch(() => {}), unusedForMs).unref();
    }
  }

  /** One after the other: the consumer has one place to be at. */
  async function enqueue<T>(work: () => Promise<T>): Promise<T> {
    if (waitingCount >= maxWaiting) {
      throw new PageError(503, 'Too many records are being read at this moment. Try again in a few seconds.');
    }
    waitingCount += 1;
    const result = last.then(work).finally(() => {
      waitingCount -= 1;
    });
    last = result.catch(() => {});
    return result;
  }

  async function readStretches(reading: Reading): Promise<ReadResult> {
    const stretches = reading.stretches.filter(({ from, end, limit }) => from < end && limit > 0);
    return stretches.length === 0 ? nothing : enqueue(() => perform({ ...reading, stretches }));
  }

  async function ranges(topic: string): Promise<PartitionRange[]> {
    const found = await admin.use((one) => one.fetchTopicOffsets(topic));
    return found
      .map(({ partition, low, high }) => ({ partition, low: BigInt(low), high: BigInt(high) }))
      .sort((a, b) => a.partition - b.partition);
  }

  /** @returns undefined where there is nothing to wait for */
  async function locate(topic: string, partition: number, offset: string, limit: number): Promise<Stretch | undefined> {
    if (!offsetForm.test(offset)) return undefined;
    const range = (await ranges(topic)).find((one) => one.partition === partition);
    if (!range) return undefined;
    const wanted = BigInt(offset);
    return { partition, from: wanted < range.low ? range.low : wanted, end: range.high, limit };
  }

  return {
    async read(topic, partition, offset) {
      const stretch = await locate(topic, partition, offset, 1);
      if (!stretch || stretch.from !== BigInt(offset)) return undefined;
      const { records } = await readStretches({ topic, stretches: [stretch] });
      // After a marker of a transaction comes the record behind it.
      return records.find((record) => record.offset === String(stretch.from));
    },
    async readFrom(topic, partition, offset, limit) {
      const stretch = await locate(topic, partition, offset, limit);
      return stretch ? (await readStretches({ topic, stretches: [stretch] })).records : [];
    },
    readStretches,
    ranges,
    async stop() {
      stopped = true;
      await consumer?.stop();
      await last;
      await close();
    },
  };
}

/** For `find`: whether the id stands anywhere in the record's bytes; texts in Avro are UTF-8 as they are. */
export function holdsText(text: string): (message: KafkaMessage) => boolean {
  const bytes = Buffer.from(text);
  return ({ value }) => value?.includes(bytes) ?? false;
}
