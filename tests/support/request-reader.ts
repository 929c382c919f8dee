// Reads what the admin pages publish to the lane for urgent requests, as the planner does.
import { randomUUID } from 'node:crypto';
import type { NotificationRequested } from '../../lib/events.ts';
import type { AdminLab } from './admin-lab.ts';

export interface RequestReader {
  /** So far, in the order of their coming. */
  published: readonly { key: string; event: NotificationRequested }[];
  stop(): Promise<void>;
}

export async function readRequests({ kafka, topics, codec }: AdminLab): Promise<RequestReader> {
  const published: RequestReader['published'][number][] = [];
  const consumer = kafka.consumer({ groupId: `test-${randomUUID()}`, maxWaitTimeInMs: 200 });
  await consumer.connect();
  await consumer.subscribe({ topics: [topics.requestsHigh.name], fromBeginning: true });
  await consumer.run({
    eachMessage: async ({ message: { key, value } }) => {
      const event = await codec.decode(topics.requestsHigh, value ?? Buffer.alloc(0));
      published.push({ key: key?.toString() ?? '', event });
    },
  });
  return { published, stop: () => consumer.disconnect() };
}
