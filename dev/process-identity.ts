// A pid alone is reused by the system; a pid with the moment its process began is not.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** When the process began, in whatever form the system tells it; undefined when there is no such process. */
export function startOfProcess(pid: number): string | undefined {
  if (process.platform === 'linux') return startFromProc(pid);
  const { status, stdout } = spawnSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
}

function startFromProc(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name in parentheses and may hold anything; after it, fields are plain.
    const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (state === 'Z') return undefined;
    // proc(5): starttime is field 22, in ticks since boot; `state` is field 3.
    return fields[18];
  } catch {
    return undefined;
  }
}
