// A production cluster: setup, a stage and ingest's publisher over TLS with a SCRAM log-in and no more rights than
// docs/deploying.md asks for; and what people read when the log-in or the authority is wrong.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import { setup } from '../../cli/setup.ts';
import { kafkaVariables, readConfig, toKafkaSettings } from '../../lib/config.ts';
import { createDatabase } from '../../lib/db/database.ts';
import { createKafka } from '../../lib/kafka/client.ts';
import { createCodec } from '../../lib/kafka/codec.ts';
import { createPublisher } from '../../lib/kafka/publisher.ts';
import { createLogger } from '../../lib/logger.ts';
import { createTopics } from '../../lib/topics.ts';
import { readPlannerConfig } from '../../services/planner/config.ts';
import { startPlanner } from '../../services/planner/service.ts';
import { createCommandRunner } from '../support/command-runner.ts';
import { eventually } from '../support/eventually.ts';
import { toRequestRecord } from '../support/request-record.ts';
import { type SecureKafka, startSecureKafka } from '../support/secure-kafka.ts';
import { addTemplate } from '../support/templates.ts';
import { createEmptyDatabase, type TestDatabase } from '../support/test-database.ts';

const prefix = `secure-${randomUUID().slice(0, 8)}.`;
let kafka: SecureKafka;
let database: TestDatabase;
let env: Record<string, string>;

beforeAll(async () => {
  [kafka, database] = await Promise.all([startSecureKafka(), createEmptyDatabase('secure')]);
  const { SCHEMA_REGISTRY_URL } = inject('infrastructure');
  env = { ...kafka.env, SCHEMA_REGISTRY_URL, DATABASE_URL: database.databaseUrl, KAFKA_TOPIC_PREFIX: prefix };
});
afterAll(async () => {
  await kafka?.stop();
  await database?.drop();
});

const runSetup = (changes: Record<string, string> = {}) => createCommandRunner(setup, { ...env, ...changes })([]);
const sentenceOf = async (work: Promise<unknown>): Promise<string> => {
  const error = await work.then(
    () => undefined,
    (thrown: Error) => thrown,
  );
  return error?.message ?? 'nothing was thrown';
};

describe('over TLS with a log-in', () => {
  it('setup says which rights it lacks, and with those of the documents makes everything', async () => {
    expect(await sentenceOf(runSetup())).toMatch(/^Kafka's user lacks a right: .*[Aa]uthoriz/);
    await kafka.allow(`${prefix}notifications.`, 'topic', 'CREATE', 'DESCRIBE_CONFIGS', 'READ', 'WRITE', 'DESCRIBE');
    await kafka.allow(`${prefix}notifications.`, 'group', 'READ');
    const lines = await runSetup({ KAFKA_SASL_MECHANISM: 'SCRAM-SHA-256' });
    expect(lines).toContain('topics: 16 created, 0 there already');
    expect(await runSetup()).toContain('topics: 0 created, 16 there already');
  });

  it('a request goes through the planner, by a producer of ours and a consumer of ours', async () => {
    const logger = createLogger({ service: 'test', level: process.env.TEST_LOG_LEVEL ?? 'silent' });
    const topics = createTopics(prefix);
    const db = createDatabase({ url: database.databaseUrl, applicationName: 'test' });
    onTestFinished(() => db.destroy());
    await addTemplate(db, { templateId: 'plain', text: 'Hello {{ first_name }}' });
    const fatal: Error[] = [];
    const planner = await startPlanner(
      readPlannerConfig({ ...env, USER_SERVICE_URL: 'http://127.0.0.1:9', OPS_PORT: '0' }),
      { logger, fail: (error) => fatal.push(error) },
    );
    onTestFinished(() => planner.stop());

    const client = createKafka(toKafkaSettings(readConfig(z.object(kafkaVariables), env)), 'test', logger);
    const codec = createCodec({ registryUrl: env.SCHEMA_REGISTRY_URL ?? '', topics });
    await codec.prepare();
    const publisher = createPublisher({ kafka: client, codec, logger });
    await publisher.connect();
    onTestFinished(() => publisher.disconnect());
    const request = toRequestRecord({ template_id: 'plain', priority: 'high', user_ids: ['u1', 'u2'] });
    await publisher.publish([{ topic: topics.requestsHigh, key: 'u1', event: request }]);

    const planned: { request_id: string; user_ids: string[] }[] = [];
    const consumer = client.consumer({ groupId: `${prefix}notifications.test`, maxWaitTimeInMs: 200 });
    await consumer.connect();
    onTestFinished(() => consumer.disconnect());
    await consumer.subscribe({ topics: [topics.planned.high.name], fromBeginning: true });
    await consumer.run({
      eachMessage: async ({ message }) => {
        planned.push(await codec.decode(topics.planned.high, message.value ?? Buffer.alloc(0)));
      },
    });
    await eventually(
      () => planned.length > 0,
      () => `a chunk is planned (${fatal.map(String).join()})`,
    );
    expect(planned).toMatchObject([{ request_id: request.request_id, user_ids: ['u1', 'u2'] }]);
    expect(fatal).toEqual([]);
  });
});

describe('setup', () => {
  const another = `secure-${randomUUID().slice(0, 8)}.`;

  it('refuses a replication that the cluster cannot give, or that nothing could be written with, and warns of one copy', async () => {
    await kafka.allow(another, 'topic', 'CREATE', 'DESCRIBE_CONFIGS', 'DESCRIBE');
    const asking = (changes: Record<string, string>) => runSetup({ KAFKA_TOPIC_PREFIX: another, ...changes });
    const tooMany = await sentenceOf(asking({ KAFKA_REPLICATION_FACTOR: '3', KAFKA_MIN_INSYNC_REPLICAS: '2' }));
    expect(tooMany).toMatch(/^Kafka refuses: Topic creation errors: .*[Rr]eplica.* \(and 15 more\)$/);
    const notWritable = await sentenceOf(asking({ KAFKA_REPLICATION_FACTOR: '1', KAFKA_MIN_INSYNC_REPLICAS: '2' }));
    expect(notWritable).toContain('KAFKA_MIN_INSYNC_REPLICAS is larger than KAFKA_REPLICATION_FACTOR');
    const lines = await asking({ KAFKA_PARTITIONS: '1' });
    expect(lines).toContainEqual(
      expect.stringMatching(/^ {2}Records are kept once only \(KAFKA_REPLICATION_FACTOR=1\)/),
    );
  });
});

describe('what is wrong is said in one sentence', () => {
  it.each<[string, () => Record<string, string>, RegExp]>([
    [
      'a wrong password',
      () => ({ KAFKA_SASL_PASSWORD: 'another' }),
      /^Kafka refuses the log-in \(KAFKA_SASL_…\): .*credentials/,
    ],
    ['an unknown user', () => ({ KAFKA_SASL_USERNAME: 'nobody' }), /^Kafka refuses the log-in \(KAFKA_SASL_…\): /],
    [
      'a mechanism that the broker does not have',
      () => ({ KAFKA_SASL_MECHANISM: 'plain' }),
      /^Kafka refuses the log-in .*does not support the requested SASL mechanism/,
    ],
    [
      'an authority that has not signed the certificate',
      () => ({ KAFKA_CA_FILE: kafka.strangeCaFile }),
      /^Kafka's certificate is not trusted \(KAFKA_CA_FILE\): /,
    ],
    [
      'the authorities of the system',
      () => ({ KAFKA_CA_FILE: '' }),
      /^Kafka's certificate is not trusted \(KAFKA_CA_FILE\): /,
    ],
    ['a file that is not there', () => ({ KAFKA_CA_FILE: '/nowhere/ca.pem' }), /KAFKA_CA_FILE: ENOENT/],
    [
      'TLS that is left out',
      () => ({ KAFKA_CA_FILE: '', KAFKA_SSL: 'false' }),
      /^Kafka does not answer: Closed connection.*wants TLS.*KAFKA_SSL/,
    ],
  ])('%s', async (_what, changes, expected) => {
    const sentence = await sentenceOf(runSetup(changes()));
    expect(sentence).toMatch(expected);
    expect(sentence).not.toContain(env.KAFKA_SASL_PASSWORD);
  });
});
