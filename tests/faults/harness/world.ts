// Everything that a fault run breaks: the whole system as `npm start` runs it, each service its own process, with Kafka and
// Postgres behind proxies that can cut connections, and a sink that nothing touches. Its databases are durable: what a
// killed Postgres has acknowledged must be there again.
import { rmSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { loadDemoTemplates } from '../../../dev/demo/load-demo.ts';
import { type Launched, launch } from '../../../dev/launch.ts';
import type { Part } from '../../../dev/part.ts';
import { postgresFolders } from '../../../dev/postgres-home.ts';
import { holdFolder } from '../../../dev/run-file.ts';
import type { ServiceName } from '../../../dev/services.ts';
import { createDatabase, type Db } from '../../../lib/db/database.ts';
import { createKafka, type Kafka } from '../../../lib/kafka/client.ts';
import { createLogger } from '../../../lib/logger.ts';
import { createTopics, type Topics } from '../../../lib/topics.ts';
import { createApiKey } from '../../support/api-key.ts';
import { createIngestClient, type IngestClient } from '../../support/ingest-client.ts';
import { readWaitingFor, setKnobs } from '../../support/running-system.ts';
import { addTemplate } from '../../support/templates.ts';
import { type FaultSink, startFaultSink } from '../sink/client.ts';
import { type ExtraService, startExtraService } from './extra-service.ts';
import type { Load } from './load.ts';
import { startOutside } from './outside.ts';
import type { PostgresProxy } from './postgres-proxy.ts';
import type { TcpProxy } from './tcp-proxy.ts';
import type { UserProxy } from './user-proxy.ts';

export interface World {
  /** All its data lies below; removed at the end. */
  readonly folder: string;
  launched: Launched;
  sink: FaultSink;
  ingest: IngestClient;
  /** Straight to Postgres, past the proxy. */
  db: Db;
  kafka: Kafka;
  topics: Topics;
  postgresProxy: PostgresProxy;
  kafkaProxy: TcpProxy;
  userProxy: UserProxy;
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

export const templates = { resend: 'fault-resend', park: 'fault-park', sms: 'fault-sms' } as const;

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
        SMS_GATEWAY_URL: sink.smsGatewayUrl,
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
    await addTemplate(db, { templateId: templates.sms, channel: 'sms', text });
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
      ingest: createIngestClient(launched.ingestUrl, launched.apiKey, await createApiKey(db, 'admin')),
      db,
      kafka: createKafka(settings, 'fault-harness', createLogger({ service: 'fault-harness', level: 'silent' })),
      topics: createTopics(),
      postgresProxy: outside.postgresProxy,
      kafkaProxy: outside.kafkaProxy,
      userProxy: outside.userProxy,
      parts: outside.parts,
      loads: [],
      lines,
      startExtra: (service, extra = {}, release = root) =>
        startExtraService(service, { ...launched.env, ...extra }, release, note, ends),
      setKnobs: (knobs) => setKnobs(outside.userMockUrl, knobs),
      waitingFor: (service) => readWaitingFor(launched.services.opsUrl(service)),
      stop,
    };
  } catch (error) {
    await stop();
    throw new Error(`the system did not start:\n${lines.slice(-30).join('\n')}`, { cause: error });
  }
}
