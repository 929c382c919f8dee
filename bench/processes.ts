// CPU and memory of processes and of the whole machine, from Linux's /proc (proc(5)).
import { readdirSync, readFileSync } from 'node:fs';

export interface Usage {
  /** User and system time of all threads, milliseconds; ended children of its own included. */
  cpuMs: number;
  /** The most memory it ever held (VmHWM), or for several processes what they hold together now, bytes. */
  memoryBytes: number;
}

/** Linux tells times in ticks of 10 ms on every architecture that Node runs on (USER_HZ). */
const tickMs = 10;

/** @throws when there is no such process */
export function readUsage(pid: number): Usage {
  return {
    cpuMs: cpuOfStat(readFileSync(`/proc/${pid}/stat`, 'utf8')),
    memoryBytes: bytesOfStatus(readFileSync(`/proc/${pid}/status`, 'utf8'), 'VmHWM'),
  };
}

/**
 * A process with the children it works through, as Postgres does. Their shared memory is counted once, and as the
 * children come and go only a reading now and then tells their peak.
 */
export function readFamilyUsage(pid: number): Usage {
  const family = [pid, ...childrenOf(pid)];
  let cpuMs = 0;
  let privateBytes = 0;
  let sharedBytes = 0;
  for (const member of family) {
    try {
      const status = readFileSync(`/proc/${member}/status`, 'utf8');
      cpuMs += cpuOfStat(readFileSync(`/proc/${member}/stat`, 'utf8'));
      privateBytes += bytesOfStatus(status, 'RssAnon');
      sharedBytes = Math.max(sharedBytes, bytesOfStatus(status, 'RssShmem') + bytesOfStatus(status, 'RssFile'));
    } catch {
      // It ended while the others were read; its time is in its parent's.
    }
  }
  return { cpuMs, memoryBytes: privateBytes + sharedBytes };
}

/** Time in which any processor of the machine worked for anybody, milliseconds. */
export function readMachineBusyMs(): number {
  return busyOfStat(readFileSync('/proc/stat', 'utf8'));
}

/** Exported for its test. */
export function busyOfStat(text: string): number {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = (text.split('\n')[0] ?? '')
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return (user + nice + system + irq + softirq + steal) * tickMs;
}

/** Exported for its test. */
export function cpuOfStat(text: string): number {
  // The second field is the program's name in parentheses and may hold anything; the third one follows it.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  // utime, stime and those of ended children are fields 14 to 17.
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  return ticks * tickMs;
}

/** Exported for its test. @returns 0 when the kernel does not say */
export function bytesOfStatus(text: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0) * 1024;
}

function childrenOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number),
  );
}
