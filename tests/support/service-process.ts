// One service as the operating-system process that it is in production: what it says, whether it is ready, how it ends.
import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';
import { freePort } from '../../dev/ports.ts';
import type { ServiceName } from '../../dev/services.ts';
import { compileCacheDir } from './infrastructure.ts';

export interface ServiceEnd {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** From the signal, or from the start where there was none. */
  afterMs: number;
}

export interface ServiceProcess {
  name: ServiceName;
  pid: number;
  /** Its log, line by line. */
  lines: string[];
  ended: Promise<ServiceEnd>;
  /** Whether it is ready, and what it says that it waits for; undefined while it does not answer. */
  readiness(): Promise<{ status: number; waitingFor: string[] } | undefined>;
  ops(path: string): Promise<{ status: number; text: string }>;
  signal(name: NodeJS.Signals): void;
  /** SIGTERM, and how it ended. */
  terminate(): Promise<ServiceEnd>;
}

const root = resolve(import.meta.dirname, '../..');

/** To be called inside a test; killed when the test ends, if it still lives. */
export async function startServiceProcess(
  name: ServiceName,
  env: Readonly<Record<string, string>>,
): Promise<ServiceProcess> {
  const opsPort = await freePort();
  const child = spawn(process.execPath, [`services/${name}/main.ts`], {
    cwd: root,
    env: { PATH: process.env.PATH, NODE_COMPILE_CACHE: compileCacheDir, ...env, OPS_PORT: String(opsPort) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line);
      if (process.env.TEST_LOG_LEVEL) process.stderr.write(`${name} ${line}\n`);
    });
  }
  let sinceMs = performance.now();
  const ended = new Promise<ServiceEnd>((done) => {
    child.once('exit', (code, signal) => done({ code, signal, afterMs: performance.now() - sinceMs }));
  });
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const ops = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${opsPort}${path}`, { signal: AbortSignal.timeout(5_000) });
    return { status: response.status, text: await response.text() };
  };
  return {
    name,
    pid: child.pid ?? 0,
    lines,
    ended,
    async readiness() {
      try {
        const { status, text } = await ops('/readyz');
        return { status, waitingFor: (JSON.parse(text) as { waiting_for: string[] }).waiting_for };
      } catch {
        return undefined;
      }
    },
    ops,
    signal: (signal) => void child.kill(signal),
    terminate() {
      sinceMs = performance.now();
      child.kill('SIGTERM');
      return ended;
    },
  };
}
