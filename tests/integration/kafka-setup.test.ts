// The Kafka and registry parts of `posthorn setup`, on the real ones.
import { randomUUID } from 'node:crypto';
import { describe, expect, inject, it } from 'vitest';
import { recordSchemas } from '../../lib/events.ts';
import { createKafka, partitioner } from '../../lib/kafka/client.ts';
import { createCodec } from '../../lib/kafka/codec.ts';
import { registerSchemas } from '../../lib/kafka/register-schemas.ts';
import { createRegistry } from '../../lib/kafka/registry.ts';
import { ensureTopics, missingTopics, withAdmin } from '../../lib/kafka/topic-admin.ts';
import { createLogger } from '../../lib/logger.ts';
import { createTopics, recordTopics } from '../../lib/topics.ts';
import { eventually } from '../support/eventually.ts';

const logger = createLogger({ service: 'test', level: 'silent' });
const settings = { topicPrefix: '', ssl: false, caFile: undefined, sasl: undefined };
const newTopics = () => createTopics(`test-${randomUUID().slice(0, 8)}.`);
const connect = () =>
  createKafka({ ...settings, brokers: inject('infrastructure').KAFKA_BROKERS.split(',') }, 'test', logger);

describe('the topics', () => {
  const wanted = { partitions: 2, replicationFactor: 1, minInsyncReplicas: 1 };

  it('are created once, and told apart from those that were there', async () => {
    const [kafka, topics] = [connect(), newTopics()];
    const missing = await missingTopics(kafka, topics);
    expect(missing).toHaveLength(16);
    const first = await ensureTopics(kafka, topics, wanted);
    expect(first.map(({ topic }) => topic).sort()).toEqual(missing.sort());
    expect(first.every(({ created }) => created)).toBe(true);
    expect(await missingTopics(kafka, topics)).toEqual([]);
    const second = await ensureTopics(kafka, topics, wanted);
    expect(second.every(({ created, differences }) => !created && differences.length === 0)).toBe(true);
  });

  it('take records as soon as they are said to be there, so that no first batch is written twice', async () => {
    const [kafka, topics] = [connect(), newTopics()];
    const names = (await ensureTopics(kafka, topics, { ...wanted, partitions: 12 })).map(({ topic }) => topic);
    const messages = Array.from({ length: 12 }, (_, partition) => ({ partition, value: 'first' }));
    const producer = kafka.producer({ createPartitioner: partitioner, allowAutoTopicCreation: false });
    await producer.connect();
    await producer.sendBatch({ topicMessages: names.map((topic) => ({ topic, messages })) });
    await producer.disconnect();
    const written = await withAdmin(kafka, (admin) => Promise.all(names.map((name) => admin.fetchTopicOffsets(name))));
    expect(written.flat().map(({ offset }) => offset)).toEqual(names.flatMap(() => messages.map(() => '1')));
  });

  it('take the time of the broker, and unpack what strangers send', async () => {
    const [kafka, topics] = [connect(), newTopics()];
    await ensureTopics(kafka, topics, wanted);
    const configs = await withAdmin(kafka, (admin) =>
      admin.describeConfigs({
        includeSynonyms: false,
        resources: [topics.requests.name, topics.deadLetters.planner.name].map((name) => ({ type: 2, name })),
      }),
    );
    const configured = (topic: number, name: string) =>
      configs.resources[topic]?.configEntries.find(({ configName }) => configName === name)?.configValue;
    expect(configured(0, 'message.timestamp.type')).toBe('LogAppendTime');
    expect(configured(0, 'compression.type')).toBe('uncompressed');
    expect(configured(0, 'retention.ms')).toBe(String(7 * 24 * 60 * 60 * 1000));
    expect(configured(1, 'compression.type')).toBe('producer');
    expect(Number(configured(1, 'max.message.bytes'))).toBeGreaterThan(Number(configured(0, 'max.message.bytes')));
  });

  it('that are not as they would be made are left as they are, and named', async () => {
    const [kafka, topics] = [connect(), newTopics()];
    const { name } = topics.requests;
    await withAdmin(kafka, (admin) =>
      admin.createTopics({ topics: [{ topic: name, numPartitions: 5 }], waitForLeaders: false }),
    );
    await eventually(async () => !(await missingTopics(kafka, topics)).includes(name), 'the topic is known');
    const reports = await ensureTopics(kafka, topics, wanted);
    const report = reports.find(({ topic }) => topic === name);
    expect(report?.created).toBe(false);
    expect(report?.differences).toContain('partitions is 5, not 2');
    expect(report?.differences).toContain('compression.type is producer, not uncompressed');
    expect(reports.filter(({ created }) => created)).toHaveLength(15);
  });

  it('cannot be asked for when Kafka is not there', async () => {
    const kafka = createKafka({ ...settings, brokers: ['127.0.0.1:1'] }, 'test', logger);
    await expect(missingTopics(kafka, newTopics())).rejects.toMatchObject({ code: 'kafka_down' });
  });
});

describe('the schemas', () => {
  const registryUrl = () => inject('infrastructure').SCHEMA_REGISTRY_URL;

  it('are registered once under every subject, and found by the codec', async () => {
    const topics = newTopics();
    const codec = createCodec({ registryUrl: registryUrl(), topics });
    await expect(codec.prepare()).rejects.toMatchObject({ code: 'schemas_missing' });
    const first = await registerSchemas({ registryUrl: registryUrl(), topics });
    expect(first.map(({ subject }) => subject)).toEqual(recordTopics(topics).map(({ subject }) => subject));
    expect(first.every(({ registered }) => registered)).toBe(true);
    const second = await registerSchemas({ registryUrl: registryUrl(), topics });
    expect(second.map(({ id, registered }) => [id, registered])).toEqual(first.map(({ id }) => [id, false]));
    await codec.prepare();
  });

  it('that would break what others wrote or will read are refused, with the subject named', async () => {
    const topics = newTopics();
    const { subject } = topics.requests;
    const registry = createRegistry(registryUrl());
    await registry.setCompatibility(subject, 'FULL_TRANSITIVE');
    const other = JSON.parse(recordSchemas.NotificationRequested) as { fields: { name: string; type: unknown }[] };
    for (const field of other.fields) if (field.name === 'request_id') field.type = 'long';
    const response = await fetch(`${registryUrl()}/subjects/${subject}/versions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ schema: JSON.stringify(other) }),
    });
    expect(response.status).toBe(200);
    await expect(registerSchemas({ registryUrl: registryUrl(), topics })).rejects.toMatchObject({
      code: 'schema_incompatible',
      message: expect.stringContaining(subject),
    });
  });

  it('cannot be registered when the registry is not there', async () => {
    const registering = registerSchemas({ registryUrl: 'http://127.0.0.1:1', topics: newTopics() });
    await expect(registering).rejects.toMatchObject({ code: 'registry_down' });
  });
});
