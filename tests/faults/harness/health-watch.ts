// Asks every service's /healthz again and again, and a server beside them that has nothing to do. What both of them take is the
// machine's doing, and so is what a service takes while its main thread does not run: it waits for a processor.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ServiceName } from '../../../dev/services.ts';
import { heldUpAtMostMs } from '../../support/processor-time.ts';
import type { World } from './world.ts';

export interface SlowHealth {
  service: ServiceName;
  /** Beyond what the idle server took; what the main thread was at work meanwhile, where that is less. */
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
const limitMs = 10_000;

export async function watchHealth({ launched }: World, services: readonly ServiceName[]): Promise<HealthWatch> {
  const idle = await startIdleServer();
  let slow: SlowHealth[] = [];
  let slowestMs = 0;
  let isOver = false;
  const look = async () => {
    while (!isOver) {
      const [machine, ...own] = await Promise.all([
        measure(idle.url),
        ...services.map((name) =>
          measure(`${launched.services.opsUrl(name)}/healthz`, () => readRunMs(launched.services.pid(name))),
        ),
      ]);
      for (const [at, service] of services.entries()) {
        const { ms: tookMs, ranMs } = own[at] ?? noAnswer;
        const ms = tookMs === limitMs ? limitMs : Math.min(tookMs - (machine?.ms ?? 0), ranMs);
        slowestMs = Math.max(slowestMs, ms);
        if (ms > heldUpAtMostMs) slow.push({ service, ms: Math.round(ms), atMs: Date.now() });
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

interface Answered {
  /** The limit where no answer came. */
  ms: number;
  /** How long the asked one's main thread ran meanwhile; no bound where the machine does not tell. */
  ranMs: number;
}

const noAnswer: Answered = { ms: limitMs, ranMs: Number.POSITIVE_INFINITY };

async function measure(url: string, readMs: () => number | undefined = () => undefined): Promise<Answered> {
  const startedAtMs = performance.now();
  const before = readMs();
  try {
    await (await fetch(url, { signal: AbortSignal.timeout(limitMs) })).text();
    const ms = performance.now() - startedAtMs;
    const after = readMs();
    return { ms, ranMs: before === undefined || after === undefined ? Number.POSITIVE_INFINITY : after - before };
  } catch {
    return noAnswer;
  }
}

/** @returns for how long the main thread of a process has run on a processor; undefined where only Linux would know */
function readRunMs(pid: number | undefined): number | undefined {
  try {
    // A kernel that keeps no such statistics shows 0.
    return Number(readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6 || undefined;
  } catch {
    return undefined;
  }
}

async function startIdleServer(): Promise<{ child: ChildProcess; url: string }> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'idle-server.ts')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [port] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  return { child, url: `http://127.0.0.1:${port}/` };
}
