// Ingest on real parts, in this process: its own topics, schemas and database, and a reader of what it published.
import { randomUUID } from 'node:crypto';
import { expect, inject, vi } from 'vitest';
import type { ApiKeyScope } from '../../domain/key-rights.ts';
import { createDatabase, type Db } from '../../lib/db/database.ts';
import { migrate } from '../../lib/db/migrate.ts';
import type { NotificationRequested } from '../../lib/events.ts';
import { createKafka } from '../../lib/kafka/client.ts';
import { createCodec } from '../../lib/kafka/codec.ts';
import { ensureTopics } from '../../lib/kafka/topic-admin.ts';
import { createLogger } from '../../lib/logger.ts';
import { createTopics } from '../../lib/topics.ts';
import { type RunningIngest, startIngest } from '../../services/ingest/service.ts';
import { createApiKey } from './api-key.ts';
import type { TestEnvironment } from './infrastructure.ts';
import { registerSubjects } from './register-subjects.ts';
import { createTestDatabase } from './test-database.ts';

export interface PublishedRequest {
  topic: string;
  key: string | null;
  traceparent: string | undefined;
  event: NotificationRequested;
}

/** Both requests topics from their beginning, in an array that goes on filling. */
export interface Reading {
  records: PublishedRequest[];
  stop(): Promise<void>;
}

export interface IngestHarness {
  db: Db;
  databaseUrl: string;
  topics: ReturnType<typeof createTopics>;
  startReading(): Promise<Reading>;
  /** Starts one more ingest beside those that run. */
  startIngest(overrides?: Partial<IngestSettings>): Promise<RunningIngest & { url: string }>;
  /** The same, once it takes requests. */
  startReadyIngest(overrides?: Partial<IngestSettings>): Promise<RunningIngest & { url: string }>;
  createApiKey(...scopes: ApiKeyScope[]): Promise<string>;
  stop(): Promise<void>;
}

export type IngestSettings = Parameters<typeof startIngest>[0];

/** @param userServiceUrl of a user service that runs, or of none */
export async function startIngestHarness(
  userServiceUrl: string,
  env: TestEnvironment = inject('infrastructure'),
): Promise<IngestHarness> {
  const logger = createLogger({ service: 'test', level: process.env.TEST_LOG_LEVEL ?? 'silent' });
  const database = await createTestDatabase('ingest', env.DATABASE_URL);
  const db = createDatabase({ url: database.databaseUrl, applicationName: 'test' });
  const prefix = `ingest-${randomUUID().slice(0, 8)}.`;
  const topics = createTopics(prefix);
  const kafkaSettings = {
    brokers: env.KAFKA_BROKERS.split(','),
    topicPrefix: prefix,
    ssl: false,
    caFile: undefined,
    sasl: undefined,
  };
  const kafka = createKafka(kafkaSettings, 'test', logger);
  await Promise.all([
    migrate(db).then(() => insertTemplates(db)),
    ensureTopics(kafka, topics, { partitions: 2, replicationFactor: 1, minInsyncReplicas: 1 }),
    registerSubjects(env.SCHEMA_REGISTRY_URL, topics),
  ]);

  const codec = createCodec({ registryUrl: env.SCHEMA_REGISTRY_URL, topics });
  const stops = new Set<() => Promise<void>>();
  let readerCount = 0;
  const startReading = async (): Promise<Reading> => {
    const records: PublishedRequest[] = [];
    readerCount += 1;
    const groupId = `${prefix}reader-${readerCount}`;
    const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 100, allowAutoTopicCreation: false });
    await consumer.connect();
    await consumer.subscribe({ topics: [topics.requests.name, topics.requestsHigh.name], fromBeginning: true });
    await consumer.run({
      eachMessage: async ({ topic, message }) => {
        records.push({
          topic,
          key: message.key?.toString() ?? null,
          traceparent: message.headers?.traceparent?.toString(),
          event: await codec.decode(topics.requests, message.value ?? Buffer.alloc(0)),
        });
      },
    });
    const stop = async () => {
      if (stops.delete(stop)) await consumer.disconnect();
    };
    stops.add(stop);
    return { records, stop };
  };

  const running = new Set<RunningIngest>();
  const start = async (overrides: Partial<IngestSettings> = {}) => {
    const settings: IngestSettings = {
      kafka: kafkaSettings,
      registryUrl: env.SCHEMA_REGISTRY_URL,
      databaseUrl: database.databaseUrl,
      databaseConnections: 10,
      readConnections: 3,
      bindHost: '127.0.0.1',
      port: 0,
      opsPort: 0,
      ratePerKey: 10_000,
      secret: 'a secret of a few words',
      publicUrl: 'http://127.0.0.1:8001',
      userService: { url: userServiceUrl, token: undefined },
      ...overrides,
    };
    const ingest = await startIngest(settings, {
      logger,
      fail: (error) => {
        throw error;
      },
    });
    const stop = async () => {
      if (running.delete(ingest)) await ingest.stop();
    };
    running.add(ingest);
    return { ...ingest, stop, url: `http://127.0.0.1:${ingest.port}` };
  };
  return {
    db,
    databaseUrl: database.databaseUrl,
    topics,
    startReading,
    startIngest: start,
    async startReadyIngest(overrides) {
      const ingest = await start(overrides);
      await vi.waitFor(
        async () => expect((await fetch(`http://127.0.0.1:${ingest.opsPort}/readyz`)).status).toBe(200),
        { timeout: 60_000, interval: 50 },
      );
      return ingest;
    },
    createApiKey: (...scopes) => createApiKey(db, ...scopes),
    async stop() {
      await Promise.all([...running].map((ingest) => ingest.stop()));
      await Promise.all([...stops].map((stop) => stop()));
      await db.destroy();
      await database.drop();
    },
  };
}

async function insertTemplates(db: Db): Promise<void> {
  const template = {
    kind: 'common',
    channel: 'email' as const,
    active_version: 1,
    legacy_number: null,
    archived_at: null,
  };
  await db
    .insertInto('templates')
    .values([
      { ...template, template_id: 'welcome', title: 'Welcome' },
      { ...template, template_id: 'monthly-statistics', title: 'Statistics', legacy_number: 7 },
      { ...template, template_id: 'gone', title: 'Gone', archived_at: new Date() },
    ])
    .execute();
}
