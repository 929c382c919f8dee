// Kafka as a foreign producer and an operator meet it: writes any bytes to any topic, and reads the dead letters.

import type { NotificationRequested } from '../../lib/events.ts';
import { createKafka, type IHeaders, type Kafka } from '../../lib/kafka/client.ts';
import { type Codec, createCodec } from '../../lib/kafka/codec.ts';
import { type DeadLetterCause, readDeadLetterCause } from '../../lib/kafka/headers.ts';
import { createLogger } from '../../lib/logger.ts';
import { createTopics, stages, type Topics } from '../../lib/topics.ts';
import { eventually } from './eventually.ts';

export interface DeadLetter {
  topic: string;
  key: string | null;
  value: Buffer | null;
  headers: IHeaders;
  cause: DeadLetterCause;
}

export interface KafkaAccess {
  kafka: Kafka;
  topics: Topics;
  codec: Codec;
  /** Every dead letter so far, in the order of their coming. */
  deadLetters: readonly DeadLetter[];
  produce(
    topic: string,
    records: readonly { key?: string | null; value: Buffer | null; headers?: IHeaders }[],
  ): Promise<void>;
  /** Produces requests as a foreign producer does, by default to the topic for everybody. */
  request(events: readonly NotificationRequested[], topic?: string): Promise<void>;
  untilDeadLetter(fits: (letter: DeadLetter) => boolean, what: string, timeoutMs?: number): Promise<DeadLetter>;
  stop(): Promise<void>;
}

export async function accessKafka(env: Readonly<Record<string, string>>): Promise<KafkaAccess> {
  const prefix = env.KAFKA_TOPIC_PREFIX ?? '';
  const topics = createTopics(prefix);
  const logger = createLogger({ service: 'test', level: 'silent' });
  const brokers = (env.KAFKA_BROKERS ?? '').split(',');
  const settings = { brokers, topicPrefix: prefix, ssl: false, caFile: undefined, sasl: undefined };
  const kafka = createKafka(settings, 'test', logger);
  const codec = createCodec({ registryUrl: env.SCHEMA_REGISTRY_URL ?? '', topics });
  const producer = kafka.producer({ allowAutoTopicCreation: false });
  const consumer = kafka.consumer({ groupId: `${prefix}test`, allowAutoTopicCreation: false, maxWaitTimeInMs: 200 });
  const deadLetters: DeadLetter[] = [];
  await Promise.all([codec.prepare(), producer.connect(), consumer.connect()]);
  await consumer.subscribe({ topics: stages.map((stage) => topics.deadLetters[stage].name), fromBeginning: true });
  await consumer.run({
    eachMessage: async ({ topic, message: { key, value, headers = {} } }) => {
      const cause = readDeadLetterCause(headers);
      if (cause) deadLetters.push({ topic, key: key?.toString() ?? null, value, headers, cause });
    },
  });

  const produce: KafkaAccess['produce'] = async (topic, records) => {
    const messages = records.map(({ key = null, value, headers = {} }) => ({ key, value, headers }));
    await producer.send({ topic, messages, acks: -1 });
  };
  return {
    kafka,
    topics,
    codec,
    deadLetters,
    produce,
    request: (events, topic = topics.requests.name) =>
      produce(
        topic,
        events.map((event) => ({ key: event.request_id, value: codec.encode(topics.requests, event) })),
      ),
    async untilDeadLetter(fits, what, timeoutMs = 60_000) {
      await eventually(() => deadLetters.some(fits), `the dead letter of ${what} is there`, timeoutMs);
      const found = deadLetters.find(fits);
      if (!found) throw new Error(`no dead letter of ${what}`);
      return found;
    },
    async stop() {
      await Promise.all([consumer.disconnect(), producer.disconnect()]);
    },
  };
}
