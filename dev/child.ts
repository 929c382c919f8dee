// One child process of the launcher: in a process group of its own (so that Ctrl-C reaches only the launcher, which stops
// things in order), its output in a log file or handed on, its pid written down for the next start.
import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

export interface ChildCommand {
  command: string;
  args: readonly string[];
  env?: Readonly<Record<string, string | undefined>>;
  cwd?: string;
  /** The user it runs as, when that is not the launcher's own. */
  uid?: number | undefined;
  gid?: number | undefined;
}

export interface ChildExit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** Writes down which children live, so that the next start finds those that a killed launcher left behind. */
export interface ChildKeeper {
  added(name: string, pid: number): void;
  removed(pid: number): void;
}

export interface Child {
  readonly pid: number | undefined;
  readonly process: ChildProcess;
  readonly exited: Promise<ChildExit>;
  isRunning(): boolean;
  kill(signal: NodeJS.Signals): void;
  /** Sends the signal and waits; after `withinMs` it sends SIGKILL. */
  stop(signal: NodeJS.Signals, withinMs: number): Promise<ChildExit>;
}

/**
 * @param output a log file to append to, or `pipe` to read stdout and stderr from `child.process`
 * @param parentDeathSignal what the kernel sends to the child when the launcher is killed hard (Linux only)
 */
export function startChild(
  name: string,
  { command, args, env, cwd, uid, gid }: ChildCommand,
  output: string | 'pipe',
  keeper: ChildKeeper,
  parentDeathSignal: NodeJS.Signals = 'SIGTERM',
): Child {
  const wrapper = canDieWithParent() ? ['setpriv', '--pdeathsig', parentDeathSignal.slice(3), '--'] : [];
  const [program = command, ...rest] = [...wrapper, command, ...args];
  const log = output === 'pipe' ? undefined : openLog(output);
  const options: SpawnOptions = { detached: true, stdio: ['ignore', log ?? 'pipe', log ?? 'pipe'] };
  if (cwd !== undefined) options.cwd = cwd;
  if (env !== undefined) options.env = { ...env };
  if (uid !== undefined) options.uid = uid;
  if (gid !== undefined) options.gid = gid;
  const child = spawn(program, rest, options);
  if (log !== undefined) closeSync(log);

  const { pid } = child;
  if (pid !== undefined) keeper.added(name, pid);
  let running = pid !== undefined;
  const exited = new Promise<ChildExit>((resolve) => {
    const end = (exit: ChildExit) => {
      running = false;
      if (pid !== undefined) keeper.removed(pid);
      resolve(exit);
    };
    child.once('exit', (code, signal) => end({ code, signal }));
    // The program does not exist or may not be run: 'exit' never comes.
    child.once('error', () => pid === undefined && end({ code: 127, signal: null }));
  });
  return {
    pid,
    process: child,
    exited,
    isRunning: () => running,
    kill: (signal) => void child.kill(signal),
    async stop(signal, withinMs) {
      if (!running) return exited;
      child.kill(signal);
      const timer = setTimeout(() => child.kill('SIGKILL'), withinMs);
      try {
        return await exited;
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

let setprivWorks: boolean | undefined;

/** util-linux's setpriv asks the kernel (prctl PR_SET_PDEATHSIG) and then becomes the program: same pid, same command line. */
function canDieWithParent(): boolean {
  setprivWorks ??=
    process.platform === 'linux' && spawnSync('setpriv', ['--pdeathsig', 'TERM', '--', 'true']).status === 0;
  return setprivWorks;
}

function openLog(file: string): number {
  mkdirSync(dirname(file), { recursive: true });
  return openSync(file, 'a');
}

/** Begins a new log; the one before is kept once, as `<name>.previous.log`. */
export function rotateLog(file: string): void {
  if (existsSync(file)) renameSync(file, file.replace(/\.log$/, '.previous.log'));
}

export function logSizeBytes(file: string): number {
  return existsSync(file) ? statSync(file).size : 0;
}

/** The last lines written to a log after `fromBytes`, indented for an error message. */
export function tailLog(file: string, fromBytes = 0, lineCount = 12): string {
  if (!existsSync(file)) return '';
  const text = readFileSync(file).subarray(fromBytes).toString('utf8').trim();
  if (text === '') return '';
  return text
    .split('\n')
    .slice(-lineCount)
    .map((line) => `\n    ${line}`)
    .join('');
}
