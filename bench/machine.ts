// What a figure was measured on, and from which state of the sources.
import { execFileSync } from 'node:child_process';
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os';

export interface Machine {
  processor: string;
  processorCount: number;
  memoryBytes: number;
  system: string;
  node: string;
  /** Processes that were running or waiting to, over the minute before the run. */
  loadBefore: number;
}

export function describeMachine(): Machine {
  return {
    processor: cpus()[0]?.model ?? 'unknown',
    processorCount: availableParallelism(),
    memoryBytes: totalmem(),
    system: `${process.platform} ${release()}`,
    node: process.version,
    loadBefore: loadavg()[0] ?? Number.NaN,
  };
}

export interface SourceState {
  commit: string;
  /** There were changes that no commit holds, the bench's results left out. */
  isDirty: boolean;
}

export function describeSources(root: string): SourceState {
  const git = (...args: string[]) => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();
  try {
    const changes = git('status', '--porcelain', '--', '.', ':!bench/results');
    return { commit: git('rev-parse', '--short=10', 'HEAD'), isDirty: changes !== '' };
  } catch {
    return { commit: 'unknown', isDirty: true };
  }
}
