// The whole system for an end-to-end test: the launcher of `npm start` on free ports with a data folder of its own, and
// what a test needs to send, to look and to disturb. One system serves a whole test file.
import { randomUUID } from 'node:crypto';
import { resolve } from 'node:path';
import { inject } from 'vitest';
import { createDatabase as createServerDatabase, dropDatabase } from '../../dev/database.ts';
import { loadDemoTemplates } from '../../dev/demo/load-demo.ts';
import { type Launched, launch } from '../../dev/launch.ts';
import type { ServiceName } from '../../dev/services.ts';
import { createDatabase, type Db } from '../../lib/db/database.ts';
import { createApiKey } from './api-key.ts';
import { createMailInbox, type MailInbox } from './inbox-reader.ts';
import { compileCacheDir, downloadsDir, removeTestData, testDataFolder } from './infrastructure.ts';
import { createIngestClient, type IngestClient } from './ingest-client.ts';
import { accessKafka, type KafkaAccess } from './kafka-access.ts';
import { readWaitingFor, setKnobs } from './running-system.ts';

export interface SystemOptions {
  /** Begins the names of its folder, database and topics. */
  name: string;
  /** `shared`: topics and a database of its own on the run's Kafka, registry and Postgres. `own`: these as well. */
  infrastructure: 'shared' | 'own';
  /** What a person would set; SMTP_URL of a sink, for instance. */
  env?: Readonly<Record<string, string>>;
}

export interface System {
  launched: Launched;
  ingest: IngestClient;
  inbox: MailInbox;
  userMockUrl: string;
  kafka: KafkaAccess;
  db: Db;
  /** What the services have written, each line behind its service's name. */
  lines: readonly string[];
  /** Sets the user-mock's knobs; `{}` ends the trouble. */
  setKnobs(knobs: Record<string, unknown>): Promise<void>;
  /** What `/readyz` of a service waits for; undefined when it does not answer. */
  waitingFor(service: ServiceName): Promise<string[] | undefined>;
  stop(): Promise<void>;
}

const root = resolve(import.meta.dirname, '../..');

/** The demo templates are loaded, nothing has been sent. */
export async function startSystem(options: SystemOptions): Promise<System> {
  const dataDir = testDataFolder(options.name);
  const shared = options.infrastructure === 'shared' ? await claimShared(options.name) : undefined;
  const lines: string[] = [];
  const note = (line: string) => {
    lines.push(line);
    if (process.env.TEST_LOG_LEVEL) process.stderr.write(`${line}\n`);
  };
  const launched = await launch({
    root,
    dataDir,
    ports: 'free',
    env: { ...machineEnvironment(), ...shared?.env, ...options.env },
    demo: false,
    disposable: true,
    log: (line) => note(`launcher ${line}`),
    onLine: (service, line) => note(`${service} ${line}`),
  }).catch((error) => {
    throw new Error(`the system did not start:\n${lines.slice(-30).join('\n')}`, { cause: error });
  });
  const db = createDatabase({ url: launched.env.DATABASE_URL ?? '', applicationName: 'test', onIdleError: () => {} });
  await loadDemoTemplates(db);
  const kafka = await accessKafka(launched.env);
  const { inboxUrl = '', userMockUrl = '' } = launched.infrastructure;

  return {
    launched,
    ingest: createIngestClient(launched.ingestUrl, launched.apiKey, await createApiKey(db, 'admin')),
    inbox: createMailInbox(inboxUrl),
    userMockUrl,
    kafka,
    db,
    lines,
    setKnobs: (knobs) => setKnobs(userMockUrl, knobs),
    waitingFor: (service) => readWaitingFor(launched.services.opsUrl(service)),
    async stop() {
      await Promise.all([kafka.stop(), db.destroy()]);
      await launched.stop();
      await shared?.drop();
      removeTestData(dataDir);
    },
  };
}

/** What the launcher and its children need of the machine; nothing a developer has set for Posthorn itself. */
export function machineEnvironment(): Record<string, string> {
  const names = ['PATH', 'HOME', 'LANG', 'JAVA_HOME'];
  const present = names.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : []));
  return { ...Object.fromEntries(present), POSTHORN_DOWNLOADS_DIR: downloadsDir, NODE_COMPILE_CACHE: compileCacheDir };
}

async function claimShared(name: string): Promise<{ env: Record<string, string>; drop(): Promise<void> }> {
  const shared = inject('infrastructure');
  const label = `${name}-${randomUUID().slice(0, 8)}`;
  const database = label.replaceAll('-', '_');
  return {
    env: {
      KAFKA_BROKERS: shared.KAFKA_BROKERS,
      SCHEMA_REGISTRY_URL: shared.SCHEMA_REGISTRY_URL,
      DATABASE_URL: await createServerDatabase(shared.DATABASE_URL, database),
      KAFKA_TOPIC_PREFIX: `${label}.`,
    },
    drop: () => dropDatabase(shared.DATABASE_URL, database),
  };
}
