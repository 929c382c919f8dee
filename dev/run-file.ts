// One running copy per data folder. `run.json` names the launcher and its children: while the launcher lives nobody else
// may use the folder, and when it was killed hard the next start stops the children it left behind.
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ChildKeeper } from './child.ts';
import { LauncherError } from './launcher-error.ts';
import { startOfProcess } from './process-identity.ts';

interface RecordedProcess {
  name: string;
  pid: number;
  startedAt: string;
}

interface RunRecord {
  launcher: RecordedProcess;
  children: RecordedProcess[];
}

export interface RunFile extends ChildKeeper {
  /** Ends every child at once, for somebody who does not want to wait. */
  killAll(): void;
  release(): void;
}

/** @throws LauncherError folder_in_use */
export async function holdFolder(dataDir: string, note: (line: string) => void): Promise<RunFile> {
  mkdirSync(dataDir, { recursive: true });
  const file = join(dataDir, 'run.json');
  const launcher = describeProcess('launcher', process.pid);
  if (!launcher) throw new Error('the own process has no start time');
  const record: RunRecord = { launcher, children: [] };

  while (!create(file, record)) {
    const before = read(file);
    if (before && isAlive(before.launcher)) {
      throw new LauncherError(
        'folder_in_use',
        `${dataDir} is in use by another running copy (process ${before.launcher.pid}): stop that one, or start this one with its own POSTHORN_DATA_DIR and POSTHORN_PORT_OFFSET.`,
      );
    }
    if (before) await stopLeftovers(before.children, note);
    rmSync(file, { force: true });
  }

  const save = () => {
    writeFileSync(`${file}.new`, JSON.stringify(record));
    renameSync(`${file}.new`, file);
  };
  return {
    added(name, pid) {
      const child = describeProcess(name, pid);
      if (child) record.children.push(child);
      save();
    },
    removed(pid) {
      record.children = record.children.filter((child) => child.pid !== pid);
      save();
    },
    killAll: () =>
      record.children.filter(isAlive).forEach((child) => {
        send(child, 'SIGKILL');
      }),
    release: () => rmSync(file, { force: true }),
  };
}

/** Stops what a killed launcher left running in a folder; does nothing while that launcher lives. */
export async function stopLeftoversIn(dataDir: string, note: (line: string) => void): Promise<'alive' | 'gone'> {
  const record = read(join(dataDir, 'run.json'));
  if (record && isAlive(record.launcher)) return 'alive';
  if (record) await stopLeftovers(record.children, note);
  return 'gone';
}

/** The file appears whole or not at all (link fails when it exists), so no other start ever reads half of it. */
function create(file: string, record: RunRecord): boolean {
  const own = `${file}.${process.pid}`;
  writeFileSync(own, JSON.stringify(record));
  try {
    linkSync(own, file);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(own, { force: true });
  }
}

function read(file: string): RunRecord | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as RunRecord;
  } catch {
    return undefined;
  }
}

const leaveWithinMs = 10_000;

async function stopLeftovers(children: readonly RecordedProcess[], note: (line: string) => void): Promise<void> {
  const left = children.filter(isAlive);
  if (left.length === 0) return;
  note(`stopping what a killed start left running: ${left.map(({ name, pid }) => `${name} (${pid})`).join(', ')}`);
  // SIGINT for Postgres, which waits for every client after a SIGTERM.
  for (const child of left) send(child, child.name === 'postgres' ? 'SIGINT' : 'SIGTERM');
  const deadline = performance.now() + leaveWithinMs;
  while (left.some(isAlive) && performance.now() < deadline) await sleep(50);
  for (const child of left.filter(isAlive)) send(child, 'SIGKILL');
}

function send({ pid }: RecordedProcess, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended by itself meanwhile.
  }
}

function describeProcess(name: string, pid: number): RecordedProcess | undefined {
  const startedAt = startOfProcess(pid);
  return startedAt === undefined ? undefined : { name, pid, startedAt };
}

function isAlive({ pid, startedAt }: RecordedProcess): boolean {
  return startOfProcess(pid) === startedAt;
}
