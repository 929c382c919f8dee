// Everything that a fault run breaks: the whole system as `npm start` runs it, each service its own process, with Kafka and
// Postgres behind proxies that can cut connections, and a sink that nothing touches. Its databases are durable: what a
// killed Postgres has acknowledged must be there again.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { loadDemoTemplates } from '../../../dev/demo/load-demo.ts';
import { startKafka } from '../../../dev/kafka.ts';
import { type Launched, launch } from '../../../dev/launch.ts';
import type { Part, PartContext } from '../../../dev/part.ts';
import { freePort, freePorts } from '../../../dev/ports.ts';
import { startPostgres } from '../../../dev/postgres.ts';
import { postgresFolders } from '../../../dev/postgres-home.ts';
import { startRegistry } from '../../../dev/registry.ts';
import { holdFolder, type RunFile } from '../../../dev/run-file.ts';
import type { ServiceName } from '../../../dev/services.ts';
import { createDatabase, type Db } from '../../../lib/db/database.ts';
import { createKafka, type Kafka } from '../../../lib/kafka/client.ts';
import { createLogger } from '../../../lib/logger.ts';
import { createTopics, type Topics } from '../../../lib/topics.ts';
import { eventually } from '../../support/eventually.ts';
import { createIngestClient, type IngestClient } from '../../support/ingest-client.ts';
import { addTemplate } from '../../support/templates.ts';
import { type FaultSink, startFaultSink } from '../sink/client.ts';
import type { Load } from './load.ts';
import { type PostgresProxy, startPostgresProxy } from './postgres-proxy.ts';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';

export interface ExtraService {
  readonly pid: number;
  readonly ingestUrl: string;
  /** SIGTERM unless said otherwise; resolves when it is gone. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

export interface World {
  /** All its data lies below; removed at the end. */
  readonly folder: string;
  launched: Launched;
  sink: FaultSink;
  ingest: IngestClient;
  /** Straight to Postgres, past the proxy. */
  db: Db;
  /** Straight to Kafka, past the proxy. */
  kafka: Kafka;
  topics: Topics;
  postgresProxy: PostgresProxy;
  kafkaProxy: TcpProxy;
  parts: { kafka: Part; postgres: Part; registry: Part; userMock: Part };
  /** Every load that was ever begun here, by createLoad. */
  loads: Load[];
  /** What launcher and services have written, each line behind its service's name. */
  lines: readonly string[];
  /** One more of a service, as somebody would scale it, of this release or one in another folder. Resolves when it is ready. */
  startExtra(service: ServiceName, env?: Readonly<Record<string, string>>, release?: string): Promise<ExtraService>;
  /** Sets the user-mock's knobs; `{}` ends the trouble. */
  setKnobs(knobs: Record<string, unknown>): Promise<void>;
  /** What `/readyz` of a service waits for; undefined when it does not answer. */
  waitingFor(service: ServiceName): Promise<string[] | undefined>;
  stop(): Promise<void>;
}

export const templates = { resend: 'fault-resend', park: 'fault-park' } as const;

const root = resolve(import.meta.dirname, '../../..');

/**
 * @param folder for all its data; made anew and removed at the end
 * @param env further variables of the services
 */
export async function startWorld(
  folder: string,
  downloadsDir: string,
  env: Readonly<Record<string, string>> = {},
): Promise<World> {
  const lines: string[] = [];
  const note = (line: string) => {
    lines.push(line);
    if (process.env.TEST_LOG_LEVEL) process.stderr.write(`${line}\n`);
  };
  await mkdir(folder, { recursive: true });
  const runFile = await holdFolder(folder, note);
  const ends: (() => Promise<unknown>)[] = [];
  const stop = async () => {
    for (const end of ends.reverse()) await end();
    runFile.release();
    for (const dataDir of [folder, join(folder, 'system')]) {
      rmSync(postgresFolders(dataDir).outside, { recursive: true, force: true });
    }
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const outside = await startOutside(folder, downloadsDir, runFile, note, ends);
    const sink = await startFaultSink(join(folder, 'accepted.log'));
    ends.push(() => sink.stop());
    const machine = ['PATH', 'HOME', 'LANG', 'JAVA_HOME'].flatMap((name) =>
      process.env[name] ? [[name, process.env[name]]] : [],
    );
    const launched = await launch({
      root,
      dataDir: join(folder, 'system'),
      ports: 'free',
      env: {
        ...Object.fromEntries(machine),
        POSTHORN_DOWNLOADS_DIR: downloadsDir,
        ...outside.env,
        SMTP_URL: sink.smtpUrl,
        // No mail server needs half a minute for an answer here, and fault runs wait for each one that does not come.
        SMTP_ANSWER_TIMEOUT_MS: '5000',
        ...env,
      },
      demo: false,
      disposable: true,
      log: (line) => note(`launcher ${line}`),
      onLine: (service, line) => note(`${service} ${line}`),
    });
    ends.push(() => launched.stop());
    const db = createDatabase({ url: outside.databaseUrl, applicationName: 'fault-harness', onIdleError: () => {} });
    ends.push(() => db.destroy());
    await loadDemoTemplates(db);
    const text = 'Hello {{ first_name }} {{ last_name }}';
    await addTemplate(db, { templateId: templates.resend, subject: 'Resend', text });
    await addTemplate(db, { templateId: templates.park, subject: 'Park', text, onNoAnswer: 'park' });
    const userMock = launched.infrastructure.parts['user-mock'];
    if (!userMock) throw new Error('the user-mock was not started');
    const settings = {
      brokers: [outside.brokers],
      topicPrefix: '',
      ssl: false,
      caFile: undefined,
      sasl: undefined,
    };
    return {
      folder,
      launched,
      sink,
      ingest: createIngestClient(launched.ingestUrl, launched.apiKey),
      db,
      kafka: createKafka(settings, 'fault-harness', createLogger({ service: 'fault-harness', level: 'silent' })),
      topics: createTopics(),
      postgresProxy: outside.postgresProxy,
      kafkaProxy: outside.kafkaProxy,
      parts: { ...outside.parts, userMock },
      loads: [],
      lines,
      startExtra: (service, extra = {}, release = root) =>
        startExtra(service, { ...launched.env, ...extra }, release, note, ends),
      async setKnobs(knobs) {
        const response = await fetch(`${launched.infrastructure.userMockUrl}/knobs`, {
          method: 'PUT',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(knobs),
        });
        if (!response.ok) throw new Error(`the user-mock answered ${response.status} ${await response.text()}`);
      },
      async waitingFor(service) {
        try {
          const address = `${launched.services.opsUrl(service)}/readyz`;
          const response = await fetch(address, { signal: AbortSignal.timeout(2_000) });
          return ((await response.json()) as { waiting_for: string[] }).waiting_for;
        } catch {
          return undefined;
        }
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw new Error(`the system did not start:\n${lines.slice(-30).join('\n')}`, { cause: error });
  }
}

/** Kafka, Postgres and the registry, the first two behind their proxies. */
async function startOutside(
  folder: string,
  downloadsDir: string,
  keeper: RunFile,
  note: (line: string) => void,
  ends: (() => Promise<unknown>)[],
) {
  const javaHome = process.env.JAVA_HOME;
  const context: PartContext = { dataDir: folder, downloadsDir, keeper, disposable: false, signal: undefined, note };
  const ports = await freePorts();
  const proxyPort = await freePort(new Set(Object.values(ports)));
  const startDatabase = async () => {
    // Commits reach the system, which does not die here; that they reach the disk would only slow everything down.
    const postgres = await startPostgres({ port: ports.postgres, settings: { fsync: 'off' } }, context);
    ends.push(() => postgres.stop('SIGKILL'));
    const registry = await startRegistry(
      {
        port: ports.registry,
        managementPort: ports.registryManagement,
        javaHome,
        databaseUrl: await postgres.createDatabase('registry'),
      },
      context,
    );
    ends.push(() => registry.stop('SIGKILL'));
    return { postgres, registry };
  };
  const startBroker = async () => {
    const kafka = await startKafka(
      {
        port: ports.kafka,
        controllerPort: ports.kafkaController,
        javaHome,
        // Clients go where the broker says that it is.
        settings: { 'advertised.listeners': `PLAINTEXT://127.0.0.1:${proxyPort}` },
      },
      context,
    );
    ends.push(() => kafka.stop('SIGKILL'));
    return kafka;
  };
  const [{ postgres, registry }, kafka] = await Promise.all([startDatabase(), startBroker()]);
  const kafkaProxy = await startTcpProxy({ host: '127.0.0.1', port: ports.kafka }, proxyPort);
  ends.push(() => kafkaProxy.stop());
  const postgresProxy = await startPostgresProxy({ host: '127.0.0.1', port: ports.postgres });
  ends.push(() => postgresProxy.stop());
  const throughProxy = new URL(postgres.databaseUrl);
  throughProxy.port = String(postgresProxy.port);
  return {
    parts: { kafka, postgres, registry },
    kafkaProxy,
    postgresProxy,
    databaseUrl: postgres.databaseUrl,
    brokers: `127.0.0.1:${proxyPort}`,
    env: {
      KAFKA_BROKERS: `127.0.0.1:${proxyPort}`,
      SCHEMA_REGISTRY_URL: registry.registryUrl,
      DATABASE_URL: throughProxy.href,
    },
  };
}

async function startExtra(
  service: ServiceName,
  env: Readonly<Record<string, string>>,
  release: string,
  note: (line: string) => void,
  ends: (() => Promise<unknown>)[],
): Promise<ExtraService> {
  const [opsPort, ingestPort] = [await freePort(), await freePort()];
  const child = spawn(process.execPath, [`services/${service}/main.ts`], {
    cwd: release,
    env: { ...env, OPS_PORT: String(opsPort), INGEST_PORT: String(ingestPort) },
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  const exited = once(child, 'exit');
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    for (const line of text.trimEnd().split('\n')) note(`${service}+ ${line}`);
  });
  const stop = async (signal: NodeJS.Signals = 'SIGTERM') => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    await exited;
  };
  ends.push(() => stop('SIGKILL'));
  const isReady = async () => {
    if (child.exitCode !== null) throw new Error(`the ${service} that was added ended with ${child.exitCode}`);
    return fetch(`http://127.0.0.1:${opsPort}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    );
  };
  await eventually(isReady, `the ${service} that was added is ready`, 60_000);
  return { pid: child.pid ?? 0, ingestUrl: `http://127.0.0.1:${ingestPort}`, stop };
}
