// A lane of its own on the shared Kafka, for tests of the stage runtime: topics with a random prefix, two partitions,
// a producer for anything (also rubbish), and a view of what stands in a topic and what is committed.
import { randomUUID } from 'node:crypto';
import { inject, onTestFinished } from 'vitest';
import type { RecordName, Records } from '../../lib/events.ts';
import { createKafka, type IHeaders, type Kafka, type KafkaMessage, partitioner } from '../../lib/kafka/client.ts';
import { type Codec, createCodec } from '../../lib/kafka/codec.ts';
import { createPublisher, type Publisher } from '../../lib/kafka/publisher.ts';
import { type RunningStage, type StageRuntime, startStage } from '../../lib/kafka/run-stage.ts';
import type { AnyStage } from '../../lib/kafka/stage.ts';
import { ensureTopics } from '../../lib/kafka/topic-admin.ts';
import { createLogger, type Logger } from '../../lib/logger.ts';
import { createMetrics, createStageMetrics, type Registry } from '../../lib/metrics.ts';
import { createTopics, type Topic, type Topics } from '../../lib/topics.ts';
import { eventually } from './eventually.ts';
import { registerSubjects } from './register-subjects.ts';

export interface StageLab {
  topics: Topics;
  kafka: Kafka;
  codec: Codec;
  publisher: Publisher;
  logger: Logger;
  metrics: Registry;
  /** Errors that a lane could not go on after. */
  fatal: Error[];
  /** The stage is stopped when the test ends, if not before. */
  start(stage: AnyStage, runtime?: Partial<StageRuntime>): RunningStage;
  /** All to one partition, in this order. */
  send(
    topic: string,
    values: readonly (Buffer | null)[],
    options?: { partition?: number; headers?: IHeaders },
  ): Promise<void>;
  sendEvents<R extends RecordName>(topic: Topic<R>, events: readonly Records[R][], partition?: number): Promise<void>;
  /** Everything in a topic, once it holds at least so many records. */
  read(topic: string, atLeast: number): Promise<KafkaMessage[]>;
  readEvents<R extends RecordName>(topic: Topic<R>, atLeast: number): Promise<Records[R][]>;
  /** By partition, -1 where nothing is committed. */
  committed(group: string, topic: string): Promise<number[]>;
}

/** To be called inside a test. */
export async function openStageLab(
  options: { brokers?: string; registryUrl?: string; partitions?: number } = {},
): Promise<StageLab> {
  const env = inject('infrastructure');
  const topics = createTopics(`test-${randomUUID().slice(0, 8)}.`);
  const logger = createLogger({ service: 'test', level: process.env.TEST_LOG_LEVEL ?? 'silent' });
  const access = { topicPrefix: '', ssl: false, caFile: undefined, sasl: undefined };
  const brokers = (options.brokers ?? env.KAFKA_BROKERS).split(',');
  const kafka = createKafka({ ...access, brokers }, 'test', logger);
  const registryUrl = env.SCHEMA_REGISTRY_URL;
  const settings = { partitions: options.partitions ?? 2, replicationFactor: 1, minInsyncReplicas: 1 };
  await Promise.all([ensureTopics(kafka, topics, settings), registerSubjects(registryUrl, topics)]);
  const setupCodec = createCodec({ registryUrl, topics });
  await setupCodec.prepare();
  // The stage's own registry may be one that a test takes away.
  const codec = options.registryUrl ? createCodec({ registryUrl: options.registryUrl, topics }) : setupCodec;
  if (codec !== setupCodec) await codec.prepare();
  const publisher = createPublisher({ kafka, codec, logger });
  await publisher.connect();
  const producer = kafka.producer({ createPartitioner: partitioner, allowAutoTopicCreation: false });
  const admin = kafka.admin();
  await Promise.all([producer.connect(), admin.connect()]);
  const metrics = createMetrics('test');
  const stageMetrics = createStageMetrics(metrics);
  const fatal: Error[] = [];
  const running = new Set<RunningStage>();

  onTestFinished(async () => {
    await Promise.all([...running].map((stage) => stage.stop()));
    await Promise.all([publisher.disconnect(), producer.disconnect(), admin.disconnect()]);
  });

  async function send(
    topic: string,
    values: readonly (Buffer | null)[],
    { partition = 0, headers = {} } = {},
  ): Promise<void> {
    await producer.send({ topic, messages: values.map((value) => ({ key: 'k', value, partition, headers })) });
  }

  async function read(topic: string, atLeast: number): Promise<KafkaMessage[]> {
    const found: KafkaMessage[] = [];
    const consumer = kafka.consumer({
      groupId: `test-read-${randomUUID()}`,
      maxWaitTimeInMs: 200,
      allowAutoTopicCreation: false,
    });
    await consumer.connect();
    try {
      await consumer.subscribe({ topics: [topic], fromBeginning: true });
      await consumer.run({ autoCommit: false, eachMessage: async ({ message }) => void found.push(message) });
      await eventually(() => found.length >= atLeast, `${atLeast} records in ${topic}, there are ${found.length}`);
    } finally {
      await consumer.disconnect();
    }
    return found;
  }

  return {
    topics,
    kafka,
    codec,
    publisher,
    logger,
    metrics,
    fatal,
    start(stage, runtime = {}) {
      const started = startStage(stage, {
        kafka,
        codec,
        publisher,
        topics,
        logger,
        metrics: stageMetrics(stage.name, stage.lane.name),
        onFatal: (error) => fatal.push(error),
        ...runtime,
      });
      running.add(started);
      return {
        ...started,
        async stop() {
          running.delete(started);
          await started.stop();
        },
      };
    },
    send,
    sendEvents: (topic, events, partition = 0) =>
      send(
        topic.name,
        events.map((event) => setupCodec.encode(topic, event)),
        { partition },
      ),
    read,
    async readEvents(topic, atLeast) {
      const messages = await read(topic.name, atLeast);
      return Promise.all(messages.map(({ value }) => setupCodec.decode(topic, value ?? Buffer.alloc(0))));
    },
    async committed(group, topic) {
      const [found] = await admin.fetchOffsets({ groupId: group, topics: [topic] });
      return (found?.partitions ?? []).sort((a, b) => a.partition - b.partition).map(({ offset }) => Number(offset));
    },
  };
}
