// Writes every record of some topics again while the pipeline works on it: the same bytes under the same key, in the same
// partition, out of order. What a stage makes of a copy is not copied once more.
import { setTimeout as sleep } from 'node:timers/promises';
import type { KafkaMessage } from '../../../lib/kafka/client.ts';
import { withAdmin } from '../../../lib/kafka/topic-admin.ts';
import type { Topic } from '../../../lib/topics.ts';
import { eventually } from '../../support/eventually.ts';
import type { Entry, ForeignProducer } from './foreign-producer.ts';
import type { Random } from './random.ts';
import { startTail } from './topic-tail.ts';
import type { World } from './world.ts';

export interface Duplicator {
  readonly copyCount: number;
  /** Resolves when everything that is in the topics now has been read, and its copies have been written. */
  catchUp(): Promise<void>;
  stop(): Promise<void>;
}

const everyMs = 300;
const batchSize = 1_000;
/** Its copies of 20,000 people are half a million records. */
const catchUpWithinMs = 600_000;

export async function startDuplicator(
  world: World,
  {
    topics,
    producer,
    random,
    copies,
  }: { topics: readonly Topic[]; producer: ForeignProducer; random: Random; copies: number },
): Promise<Duplicator> {
  const byName = new Map(topics.map((topic) => [topic.name, topic]));
  const seen = new Set<string>();
  let waiting: Entry[] = [];
  let readCount = 0;
  let copyCount = 0;
  let isOver = false;

  /** What is in a record, however often a stage has made it. */
  const identify = async (topic: Topic, value: Buffer): Promise<string> => {
    const event = await producer.codec.decode(topic, value);
    return `${topic.name} ${'notification_id' in event ? event.notification_id : 'chunk_id' in event ? event.chunk_id : ''}`;
  };
  const take = async (name: string, { key, value, headers }: KafkaMessage, partition: number): Promise<void> => {
    readCount += 1;
    const topic = byName.get(name);
    if (!topic || value === null) return;
    const id = await identify(topic, value);
    if (seen.has(id)) return;
    seen.add(id);
    for (let copy = 0; copy < copies; copy++) waiting.push({ topic: name, partition, key, value, headers });
  };
  const write = async (): Promise<void> => {
    const entries = random.shuffle(waiting);
    waiting = [];
    for (let at = 0; at < entries.length; at += batchSize) await producer.send(entries.slice(at, at + batchSize));
    copyCount += entries.length;
  };
  const tail = await startTail(world, [...byName.keys()], take);
  const writing = (async () => {
    while (!isOver) {
      await write();
      await sleep(everyMs);
    }
  })();

  return {
    get copyCount() {
      return copyCount;
    },
    async catchUp() {
      const wanted = await countRecords(world, [...byName.keys()]);
      await eventually(
        () => readCount >= wanted,
        () => `${wanted} records are read, ${readCount} are`,
        catchUpWithinMs,
      );
      await eventually(() => waiting.length === 0, 'all copies are written', catchUpWithinMs);
    },
    async stop() {
      isOver = true;
      await Promise.all([tail.stop(), writing]);
    },
  };
}

/** In all topics named, copies and all. */
async function countRecords({ kafka }: World, names: readonly string[]): Promise<number> {
  return withAdmin(kafka, async (admin) => {
    let sum = 0;
    for (const name of names) {
      for (const { low, high } of await admin.fetchTopicOffsets(name)) sum += Number(high) - Number(low);
    }
    return sum;
  });
}
