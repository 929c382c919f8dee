// The whole system on this machine: outside parts, setup, services, demo data. `npm start`, the end-to-end tests and the
// bench are all this function, with other ports and folders.
import type { Environment } from '../lib/config.ts';
import { downloadsFolder, type Infrastructure, startInfrastructure } from './cluster.ts';
import { explicitPorts } from './environment.ts';
import { freePorts, type Ports } from './ports.ts';
import { loadSecrets } from './secrets.ts';
import { opsPorts, type ServiceName, type Services, startServices } from './services.ts';
import { runStep } from './step.ts';

export interface LaunchOptions {
  /** The repository. */
  root: string;
  /** Absolute. */
  dataDir: string;
  ports: Ports | 'free';
  /** The environment as a person set it. */
  env: Environment;
  demo: boolean;
  fresh?: boolean;
  disposable?: boolean;
  /** Calls the start off; what was started by then is stopped, and launch rejects. */
  signal?: AbortSignal;
  /** Called as soon as children can exist, with what ends all of them at once. */
  onHeld?(killAll: () => void): void;
  log(line: string): void;
  /** One line of a service's output. */
  onLine(service: ServiceName, line: string): void;
}

export interface Launched {
  infrastructure: Infrastructure;
  services: Services;
  ports: Ports;
  /** What the services were started with, and the API key besides. */
  env: Record<string, string>;
  apiKey: string;
  /** Of `admin` in the admin pages, as long as nobody has changed it there. */
  adminPassword: string;
  ingestUrl: string;
  /** Stops the services in the order of the flow, then the parts; within 20 s. */
  stop(): Promise<void>;
}

/** @throws LauncherError when a part, the setup or a service does not come up; everything is stopped then */
export async function launch(options: LaunchOptions): Promise<Launched> {
  const { root, dataDir, log, signal } = options;
  const explicit = explicitPorts(options.env);
  const ports = options.ports === 'free' ? await freePorts(explicit) : options.ports;
  const infrastructure = await startInfrastructure({
    dataDir,
    downloadsDir: downloadsFolder(root, dataDir, options.env),
    ports,
    env: options.env,
    alsoFree: ['admin', 'ingest', ...opsPorts()],
    disposable: options.disposable ?? false,
    fresh: options.fresh ?? false,
    ...(signal ? { signal } : {}),
    ...(options.onHeld ? { onHeld: options.onHeld } : {}),
    log,
  });
  let services: Services | undefined;
  const stop = async () => {
    await services?.stop();
    await infrastructure.stop();
  };
  try {
    const keeper = infrastructure.runFile;
    const { secret, apiKey, adminPassword } = loadSecrets(dataDir, options.env);
    const env: Record<string, string> = { ...infrastructure.env, POSTHORN_SECRET: secret };
    // Only the one deploy step makes keys and log-ins; the services have no need to know them.
    const { POSTHORN_ADMIN_PASSWORD: _, POSTHORN_API_KEY: __, ...serviceEnv } = env;
    const ingestUrl = `http://127.0.0.1:${ports.ingest}`;
    const stepOptions = { root, env: { ...serviceEnv, POSTHORN_API_KEY: apiKey }, keeper, signal, log };

    signal?.throwIfAborted();
    const setupEnv = { ...stepOptions.env, POSTHORN_ADMIN_PASSWORD: adminPassword };
    await timed('setup done', log, () => runStep('setup', { ...stepOptions, env: setupEnv }));
    signal?.throwIfAborted();
    services = startServices({ root, dataDir, env: serviceEnv, ports, keeper, onLine: options.onLine, log });
    const started = services;
    await timed('all services are ready', log, () => started.waitReady(signal));
    if (options.demo) await timed('demo done', log, () => runStep('demo', stepOptions));
    return {
      infrastructure,
      services,
      ports,
      env: stepOptions.env,
      apiKey,
      adminPassword,
      ingestUrl,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function timed(title: string, log: (line: string) => void, work: () => Promise<void>): Promise<void> {
  const startedAtMs = performance.now();
  await work();
  log(`${title} (${((performance.now() - startedAtMs) / 1000).toFixed(1)} s)`);
}
