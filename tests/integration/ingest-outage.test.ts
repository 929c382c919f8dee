// Ingest while something under it is missing: an honest 503 within seconds, no 202 that Kafka does not have, and on again
// by itself. It has a Kafka and a Postgres of its own to stop.
import { randomUUID } from 'node:crypto';
import { Agent, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { type Infrastructure, startInfrastructure } from '../../dev/cluster.ts';
import type { NotificationRequested } from '../../lib/events.ts';
import { createKafka } from '../../lib/kafka/client.ts';
import { registerSchemas } from '../../lib/kafka/register-schemas.ts';
import { ensureTopics } from '../../lib/kafka/topic-admin.ts';
import { createLogger } from '../../lib/logger.ts';
import { createTopics } from '../../lib/topics.ts';
import { startFreezableProxy } from '../support/freezable-proxy.ts';
import { downloadsDir, removeTestData, testDataFolder } from '../support/infrastructure.ts';
import { type IngestHarness, startIngestHarness } from '../support/ingest-harness.ts';

const dataDir = testDataFolder('ingest-outage');
let infrastructure: Infrastructure;
let harness: IngestHarness;
let ingest: Awaited<ReturnType<IngestHarness['startIngest']>>;
let key: string;

beforeAll(async () => {
  infrastructure = await startInfrastructure({
    dataDir,
    downloadsDir,
    ports: 'free',
    env: { JAVA_HOME: process.env.JAVA_HOME },
    parts: ['kafka', 'postgres'],
    disposable: true,
    log: () => {},
  });
  const { KAFKA_BROKERS = '', DATABASE_URL = '' } = infrastructure.env;
  const { SCHEMA_REGISTRY_URL } = inject('infrastructure');
  harness = await startIngestHarness('http://127.0.0.1:1', { KAFKA_BROKERS, DATABASE_URL, SCHEMA_REGISTRY_URL });
  key = await harness.createApiKey('send', 'read');
  ingest = await harness.startReadyIngest();
});

afterAll(async () => {
  await harness?.stop();
  await infrastructure?.stop();
  removeTestData(dataDir);
});

/** Callers are given up after 4 s; the rest is the patience of a busy machine. Kafka's and Postgres's own limits are longer. */
const answeredWithinMs = 12_000;

interface Answer {
  status: number;
  id: string | undefined;
  detail: string | undefined;
  retryAfter: string | null;
  tookMs: number;
}

async function post(idempotencyKey?: string, url = ingest.url): Promise<Answer> {
  const beganMs = performance.now();
  const response = await fetch(`${url}/api/v1/send_notification`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${key}`,
      'content-type': 'application/json',
      ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
    },
    body: JSON.stringify({ event: { template_id: 'welcome', user_ids: ['u1'] } }),
  });
  const body = (await response.json()) as { request_id?: string; detail?: string };
  return {
    status: response.status,
    id: body.request_id,
    detail: body.detail,
    retryAfter: response.headers.get('retry-after'),
    tookMs: performance.now() - beganMs,
  };
}

async function readWaitingFor(opsPort = ingest.opsPort): Promise<string[]> {
  const response = await fetch(`http://127.0.0.1:${opsPort}/readyz`);
  return ((await response.json()) as { waiting_for: string[] }).waiting_for;
}

/** Reads all there is in Kafka until `find` finds something. A new reader: kafkajs can take long to come back. */
async function readUntil(find: (records: NotificationRequested[]) => NotificationRequested[]) {
  const reading = await harness.startReading();
  try {
    return await vi.waitFor(
      () => {
        const found = find(reading.records.map(({ event }) => event));
        expect(found.length).toBeGreaterThan(0);
        return found;
      },
      { timeout: 60_000, interval: 250 },
    );
  } finally {
    await reading.stop();
  }
}

it('waits for the setup, says so, and begins by itself', async () => {
  const topicPrefix = `late-${randomUUID().slice(0, 8)}.`;
  const kafka = {
    brokers: (infrastructure.env.KAFKA_BROKERS ?? '').split(','),
    topicPrefix,
    ssl: false,
    caFile: undefined,
    sasl: undefined,
  };
  const late = await harness.startIngest({ kafka });
  expect(await readWaitingFor(late.opsPort)).toEqual(['setup']);
  expect(await post(undefined, late.url)).toMatchObject({ status: 503, detail: 'Starting: waiting for setup.' });

  const topics = createTopics(topicPrefix);
  const logger = createLogger({ service: 'test', level: 'silent' });
  const settings = { partitions: 1, replicationFactor: 1, minInsyncReplicas: 1 };
  await ensureTopics(createKafka(kafka, 'test', logger), topics, settings);
  await registerSchemas({ registryUrl: inject('infrastructure').SCHEMA_REGISTRY_URL, topics });
  await vi.waitFor(async () => expect(await post(undefined, late.url)).toMatchObject({ status: 202 }), {
    timeout: 30_000,
    interval: 100,
  });
  expect(await readWaitingFor(late.opsPort)).toEqual([]);
  await late.stop();
});

describe('Postgres down', () => {
  it('answers 503 quickly and takes requests again when it is back', async () => {
    await infrastructure.parts.postgres?.stop();
    const answers = [await post(), await post(), await post(randomUUID())];
    for (const answer of answers) {
      expect(answer).toMatchObject({ status: 503, id: undefined, retryAfter: '2' });
      expect(answer.detail).toMatch(/Postgres/);
      expect(answer.tookMs).toBeLessThan(answeredWithinMs);
    }
    await vi.waitFor(async () => expect(await readWaitingFor()).toEqual(['postgres']), { timeout: 30_000 });
    await infrastructure.parts.postgres?.start();
    await vi.waitFor(async () => expect((await post()).status).toBe(202), { timeout: 30_000, interval: 100 });
    await vi.waitFor(async () => expect(await readWaitingFor()).toEqual([]), { timeout: 30_000 });
  });
});

describe('Postgres frozen', () => {
  it('answers 503 within seconds, reading and writing alike, and goes on when it thaws', async () => {
    const target = new URL(harness.databaseUrl);
    const proxy = await startFreezableProxy({ host: target.hostname, port: Number(target.port) });
    target.port = String(proxy.port);
    const { url, stop } = await harness.startReadyIngest({ databaseUrl: target.href });
    expect((await post(undefined, url)).status).toBe(202);
    proxy.freeze();
    const read = fetch(`${url}/api/v1/requests/${randomUUID()}`, { headers: { authorization: `Bearer ${key}` } });
    const answers = await Promise.all([post(undefined, url), post(randomUUID(), url)]);
    for (const answer of answers) {
      expect(answer).toMatchObject({ status: 503, id: undefined, retryAfter: '2' });
      expect(answer.detail).toMatch(/Postgres/);
      expect(answer.tookMs).toBeLessThan(6_000);
    }
    expect((await read).status).toBe(503);
    proxy.thaw();
    await vi.waitFor(async () => expect((await post(undefined, url)).status).toBe(202), {
      timeout: 30_000,
      interval: 100,
    });
    await stop();
    await proxy.stop();
  });
});

describe('Kafka down', () => {
  it('answers 503 within seconds, then at once, and the retry of a key gets its one id when Kafka is back', async () => {
    const idempotencyKey = randomUUID();
    await infrastructure.parts.kafka?.stop();
    const first = await post(idempotencyKey);
    expect(first).toMatchObject({ status: 503, id: undefined, retryAfter: '2' });
    expect(first.detail).toMatch(/Kafka/);
    expect(first.tookMs).toBeLessThan(answeredWithinMs);
    const more = await Promise.all(Array.from({ length: 20 }, () => post()));
    expect(more.map(({ status }) => status)).toEqual(Array(20).fill(503));
    // None of these was tried: that would have taken as long as the first.
    expect(Math.min(...more.map(({ tookMs }) => tookMs))).toBeLessThan(first.tookMs / 2);
    await vi.waitFor(async () => expect(await readWaitingFor()).toEqual(['kafka']), { timeout: 30_000 });

    await infrastructure.parts.kafka?.start();
    const id = await vi.waitFor(
      async () => {
        const answer = await post(idempotencyKey);
        expect(answer.status).toBe(202);
        return answer.id;
      },
      { timeout: 60_000, interval: 250 },
    );
    expect(await post(idempotencyKey)).toMatchObject({ status: 202, id });
    const [record, ...repeated] = await readUntil((records) => records.filter((read) => read.request_id === id));
    for (const again of repeated) expect(again).toEqual(record);
    expect(await readWaitingFor()).toEqual([]);
  });

  it('loses nothing that it answered with 202, with callers all the while', async () => {
    const accepted: string[] = [];
    const statuses = new Set<number>();
    let calling = true;
    const callers = Array.from({ length: 8 }, async () => {
      while (calling) {
        const { status, id } = await post();
        statuses.add(status);
        if (status === 202 && id !== undefined) accepted.push(id);
        else await delay(50);
      }
    });
    const acceptedMore = (count: number) => vi.waitFor(() => expect(accepted.length).toBeGreaterThan(count), 30_000);
    await acceptedMore(100);
    await infrastructure.parts.kafka?.stop();
    await vi.waitFor(() => expect(statuses).toContain(503), 30_000);
    await infrastructure.parts.kafka?.start();
    await acceptedMore(accepted.length + 100);
    calling = false;
    await Promise.all(callers);
    expect(statuses).toEqual(new Set([202, 503]));
    await readUntil((records) => {
      const inKafka = new Set(records.map((record) => record.request_id));
      expect(accepted.filter((id) => !inKafka.has(id))).toEqual([]);
      return records;
    });
  });
});

it('answers what it has begun when it is stopped, and then no more', async () => {
  const leaving = await harness.startReadyIngest();
  const agent = new Agent({ keepAlive: true, maxSockets: 20 });
  const callTwenty = () => Promise.all(Array.from({ length: 20 }, () => postOver(agent, leaving.port)));
  // Opens their connections, so that the next calls are with the server as soon as they are made.
  await callTwenty();
  const calls = callTwenty();
  await leaving.stop();
  expect(await calls).toEqual(Array(20).fill(202));
  await expect(post(undefined, leaving.url)).rejects.toThrow();
  agent.destroy();
});

function postOver(agent: Agent, port: number): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const call = request({
      agent,
      port,
      method: 'POST',
      path: '/api/v1/send_notification',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    });
    call.on('error', reject).on('response', (response) => {
      response.resume().on('end', () => resolve(response.statusCode));
    });
    call.end(JSON.stringify({ event: { template_id: 'welcome', user_ids: ['u1'] } }));
  });
}
