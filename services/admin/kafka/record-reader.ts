// Reads single records of our topics by partition and offset, for the pages that show them. Nothing is ever committed;
// the consumer behind it starts with the first reading and ends some minutes after the last.
import { randomUUID } from 'node:crypto';
import { DependencyError } from '../../../lib/errors.ts';
import type { Kafka, KafkaMessage } from '../../../lib/kafka/client.ts';
import { recordTopics, type Topics } from '../../../lib/topics.ts';
import { PageError } from '../page-error.ts';
import type { KeptAdmin } from './kept-admin.ts';
import { type Reading, type ReadingConsumer, startReadingConsumer } from './reading-consumer.ts';

export interface StoredRecord {
  topic: string;
  partition: number;
  offset: string;
  /** When the broker appended it. */
  timestampMs: number;
  key: Buffer | null;
  /** Null for a tombstone. */
  value: Buffer | null;
  /** Of a header that was sent several times, the last one. */
  headers: Record<string, string>;
}

export interface RecordReader {
  /**
   * @returns undefined when the topic no longer keeps it (or not yet)
   * @throws DependencyError('kafka') after 5 s, PageError 503 when too many wait
   */
  read(topic: string, partition: number, offset: string): Promise<StoredRecord | undefined>;
  /**
   * Up to `limit` records of one partition from this offset on, or from its first when that is gone; fewer at its end.
   * @throws as `read`
   */
  readFrom(topic: string, partition: number, offset: string, limit: number): Promise<StoredRecord[]>;
  stop(): Promise<void>;
}

const readWithinMs = 5_000;
const unusedForMs = 3 * 60_000;
const maxWaiting = 200;
const offsetForm = /^\d{1,19}$/;

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

  async function perform(reading: Reading): Promise<KafkaMessage[]> {
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
      closing = setTimeout(() => enqueue(close).catch(() => {}), unusedForMs).unref();
    }
  }

  /** One after the other: the consumer has one place to be at. */
  function enqueue<T>(work: () => Promise<T>): Promise<T> {
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

  /** @returns undefined where there is nothing to wait for */
  async function locate(topic: string, partition: number, offset: string, limit: number): Promise<Reading | undefined> {
    if (!offsetForm.test(offset) || limit < 1) return undefined;
    const ranges = await admin.use((one) => one.fetchTopicOffsets(topic));
    const range = ranges.find((one) => one.partition === partition);
    if (!range) return undefined;
    const [low, end, wanted] = [BigInt(range.low), BigInt(range.high), BigInt(offset)];
    const from = wanted < low ? low : wanted;
    return from < end ? { topic, partition, from, end, limit } : undefined;
  }

  return {
    async read(topic, partition, offset) {
      const reading = await locate(topic, partition, offset, 1);
      if (!reading || reading.from !== BigInt(offset)) return undefined;
      const [found] = await enqueue(() => perform(reading));
      // After a marker of a transaction comes the record behind it.
      return found && BigInt(found.offset) === reading.from ? toStored(topic, partition, found) : undefined;
    },
    async readFrom(topic, partition, offset, limit) {
      const reading = await locate(topic, partition, offset, limit);
      const found = reading ? await enqueue(() => perform(reading)) : [];
      return found.map((message) => toStored(topic, partition, message));
    },
    async stop() {
      stopped = true;
      await consumer?.stop();
      await last;
      await close();
    },
  };
}

function toStored(topic: string, partition: number, message: KafkaMessage): StoredRecord {
  const { offset, timestamp, key, value, headers = {} } = message;
  const texts = Object.entries(headers).map(([name, sent]) => {
    const one = Array.isArray(sent) ? sent.at(-1) : sent;
    return [name, one?.toString() ?? ''] as const;
  });
  return { topic, partition, offset, timestampMs: Number(timestamp), key, value, headers: Object.fromEntries(texts) };
}
