// What the system costs while nothing is to do: CPU of every process, percent of one processor.
import { setTimeout as sleep } from 'node:timers/promises';
import type { FigureContext } from '../run.ts';
import { watchProcesses } from '../watch.ts';

export interface Idle {
  durationMs: number;
  othersShare: number;
  processes: { name: string; cpuPercent: number }[];
}

const settleMs = 5_000;
const durationMs = 10_000;

export async function measureIdle({ system, signal, log }: FigureContext): Promise<Idle> {
  log(`measuring idle CPU for ${durationMs / 1000} s, after ${settleMs / 1000} s of rest`);
  await sleep(settleMs, undefined, { signal });
  const endWatch = watchProcesses(system.watched);
  await sleep(durationMs, undefined, { signal });
  const watched = endWatch();
  return {
    durationMs: watched.durationMs,
    othersShare: watched.othersShare,
    processes: watched.processes.map(({ name, cpuMs }) => ({ name, cpuPercent: (cpuMs / watched.durationMs) * 100 })),
  };
}
