// Services as processes: they come up by themselves in whatever order the parts around them do, say truly what they wait
// for, and leave within 15 s whatever does not answer them. They have a Kafka of their own, and a door to Postgres.
import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { setup } from '../../cli/setup.ts';
import { startKafka } from '../../dev/kafka.ts';
import type { Part } from '../../dev/part.ts';
import { freePort } from '../../dev/ports.ts';
import { holdFolder, type RunFile } from '../../dev/run-file.ts';
import { type ServiceName, serviceNames } from '../../dev/services.ts';
import { createCommandRunner } from '../support/command-runner.ts';
import { eventually } from '../support/eventually.ts';
import { type FreezableProxy, startFreezableProxy } from '../support/freezable-proxy.ts';
import { downloadsDir, removeTestData, testDataFolder } from '../support/infrastructure.ts';
import { type ServiceProcess, startServiceProcess } from '../support/service-process.ts';
import { createEmptyDatabase, type TestDatabase } from '../support/test-database.ts';

const dataDir = testDataFolder('liveness');
let runFile: RunFile;
let database: TestDatabase;
let env: Record<string, string>;
let kafka: Part | undefined;
let postgres: FreezableProxy | undefined;
let ports: { kafka: number; controller: number; postgres: number };

beforeAll(async () => {
  const taken = new Set<number>();
  ports = { kafka: await freePort(taken), controller: await freePort(taken), postgres: await freePort(taken) };
  runFile = await holdFolder(dataDir, () => {});
  database = await createEmptyDatabase('liveness');
  const url = new URL(database.databaseUrl);
  url.host = `127.0.0.1:${ports.postgres}`;
  env = {
    KAFKA_BROKERS: `127.0.0.1:${ports.kafka}`,
    KAFKA_TOPIC_PREFIX: `liveness-${randomUUID().slice(0, 8)}.`,
    KAFKA_PARTITIONS: '1',
    SCHEMA_REGISTRY_URL: inject('infrastructure').SCHEMA_REGISTRY_URL,
    DATABASE_URL: url.href,
    POSTHORN_SECRET: randomBytes(16).toString('hex'),
    POSTHORN_API_KEY: 'a key of the tests, long enough',
    POSTHORN_ADMIN_PASSWORD: 'a password of the tests',
    USER_SERVICE_URL: 'http://127.0.0.1:9',
    SMTP_URL: 'smtp://127.0.0.1:9',
    SMS_GATEWAY_URL: 'http://127.0.0.1:9/sms',
  };
});
afterAll(async () => {
  await kafka?.stop('SIGKILL');
  await postgres?.stop();
  await database?.drop();
  runFile?.release();
  removeTestData(dataDir);
});

async function startBroker(): Promise<void> {
  if (kafka) return kafka.start();
  kafka = await startKafka(
    { port: ports.kafka, controllerPort: ports.controller, javaHome: process.env.JAVA_HOME },
    { dataDir, downloadsDir, keeper: runFile, disposable: true, signal: undefined, note: () => {} },
  );
}

async function openPostgres(): Promise<void> {
  const { hostname: host, port } = new URL(database.databaseUrl);
  postgres ??= await startFreezableProxy({ host, port: Number(port) }, ports.postgres);
  postgres.thaw();
}

async function startOne(name: ServiceName): Promise<ServiceProcess> {
  const [INGEST_PORT, ADMIN_PORT] = [String(await freePort()), String(await freePort())];
  return startServiceProcess(name, { ...env, INGEST_PORT, ADMIN_PORT });
}

const untilReady = (service: ServiceProcess) =>
  eventually(
    async () => (await service.readiness())?.status === 200,
    () => `${service.name} is ready: ${service.lines.slice(-3).join('\n')}`,
    90_000,
  );

describe('services that start before everything else', () => {
  it('wait without dying, say for what, and come up by themselves once all is there', async () => {
    const services = await Promise.all(serviceNames.map(startOne));
    const says = (service: ServiceProcess, what: RegExp) =>
      eventually(
        () => service.lines.some((line) => what.test(line)),
        () => `${service.name} says ${what}: ${service.lines.slice(-3).join('\n')}`,
        60_000,
      );
    for (const service of services) {
      await says(service, /waiting for `posthorn setup`: .*ECONNREFUSED/);
      expect(await service.readiness()).toEqual({ status: 503, waitingFor: ['setup'] });
      expect((await service.ops('/healthz')).status).toBe(200);
      const { text } = await service.ops('/metrics');
      expect(text).toMatch(/^posthorn_ready\{.*\} 0$/m);
      expect(text).toMatch(/^posthorn_waiting_for\{what="setup".*\} 1$/m);
    }
    await openPostgres();
    for (const service of services) await says(service, /waiting for `posthorn setup`: (migration |Kafka does not)/);
    await startBroker();
    for (const service of services) await says(service, /waiting for `posthorn setup`: migration 0001/);
    await createCommandRunner(setup, env)([]);
    for (const service of services) await untilReady(service);
    const admin = services.find(({ name }) => name === 'admin');
    const seen = /^posthorn_group_lag_records\{stage="dispatcher",priority="outcomes".*\} 0$/m;
    await eventually(async () => seen.test((await admin?.ops('/metrics'))?.text ?? ''), 'admin sees the lanes', 60_000);
    expect((await admin?.ops('/metrics'))?.text).toMatch(/^posthorn_waiting_overdue_seconds\{priority="high".*\} 0$/m);
    for (const { name, terminate } of services) {
      const end = await terminate();
      expect(end, name).toMatchObject({ code: 0 });
      expect(end.afterMs, name).toBeLessThan(15_000);
    }
  });
});

describe('services told to stop', () => {
  let services: ServiceProcess[];

  beforeAll(async () => {
    await openPostgres();
    await startBroker();
    await createCommandRunner(setup, env)([]);
  });

  async function expectEnds(): Promise<void> {
    const ends = await Promise.all(services.map(({ terminate }) => terminate()));
    for (const [index, end] of ends.entries()) {
      const { name = '', lines = [] } = services[index] ?? {};
      const said = `${name}: ${lines.slice(-4).join('\n')}`;
      expect(end, said).toMatchObject({ code: 0 });
      expect(end.afterMs, said).toBeLessThan(15_000);
    }
  }

  async function whileKafkaIsFrozen(work: () => Promise<void>): Promise<void> {
    process.kill(kafka?.pid() ?? 0, 'SIGSTOP');
    try {
      await work();
    } finally {
      process.kill(kafka?.pid() ?? 0, 'SIGCONT');
    }
  }

  it('while they wait for a Kafka that does not answer leave soon', async () => {
    await whileKafkaIsFrozen(async () => {
      services = await Promise.all(serviceNames.map(startOne));
      for (const service of services) {
        await eventually(async () => (await service.readiness())?.status === 503, `${service.name} waits`, 60_000);
      }
      await expectEnds();
    });
  });

  it('while Kafka does not answer any more leave in time', async () => {
    services = await Promise.all(serviceNames.map(startOne));
    for (const service of services) await untilReady(service);
    await whileKafkaIsFrozen(expectEnds);
  });

  it('while Postgres does not answer any more leave in time', async () => {
    services = await Promise.all(serviceNames.map(startOne));
    for (const service of services) await untilReady(service);
    postgres?.freeze();
    try {
      await expectEnds();
    } finally {
      postgres?.thaw();
    }
  });
});
