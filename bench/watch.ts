// Watches the processes of a run: CPU between two moments, peak memory, and how much of the machine others took
// meanwhile, for a figure measured on a busy machine says nothing.
import { availableParallelism } from 'node:os';
import { readFamilyUsage, readMachineBusyMs, readUsage, type Usage } from './processes.ts';

export interface WatchedProcess {
  name: string;
  pid: () => number | undefined;
  /** It works through processes of its own (Postgres). */
  hasFamily?: boolean;
}

export interface ProcessFigures {
  name: string;
  cpuMs: number;
  peakBytes: number;
}

export interface Watched {
  durationMs: number;
  processes: ProcessFigures[];
  /** Share of all processors that went to anything but the run, 0 to 1. */
  othersShare: number;
}

const sampleEveryMs = 500;

/** @returns what ends the watch and tells its figures */
export function watchProcesses(watched: readonly WatchedProcess[]): () => Watched {
  const peaks = new Map<string, number>();
  const read = (): Map<string, Usage> => {
    const usages = new Map<string, Usage>();
    for (const { name, pid, hasFamily } of watched) {
      const id = pid();
      if (id === undefined) continue;
      const usage = hasFamily ? readFamilyUsage(id) : readUsage(id);
      usages.set(name, usage);
      peaks.set(name, Math.max(peaks.get(name) ?? 0, usage.memoryBytes));
    }
    return usages;
  };
  const startedAtMs = performance.now();
  const busyBeforeMs = readMachineBusyMs();
  const own = () => process.cpuUsage().user / 1000 + process.cpuUsage().system / 1000;
  const ownBeforeMs = own();
  const before = read();
  const families = watched.filter(({ hasFamily }) => hasFamily);
  const timer = setInterval(() => {
    for (const { name, pid } of families) {
      const id = pid();
      if (id !== undefined) peaks.set(name, Math.max(peaks.get(name) ?? 0, readFamilyUsage(id).memoryBytes));
    }
  }, sampleEveryMs);

  return () => {
    clearInterval(timer);
    const after = read();
    const durationMs = performance.now() - startedAtMs;
    const processes = [...after].map(([name, { cpuMs }]) => ({
      name,
      cpuMs: cpuMs - (before.get(name)?.cpuMs ?? 0),
      peakBytes: peaks.get(name) ?? 0,
    }));
    const runMs = processes.reduce((sum, { cpuMs }) => sum + cpuMs, 0) + own() - ownBeforeMs;
    const othersMs = Math.max(0, readMachineBusyMs() - busyBeforeMs - runMs);
    return { durationMs, processes, othersShare: othersMs / (durationMs * availableParallelism()) };
  };
}
