// Runs every service as an operating-system process of its own, starts again what dies, and stops all in the order of
// the flow, so that each stage has ended what the one before it handed over.
import { createWriteStream, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { restartDelayMs } from './backoff.ts';
import { type Child, type ChildKeeper, rotateLog, startChild } from './child.ts';
import { LauncherError } from './launcher-error.ts';
import { describeExit } from './part.ts';
import type { PortName, Ports } from './ports.ts';

/** All services, in the order in which they are stopped. */
export const serviceNames = ['admin', 'ingest', 'planner', 'enricher', 'renderer', 'dispatcher'] as const;
// What a service holds lives for milliseconds: a small young generation, a bounded old one and one arena for all threads
// keep its peak memory down by a third. (A bound of 160 MB saved no more and cost up to a quarter of the CPU, in collections.)
// The image says the same.
const nodeFlags = ['--max-semi-space-size=8', '--max-old-space-size=1024'];

export type ServiceName = (typeof serviceNames)[number];

const opsPortOf: Readonly<Record<ServiceName, PortName>> = {
  admin: 'adminOps',
  ingest: 'ingestOps',
  planner: 'plannerOps',
  enricher: 'enricherOps',
  renderer: 'rendererOps',
  dispatcher: 'dispatcherOps',
};

export function opsPorts(): PortName[] {
  return serviceNames.map((name) => opsPortOf[name]);
}

export interface ServicesOptions {
  root: string;
  dataDir: string;
  env: Readonly<Record<string, string>>;
  ports: Ports;
  keeper: ChildKeeper;
  /** One line of a service's output, as it was written. */
  onLine(service: ServiceName, line: string): void;
  log(line: string): void;
}

export interface Services {
  pid(name: ServiceName): number | undefined;
  opsUrl(name: ServiceName): string;
  /** Kills it as an accident would: it is started again after its delay. */
  kill(name: ServiceName, signal: NodeJS.Signals): void;
  /** Stops one for good, until startOne. */
  stopOne(name: ServiceName): Promise<void>;
  startOne(name: ServiceName): void;
  /** @throws LauncherError start_failed when a service refuses its settings or is not ready in time */
  waitReady(signal?: AbortSignal): Promise<void>;
  stop(): Promise<void>;
}

interface Supervised {
  name: ServiceName;
  child: Child | undefined;
  wanted: boolean;
  delayMs: number | undefined;
  restart: NodeJS.Timeout | undefined;
  refusedSettings: boolean;
}

const stopOneWithinMs = 10_000;
/** All together, so that with the parts behind them everything is down within 20 s. */
const stopAllWithinMs = 11_000;
const readyWithinMs = 60_000;
// lib/lifecycle.ts ends a service that cannot use its settings with this one.
const settingsRefusedCode = 2;

export function startServices(options: ServicesOptions): Services {
  const { ports, log } = options;
  const supervised = new Map(serviceNames.map((name) => [name, createSupervised(name)]));
  const get = (name: ServiceName): Supervised => {
    const service = supervised.get(name);
    if (!service) throw new Error(`there is no service ${name}`);
    return service;
  };
  const host = pollHost(options.env.BIND_HOST);
  const opsUrl = (name: ServiceName) => `http://${host}:${ports[opsPortOf[name]]}`;

  const launch = (service: Supervised): void => {
    const startedAtMs = performance.now();
    service.wanted = true;
    const env = {
      // TypeScript is stripped and compiled once, not at every start of a service or a worker thread.
      NODE_COMPILE_CACHE: join(options.dataDir, 'compile-cache'),
      MALLOC_ARENA_MAX: '1',
      ...options.env,
      OPS_PORT: String(ports[opsPortOf[service.name]]),
    };
    const args = [...nodeFlags, `services/${service.name}/main.ts`];
    const command = { command: process.execPath, args, cwd: options.root, env };
    const child = startChild(service.name, command, 'pipe', options.keeper);
    service.child = child;
    readLines(child, service.name, options);
    void child.exited.then((exit) => {
      if (!service.wanted) return;
      service.refusedSettings = exit.code === settingsRefusedCode;
      service.delayMs = restartDelayMs(service.delayMs, performance.now() - startedAtMs);
      log(`${service.name} died (${describeExit(exit)}), starting it again in ${service.delayMs / 1000} s`);
      service.restart = setTimeout(() => launch(service), service.delayMs);
    });
  };
  const stopOne = async (service: Supervised, withinMs: number): Promise<void> => {
    service.wanted = false;
    clearTimeout(service.restart);
    if (!service.child?.isRunning()) return;
    const startedAtMs = performance.now();
    const exit = await service.child.stop('SIGTERM', withinMs);
    const took = `${((performance.now() - startedAtMs) / 1000).toFixed(1)} s`;
    log(`${service.name} ${exit.signal === 'SIGKILL' ? 'did not stop and was killed after' : 'stopped in'} ${took}`);
  };

  for (const service of supervised.values()) {
    rotateLog(logFile(options.dataDir, service.name));
    launch(service);
  }
  return {
    pid: (name) => (get(name).child?.isRunning() ? get(name).child?.pid : undefined),
    opsUrl,
    kill: (name, signal) => get(name).child?.kill(signal),
    stopOne: (name) => stopOne(get(name), stopOneWithinMs),
    startOne(name) {
      const service = get(name);
      if (!service.wanted) launch(service);
    },
    async waitReady(signal) {
      const deadline = performance.now() + readyWithinMs;
      await Promise.all(
        [...supervised.values()].map((service) => untilReady(service, opsUrl(service.name), deadline, signal)),
      );
    },
    async stop() {
      // Nothing may come back to life while the ones before it are still being stopped.
      for (const service of supervised.values()) {
        service.wanted = false;
        clearTimeout(service.restart);
      }
      const deadline = performance.now() + stopAllWithinMs;
      for (const service of supervised.values()) {
        await stopOne(service, Math.max(0, Math.min(stopOneWithinMs, deadline - performance.now())));
      }
    },
  };
}

function createSupervised(name: ServiceName): Supervised {
  return { name, child: undefined, wanted: false, delayMs: undefined, restart: undefined, refusedSettings: false };
}

function logFile(dataDir: string, name: ServiceName): string {
  return join(dataDir, 'logs', `${name}.log`);
}

/** Every line goes to the service's log file as it is, and to whoever shows it. */
function readLines(child: Child, name: ServiceName, { dataDir, onLine }: ServicesOptions): void {
  mkdirSync(join(dataDir, 'logs'), { recursive: true });
  const file = createWriteStream(logFile(dataDir, name), { flags: 'a' });
  // A full disk must not take the launcher down with the log.
  file.on('error', () => {});
  for (const stream of [child.process.stdout, child.process.stderr]) {
    if (!stream) continue;
    createInterface({ input: stream }).on('line', (line) => {
      file.write(`${line}\n`);
      onLine(name, line);
    });
  }
  child.process.once('close', () => file.end());
}

async function untilReady(
  service: Supervised,
  opsUrl: string,
  deadline: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  let answer = 'it does not answer';
  while (performance.now() < deadline) {
    signal?.throwIfAborted();
    if (service.refusedSettings) {
      throw new LauncherError('start_failed', `${service.name} refuses its settings, see its lines above.`);
    }
    if (!service.wanted) return;
    try {
      const response = await fetch(`${opsUrl}/readyz`, { signal: AbortSignal.timeout(2_000) });
      if (response.ok) return;
      answer = (await response.text()).trim();
    } catch {
      answer = 'it does not answer';
    }
    await sleep(50);
  }
  throw new LauncherError('start_failed', `${service.name} is not ready: ${opsUrl}/readyz says ${answer}`);
}

/** Where a service that listens on BIND_HOST is reached from this machine. */
function pollHost(bindHost: string | undefined): string {
  if (!bindHost || bindHost === '0.0.0.0' || bindHost === '::') return '127.0.0.1';
  return bindHost.includes(':') ? `[${bindHost}]` : bindHost;
}
