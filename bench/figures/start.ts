// How long `npm start` takes from the command to "everything is up" when everything has been fetched: with empty data, and
// a second time with the data it left; and how long Ctrl-C takes.
import { type ChildProcess, spawn } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { postgresFolders } from '../../dev/postgres-home.ts';
import { stopLeftoversIn } from '../../dev/run-file.ts';
import { BenchError } from '../bench-error.ts';
import type { RunContext } from '../run.ts';

export interface Start {
  /** With empty data: makes topics, schemas, tables and sends the demo. */
  firstMs: number;
  /** With the data of the first. */
  secondMs: number;
  stopMs: number;
}

const upWithinMs = 120_000;
const stopWithinMs = 25_000;

export async function measureStart(context: RunContext): Promise<Start> {
  const dataDir = join(context.dataDir, 'bench-start');
  if ((await stopLeftoversIn(dataDir, context.log)) === 'alive') {
    throw new BenchError(`another bench is measuring the start in ${dataDir}: wait for it, or set POSTHORN_DATA_DIR.`);
  }
  const removeData = async () => {
    const { outside } = postgresFolders(dataDir);
    for (const folder of [dataDir, outside]) await rm(folder, { recursive: true, force: true });
  };
  try {
    await removeData();
    const first = await startAndStop(context, dataDir);
    const second = await startAndStop(context, dataDir);
    return { firstMs: first.startMs, secondMs: second.startMs, stopMs: Math.max(first.stopMs, second.stopMs) };
  } finally {
    await removeData();
  }
}

async function startAndStop(
  { root, env, signal, log }: RunContext,
  dataDir: string,
): Promise<{ startMs: number; stopMs: number }> {
  const portOffset = 12_000 + Math.floor(Math.random() * 8_000);
  const startedAtMs = performance.now();
  const child = spawn('npm', ['start'], {
    cwd: root,
    env: { ...env, POSTHORN_DATA_DIR: dataDir, POSTHORN_PORT_OFFSET: String(portOffset) },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()).once('error', () => resolve()));
  const stop = async () => {
    const stoppedAtMs = performance.now();
    // As a terminal does: to npm and to what it runs.
    signalGroup(child, 'SIGINT');
    const timer = setTimeout(() => signalGroup(child, 'SIGKILL'), stopWithinMs);
    await exited;
    clearTimeout(timer);
    return performance.now() - stoppedAtMs;
  };
  try {
    await untilUp(child, exited, signal);
  } catch (error) {
    await stop();
    throw error;
  }
  const startMs = performance.now() - startedAtMs;
  const stopMs = await stop();
  log(`npm start was up after ${(startMs / 1000).toFixed(1)} s, stopped in ${(stopMs / 1000).toFixed(1)} s`);
  return { startMs, stopMs };
}

async function untilUp(child: ChildProcess, exited: Promise<void>, signal: AbortSignal): Promise<void> {
  const lastLines: string[] = [];
  const up = new Promise<boolean>((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      if (!stream) continue;
      createInterface({ input: stream }).on('line', (line) => {
        lastLines.push(line);
        if (lastLines.length > 10) lastLines.shift();
        if (line.includes('everything is up')) resolve(true);
      });
    }
    void exited.then(() => resolve(false));
    signal.addEventListener('abort', () => resolve(false), { once: true });
    setTimeout(() => resolve(false), upWithinMs).unref();
  });
  if (await up) return;
  signal.throwIfAborted();
  throw new BenchError(`npm start did not come up:\n${lastLines.join('\n')}`);
}

function signalGroup(child: ChildProcess, name: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, name);
  } catch {
    // It ended by itself meanwhile.
  }
}
