// A lane of its own on the shared Kafka, for tests of the stage runtime: topics with a random prefix, two partitions,
// a producer for anything (also rubbish), and a view of what stands in a topic and what is committed.
import { randomUUID } from 'node:crypto';
import { inject, onTestFinished } from 'vitest';
import type { ChunkPlanned, NotificationEnriched, NotificationOutcome, RecordName, Records } from '../../lib/events.ts';
import { createKafka, type IHeaders, type Kafka, type KafkaMessage, partitioner } from '../../lib/kafka/client.ts';
import { type Codec, createCodec } from '../../lib/kafka/codec.ts';
import { createPublisher, type Publisher } from '../../lib/kafka/publisher.ts';
import { registerSchemas } from '../../lib/kafka/register-schemas.ts';
import { type RunningStage, type StageRuntime, startStage } from '../../lib/kafka/run-stage.ts';
import type { AnyStage, Incoming, TransformStage } from '../../lib/kafka/stage.ts';
import { ensureTopics } from '../../lib/kafka/topic-admin.ts';
import { createLogger, type Logger } from '../../lib/logger.ts';
import { createMetrics, createStageMetrics, type Registry } from '../../lib/metrics.ts';
import { createTopics, type Topic, type Topics } from '../../lib/topics.ts';
import { eventually } from './eventually.ts';

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
  const settings = { topicPrefix: '', ssl: false, caFile: undefined, sasl: undefined };
  const brokers = (options.brokers ?? env.KAFKA_BROKERS).split(',');
  const kafka = createKafka({ ...settings, brokers }, 'test', logger);
  const registryUrl = env.SCHEMA_REGISTRY_URL;
  await ensureTopics(kafka, topics, {
    partitions: options.partitions ?? 2,
    replicationFactor: 1,
    minInsyncReplicas: 1,
  });
  await registerSchemas({ registryUrl, topics });
  const setupCodec = createCodec({ registryUrl, topics });
  await setupCodec.prepare();
  const codec = createCodec({ registryUrl: options.registryUrl ?? registryUrl, topics });
  await codec.prepare();
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

/** What the test does with each chunk, by its id; the rest is an enricher that forwards everybody. */
export interface TestStage extends TransformStage<'ChunkPlanned', unknown, 'NotificationEnriched'> {
  /** Every chunk id that was handed to load, slice by slice. */
  slices: string[][];
}

export function createTestStage(
  lab: StageLab,
  behaviour: {
    load?: (slice: readonly Incoming<ChunkPlanned>[], signal: AbortSignal) => unknown;
    transform?: (chunk: ChunkPlanned) => void;
    lane?: 'high' | 'medium' | 'low';
  } = {},
): TestStage {
  const priority = behaviour.lane ?? 'high';
  const lane = lab.topics.lanes.enricher.find(({ name }) => name === priority);
  if (!lane) throw new Error(`no lane ${priority}`);
  const slices: string[][] = [];
  return {
    kind: 'transform',
    name: 'enricher',
    lane,
    slices,
    countPeople: (chunk) => chunk.user_ids.length,
    async load(slice, signal) {
      slices.push(slice.map(({ event }) => event.chunk_id));
      return behaviour.load?.(slice, signal);
    },
    transform({ event }, _facts, now) {
      behaviour.transform?.(event);
      const forward = event.user_ids.map((userId) => ({
        topic: lab.topics.enriched[priority],
        key: userId,
        event: toEnriched(event, userId, now),
      }));
      return { forward, outcomes: [] };
    },
    fail: (chunk, error, now) => chunk.user_ids.map((userId) => toFailed(chunk, userId, error, now)),
  };
}

export function chunk(chunkId: string, userIds: readonly string[] = [`user-${chunkId}`]): ChunkPlanned {
  return {
    chunk_id: chunkId,
    request_id: 'request-1',
    sequence: 0,
    priority: 'high',
    is_promo: false,
    template_id: 'welcome',
    template_version: 1,
    template_kind: 'common',
    channel: 'email',
    on_no_answer: 'resend',
    context: '{}',
    requested_at: 1_700_000_000_000,
    planned_at: 1_700_000_000_001,
    expires_at: null,
    user_ids: [...userIds],
  };
}

function toEnriched(from: ChunkPlanned, userId: string, now: number): NotificationEnriched {
  const { sequence: _sequence, template_kind: _kind, user_ids: _ids, ...rest } = from;
  return {
    ...rest,
    notification_id: `n-${userId}`,
    user_id: userId,
    address: 'a@example.com',
    first_name: 'A',
    last_name: 'B',
    collected: '{}',
    enriched_at: now,
  };
}

function toFailed(
  from: ChunkPlanned,
  userId: string,
  error: { code: string; message: string },
  now: number,
): NotificationOutcome {
  const { chunk_id, request_id, priority, channel, template_id, template_version, requested_at, planned_at } = from;
  return {
    ...{ chunk_id, request_id, priority, channel, template_id, template_version, requested_at, planned_at },
    notification_id: `n-${userId}`,
    user_id: userId,
    state: 'failed',
    reason: error.code === 'too_large' ? 'too_large' : 'dead_lettered',
    detail: error.code,
    stage: 'enricher',
    attempt: 0,
    enriched_at: null,
    ended_at: now,
  };
}
