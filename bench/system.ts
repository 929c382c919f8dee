// The whole system as the bench runs it: everything the launcher starts, on free ports with a data folder of its own and
// durable settings, its mail going to the sink.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadDemoTemplates } from '../dev/demo/load-demo.ts';
import { type Launched, launch } from '../dev/launch.ts';
import { formatLogLine } from '../dev/log-line.ts';
import { postgresFolders } from '../dev/postgres-home.ts';
import { type ServiceName, serviceNames } from '../dev/services.ts';
import { createDatabase } from '../lib/db/database.ts';
import { BenchError } from './bench-error.ts';
import { loadBenchTemplates } from './bench-mail.ts';
import { readUsage } from './processes.ts';
import type { Sink } from './sink-client.ts';
import type { WatchedProcess } from './watch.ts';

export interface SystemOptions {
  root: string;
  /** Where the downloads of `npm start` lie, and the bench's own folder besides. */
  dataDir: string;
  env: Readonly<Record<string, string>>;
  sink: Sink;
  signal: AbortSignal;
  onHeld(killAll: () => void): void;
  log(line: string): void;
}

export interface System {
  launched: Launched;
  /** Every process of the system, with the sink. */
  watched: WatchedProcess[];
  /** @returns the request's id, when ingest has taken it. @throws BenchError for every other answer */
  post(event: object): Promise<string>;
  /** The most memory each service held since it began, bytes. */
  servicePeaks(): ServicePeaks;
  /** Waits until the numbers of all these requests balance. */
  waitUntilDone(requestIds: readonly string[], signal: AbortSignal): Promise<RequestProgress[]>;
  stop(): Promise<void>;
}

export type ServicePeaks = Partial<Record<ServiceName, number>>;

export interface RequestProgress {
  state: string;
  planned: number;
  sent: number;
  failed: number;
  skipped: number;
  unknown: number;
}

const shownLevels = /"level":"(warn|error|fatal)"/;

export async function startSystem(options: SystemOptions): Promise<System> {
  const { root, sink, log } = options;
  const dataDir = join(options.dataDir, 'bench');
  const launched = await launch({
    root,
    dataDir,
    ports: 'free',
    env: { ...options.env, SMTP_URL: sink.smtpUrl },
    demo: false,
    fresh: true,
    signal: options.signal,
    onHeld: options.onHeld,
    log,
    // Lines of Node's own are no JSON: a crash, a warning.
    onLine: (service, line) => {
      if (!line.startsWith('{') || shownLevels.test(line)) log(formatLogLine(line, service, undefined));
    },
  });
  const stop = async () => {
    await launched.stop();
    const { outside } = postgresFolders(dataDir);
    for (const folder of [dataDir, outside]) await rm(folder, { recursive: true, force: true });
  };
  const servicePeaks = (): ServicePeaks =>
    Object.fromEntries(
      serviceNames.flatMap((name) => {
        const pid = launched.services.pid(name);
        return pid === undefined ? [] : [[name, readUsage(pid).memoryBytes]];
      }),
    );
  try {
    await loadTemplates(launched.env.DATABASE_URL ?? '');
  } catch (error) {
    await stop();
    throw error;
  }
  return { launched, watched: toWatched(launched, sink), ...createClient(launched), servicePeaks, stop };
}

async function loadTemplates(databaseUrl: string): Promise<void> {
  const db = createDatabase({ url: databaseUrl, applicationName: 'posthorn-bench', maxConnections: 1 });
  try {
    await loadDemoTemplates(db);
    await loadBenchTemplates(db);
  } finally {
    await db.destroy();
  }
}

function toWatched({ services, infrastructure: { parts } }: Launched, sink: Sink): WatchedProcess[] {
  return [
    ...serviceNames.map((name) => ({ name, pid: () => services.pid(name) })),
    { name: 'kafka', pid: () => parts.kafka?.pid() },
    { name: 'postgres', pid: () => parts.postgres?.pid(), hasFamily: true },
    { name: 'registry', pid: () => parts.registry?.pid() },
    { name: 'user-mock', pid: () => parts['user-mock']?.pid() },
    { name: 'sink', pid: () => sink.pid },
  ];
}

const doneWithinMs = 60_000;

function createClient({ ingestUrl, apiKey }: Launched): Pick<System, 'post' | 'waitUntilDone'> {
  const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' };
  const read = async (requestId: string): Promise<RequestProgress> => {
    const response = await fetch(`${ingestUrl}/api/v1/requests/${requestId}`, { headers });
    return (await response.json()) as RequestProgress;
  };
  return {
    async post(event) {
      const response = await fetch(`${ingestUrl}/api/v1/send_notification`, {
        method: 'POST',
        headers,
        body: JSON.stringify({ event }),
        signal: AbortSignal.timeout(30_000),
      });
      if (response.status !== 202) throw new BenchError(`ingest answered ${response.status}: ${await response.text()}`);
      return ((await response.json()) as { request_id: string }).request_id;
    },
    async waitUntilDone(requestIds, signal) {
      const deadline = performance.now() + doneWithinMs;
      for (;;) {
        signal.throwIfAborted();
        const progress = await Promise.all(requestIds.map(read));
        if (progress.every(({ state }) => state === 'done') || performance.now() > deadline) return progress;
        await sleep(50);
      }
    },
  };
}
