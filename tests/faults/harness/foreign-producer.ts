// A stock Kafka client beside Posthorn: writes any bytes to any topic, and knows where each record then stands.
import type { IHeaders, Message } from '../../../lib/kafka/client.ts';
import { type Codec, createCodec } from '../../../lib/kafka/codec.ts';
import { withAdmin } from '../../../lib/kafka/topic-admin.ts';
import { recordTopics } from '../../../lib/topics.ts';
import type { World } from './world.ts';

export interface Entry {
  topic: string;
  partition: number;
  key: string | Buffer | null;
  value: Buffer | null;
  headers?: IHeaders | undefined;
}

export interface ForeignProducer {
  codec: Codec;
  partitionCount(topic: string): number;
  /** @returns the records' places, `topic/partition/offset`, in the order given */
  send(entries: readonly Entry[]): Promise<string[]>;
  stop(): Promise<void>;
}

export const toPlace = (topic: string, partition: number, offset: string | bigint): string =>
  `${topic}/${partition}/${offset}`;

export async function startForeignProducer(world: World): Promise<ForeignProducer> {
  const { kafka, topics } = world;
  const codec = createCodec({ registryUrl: world.launched.env.SCHEMA_REGISTRY_URL ?? '', topics });
  const producer = kafka.producer({ allowAutoTopicCreation: false });
  await Promise.all([codec.prepare(), producer.connect()]);
  const names = recordTopics(topics).map(({ name }) => name);
  const { topics: described } = await withAdmin(kafka, (admin) => admin.fetchTopicMetadata({ topics: names }));
  const counts = new Map(described.map(({ name, partitions }) => [name, partitions.length]));

  return {
    codec,
    partitionCount: (topic) => counts.get(topic) ?? 1,
    async send(entries) {
      const byTopic = new Map<string, Message[]>();
      for (const { topic, partition, key, value, headers } of entries) {
        const messages = byTopic.get(topic) ?? [];
        messages.push({ partition, key, value, ...(headers && { headers }) });
        byTopic.set(topic, messages);
      }
      const topicMessages = [...byTopic].map(([topic, messages]) => ({ topic, messages }));
      const answers = await producer.sendBatch({ topicMessages, acks: -1 });
      // A batch stands together: what is in it has the offsets from its first on, in the order given.
      const next = new Map(
        answers.map(({ topicName, partition, baseOffset }) => [`${topicName}/${partition}`, BigInt(baseOffset ?? -1)]),
      );
      return entries.map(({ topic, partition }) => {
        const batch = `${topic}/${partition}`;
        const offset = next.get(batch);
        if (offset === undefined || offset < 0n) throw new Error(`Kafka did not say where the records of ${batch} are`);
        next.set(batch, offset + 1n);
        return toPlace(topic, partition, offset);
      });
    },
    stop: () => producer.disconnect(),
  };
}
