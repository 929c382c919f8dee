// Asks every service's /healthz again and again, and a server beside them that has nothing to do: what both of them take is the
// machine's doing, what a service takes beyond that is its own.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism, loadavg } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ServiceName } from '../../../dev/services.ts';
import type { World } from './world.ts';

export interface SlowHealth {
  service: ServiceName;
  /** Beyond what the idle server took. */
  ms: number;
  atMs: number;
}

export interface HealthWatch {
  /** Every answer since the last look that took too long, or that did not come. */
  takeSlow(): SlowHealth[];
  slowestMs(): number;
  stop(): Promise<void>;
}

const everyMs = 100;
const allowedMs = 200;
/** Where so many more processes want to run than can, a single one waits for its turn by chance. */
const allowedOnBusyMachineMs = 1_000;
const isBusy = () => (loadavg()[0] ?? 0) > 4 * availableParallelism();
const limitMs = 10_000;

export async function watchHealth({ launched }: World, services: readonly ServiceName[]): Promise<HealthWatch> {
  const idle = await startIdleServer();
  let slow: SlowHealth[] = [];
  let slowestMs = 0;
  let isOver = false;
  const look = async () => {
    while (!isOver) {
      const [idleMs, ...own] = await Promise.all([
        measure(idle.url),
        ...services.map((name) => measure(`${launched.services.opsUrl(name)}/healthz`)),
      ]);
      for (const [at, service] of services.entries()) {
        const ms = (own[at] ?? limitMs) - (idleMs ?? 0);
        slowestMs = Math.max(slowestMs, ms);
        if (ms > (isBusy() ? allowedOnBusyMachineMs : allowedMs))
          slow.push({ service, ms: Math.round(ms), atMs: Date.now() });
      }
      await sleep(everyMs);
    }
  };
  const looking = look();
  return {
    takeSlow() {
      const taken = slow;
      slow = [];
      return taken;
    },
    slowestMs: () => Math.round(slowestMs),
    async stop() {
      isOver = true;
      await looking;
      idle.child.kill('SIGKILL');
    },
  };
}

/** @returns how long the answer took, or the limit when there was none */
async function measure(url: string): Promise<number> {
  const startedAtMs = performance.now();
  try {
    await (await fetch(url, { signal: AbortSignal.timeout(limitMs) })).text();
    return performance.now() - startedAtMs;
  } catch {
    return limitMs;
  }
}

async function startIdleServer(): Promise<{ child: ChildProcess; url: string }> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'idle-server.ts')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [port] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  return { child, url: `http://127.0.0.1:${port}/` };
}
