// The launcher's own parts on the real programs: up, down, and up again with what was there.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Infrastructure, startInfrastructure } from '../../dev/cluster.ts';
import { canConnect, createDatabase } from '../../dev/database.ts';
import { answersTcp } from '../../dev/probe.ts';
import { createKafka } from '../../lib/kafka/client.ts';
import { createLogger } from '../../lib/logger.ts';
import { downloadsDir, removeTestData, testDataFolder } from '../support/infrastructure.ts';

const dataDir = testDataFolder('infrastructure');
const options = {
  dataDir,
  downloadsDir,
  env: { JAVA_HOME: process.env.JAVA_HOME },
  parts: ['kafka', 'registry', 'postgres', 'inbox'],
  log: () => {},
} as const;
let infrastructure: Infrastructure;

beforeAll(async () => {
  infrastructure = await startInfrastructure({ ...options, ports: 'free' });
});

afterAll(async () => {
  await infrastructure.stop();
  removeTestData(dataDir);
});

const schemasUrl = () => `${infrastructure.env.SCHEMA_REGISTRY_URL}/subjects/kept-value/versions`;

async function registerSchema(): Promise<unknown> {
  const response = await fetch(schemasUrl(), {
    method: 'POST',
    headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
    body: JSON.stringify({ schema: '{"type":"record","name":"Kept","fields":[{"name":"a","type":"string"}]}' }),
  });
  expect(response.status).toBe(200);
  return response.json();
}

const topic = 'kept';

function kafkaClient() {
  const brokers = [infrastructure.env.KAFKA_BROKERS ?? ''];
  const settings = { brokers, topicPrefix: '', ssl: false, caFile: undefined, sasl: undefined };
  return createKafka(settings, 'test', createLogger({ service: 'test', level: 'silent' }));
}

async function produceRecord(): Promise<void> {
  const admin = kafkaClient().admin();
  const producer = kafkaClient().producer({ allowAutoTopicCreation: false });
  await Promise.all([admin.connect(), producer.connect()]);
  await admin.createTopics({ topics: [{ topic, numPartitions: 1 }], waitForLeaders: true });
  // A clock ahead of the broker's by a day: refused unless the broker stamps records itself.
  await producer.send({ topic, messages: [{ value: 'kept', timestamp: String(Date.now() + 86_400_000) }] });
  await Promise.all([admin.disconnect(), producer.disconnect()]);
}

async function countRecords(): Promise<string[]> {
  const admin = kafkaClient().admin();
  await admin.connect();
  const offsets = await admin.fetchTopicOffsets(topic);
  await admin.disconnect();
  return offsets.map(({ high }) => high);
}

it('refuses a folder that another running copy uses, and a port that is taken', async () => {
  await expect(startInfrastructure({ ...options, ports: 'free' })).rejects.toMatchObject({ code: 'folder_in_use' });
  const otherDir = testDataFolder('other');
  const second = startInfrastructure({ ...options, dataDir: otherDir, ports: infrastructure.ports });
  await expect(second).rejects.toMatchObject({ code: 'port_taken' });
  removeTestData(otherDir);
});

it('stops one part and starts it again on the same port', async () => {
  const { inbox } = infrastructure.parts;
  await inbox?.stop();
  expect(await answersTcp(infrastructure.ports.smtp, new Uint8Array())).toBe(false);
  await inbox?.start();
  expect(await answersTcp(infrastructure.ports.smtp, new Uint8Array())).toBe(true);
});

it('keeps records, schema ids and databases over a restart of everything', async () => {
  const schema = await registerSchema();
  await produceRecord();
  const { ports, env } = infrastructure;
  const kept = await createDatabase(env.DATABASE_URL ?? '', 'kept');
  await infrastructure.stop();
  await expect(canConnect(kept)).rejects.toThrow();

  infrastructure = await startInfrastructure({ ...options, ports });
  expect(await canConnect(kept)).toBe(true);
  expect(await registerSchema()).toEqual(schema);
  expect(await countRecords()).toEqual(['1']);
});
