// One more process of a service beside the launcher's own: scaled up, or of another release.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { freePort } from '../../../dev/ports.ts';
import type { ServiceName } from '../../../dev/services.ts';
import { eventually } from '../../support/eventually.ts';

export interface ExtraService {
  readonly pid: number;
  readonly ingestUrl: string;
  /** SIGTERM unless said otherwise; resolves when it is gone. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

/**
 * Resolves when it is ready.
 * @param release the folder whose services/ it is of
 * @param ends what kills it is added here
 */
export async function startExtraService(
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
