// Reads topics from their beginning and goes on reading, past the proxy, in a group of its own.
import { randomUUID } from 'node:crypto';
import type { KafkaMessage } from '../../../lib/kafka/client.ts';
import type { World } from './world.ts';

export interface TopicTail {
  stop(): Promise<void>;
}

/** @param onRecord asked for one record after the other; reading waits for it */
export async function startTail(
  { kafka }: World,
  topicNames: readonly string[],
  onRecord: (topic: string, message: KafkaMessage, partition: number) => void | Promise<void>,
): Promise<TopicTail> {
  if (topicNames.length === 0) return { stop: async () => {} };
  const consumer = kafka.consumer({
    groupId: `fault-harness-${randomUUID()}`,
    allowAutoTopicCreation: false,
    maxWaitTimeInMs: 200,
  });
  await consumer.connect();
  await consumer.subscribe({ topics: [...topicNames], fromBeginning: true });
  await consumer.run({
    eachMessage: async ({ topic, partition, message }) => {
      await onRecord(topic, message, partition);
    },
  });
  return { stop: () => consumer.disconnect() };
}
