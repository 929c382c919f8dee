// All outside parts together: what a variable names is used as it is, everything else is started here.
// People (main.ts), tests and the bench all get their Kafka, registry, Postgres, inbox and user-mock from this one place.
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Environment } from '../lib/config.ts';
import { embeddedParts, type PartName, type PartUrls, portsOfParts, serviceEnvironment } from './environment.ts';
import { startInbox } from './inbox.ts';
import { startKafka } from './kafka.ts';
import type { Part, PartContext } from './part.ts';
import { freePorts, type PortName, type Ports, requireFreePorts } from './ports.ts';
import { startPostgres } from './postgres.ts';
import { postgresFolders } from './postgres-home.ts';
import { startRegistry } from './registry.ts';
import { holdFolder, type RunFile } from './run-file.ts';
import { startUserMock } from './user-mock.ts';

export interface InfrastructureOptions {
  /** Absolute. One running copy per folder. */
  dataDir: string;
  /** Where the bootstrap put Kafka and the registry. */
  downloadsDir: string;
  ports: Ports | 'free';
  env: Environment;
  /** The parts wanted at all; all of them when not given. */
  parts?: readonly PartName[];
  /** Ports that must be free besides those of the parts. */
  alsoFree?: readonly PortName[];
  /** For tests: data need not survive a crash of the machine, and the end is quick. */
  disposable?: boolean;
  /** Begin with empty data; what was fetched stays. */
  fresh?: boolean;
  signal?: AbortSignal;
  /** Called as soon as children can exist, with what ends all of them at once. */
  onHeld?(killAll: () => void): void;
  log(line: string): void;
}

export interface Infrastructure {
  /** The whole environment for services, setup and demo. */
  env: Record<string, string>;
  ports: Ports;
  runFile: RunFile;
  /** Only the parts that were started here. */
  parts: Partial<Record<PartName, Part>>;
  inboxUrl: string | undefined;
  userMockUrl: string | undefined;
  stop(): Promise<void>;
}

/**
 * @throws LauncherError folder_in_use, port_taken (before anything is started), not_fetched, start_failed
 */
export async function startInfrastructure(options: InfrastructureOptions): Promise<Infrastructure> {
  const { dataDir, env, log } = options;
  const ports = options.ports === 'free' ? await freePorts() : options.ports;
  const wanted = embeddedParts(env, options.parts);
  const runFile = await holdFolder(dataDir, log);
  options.onHeld?.(() => runFile.killAll());
  const parts: Partial<Record<PartName, Part>> = {};
  const context: PartContext = {
    dataDir,
    downloadsDir: options.downloadsDir,
    keeper: runFile,
    disposable: options.disposable ?? false,
    signal: options.signal,
    note: log,
  };
  const stop = async () => {
    await stopParts(parts, context.disposable, log);
    runFile.release();
  };
  try {
    if (options.fresh) await removeData(dataDir);
    await requireFreePorts(ports, [...portsOfParts(wanted), ...(options.alsoFree ?? [])]);
    const urls = await startParts(wanted, parts, ports, env, context);
    return {
      env: serviceEnvironment(env, urls.variables, ports),
      ports,
      runFile,
      parts,
      inboxUrl: urls.inboxUrl,
      userMockUrl: urls.userMockUrl,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

interface StartedUrls {
  variables: PartUrls;
  inboxUrl: string | undefined;
  userMockUrl: string | undefined;
}

/** Everything at the same time, but the registry, which keeps its schemas in Postgres. */
async function startParts(
  wanted: readonly PartName[],
  parts: Partial<Record<PartName, Part>>,
  ports: Ports,
  env: Environment,
  context: PartContext,
): Promise<StartedUrls> {
  const javaHome = env.JAVA_HOME;
  const urls: StartedUrls = { variables: {}, inboxUrl: undefined, userMockUrl: undefined };
  const begin = async <P extends Part>(name: PartName, start: () => Promise<P>): Promise<P> => {
    const startedAtMs = performance.now();
    const part = await start();
    parts[name] = part;
    context.note(`${name} is up (${((performance.now() - startedAtMs) / 1000).toFixed(1)} s)`);
    return part;
  };
  const startDatabaseParts = async () => {
    const { postgres: port, registry, registryManagement: managementPort } = ports;
    const postgres = wanted.includes('postgres')
      ? await begin('postgres', () => startPostgres({ port }, context))
      : undefined;
    if (postgres) urls.variables.DATABASE_URL = postgres.databaseUrl;
    if (!wanted.includes('registry')) return;
    const databaseUrl = await postgres?.createDatabase('registry');
    const started = await begin('registry', () =>
      startRegistry({ port: registry, managementPort, javaHome, databaseUrl }, context),
    );
    urls.variables.SCHEMA_REGISTRY_URL = started.registryUrl;
  };
  const starts: Record<Exclude<PartName, 'postgres' | 'registry'>, () => Promise<void>> = {
    kafka: async () => {
      const { kafka: port, kafkaController: controllerPort } = ports;
      const { brokers } = await begin('kafka', () => startKafka({ port, controllerPort, javaHome }, context));
      urls.variables.KAFKA_BROKERS = brokers;
    },
    inbox: async () => {
      const { smtp: smtpPort, inbox: webPort } = ports;
      const inbox = await begin('inbox', () => startInbox({ smtpPort, webPort }, context));
      urls.variables.SMTP_URL = inbox.smtpUrl;
      urls.inboxUrl = inbox.inboxUrl;
    },
    'user-mock': async () => {
      const mock = await begin('user-mock', () => startUserMock({ port: ports.userMock, env }, context));
      urls.variables.USER_SERVICE_URL = mock.userServiceUrl;
      urls.variables.SMS_GATEWAY_URL = mock.smsGatewayUrl;
      urls.userMockUrl = mock.userServiceUrl;
    },
  };
  const others = (['kafka', 'inbox', 'user-mock'] as const).filter((name) => wanted.includes(name));
  const results = await Promise.allSettled([startDatabaseParts(), ...others.map((name) => starts[name]())]);
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
  return urls;
}

/** Postgres last: the registry still writes to it. */
async function stopParts(
  parts: Partial<Record<PartName, Part>>,
  disposable: boolean,
  log: (line: string) => void,
): Promise<void> {
  const signal = disposable ? 'SIGKILL' : undefined;
  const stopOne = async (name: PartName) => {
    if (!parts[name]) return;
    await parts[name].stop(signal);
    log(`${name} stopped`);
  };
  await Promise.all((['inbox', 'user-mock', 'registry', 'kafka'] as const).map(stopOne));
  await stopOne('postgres');
}

/** Only what a run makes: downloads stay, and so do other copies' folders below this one. */
async function removeData(dataDir: string): Promise<void> {
  const made = ['kafka', 'registry', 'inbox', 'logs', 'secrets.json'].map((name) => join(dataDir, name));
  const { inside, outside } = postgresFolders(dataDir);
  for (const path of [...made, inside, outside]) await rm(path, { recursive: true, force: true });
}

/** The folder of Kafka and the registry: beside the data unless said otherwise (relative to the repository). */
export function downloadsFolder(root: string, dataDir: string, env: Environment): string {
  return env.POSTHORN_DOWNLOADS_DIR ? resolve(root, env.POSTHORN_DOWNLOADS_DIR) : join(dataDir, 'downloads');
}
