// The other processes of a bench (sink, contestants, load): each says what it has to say as lines of JSON on its
// standard output, and ends when its standard input does, so that none outlives a bench that was killed.
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { BenchError } from './bench-error.ts';

export interface BenchProcess<Line> {
  readonly pid: number;
  /** The next line that it says. @throws BenchError when it ended, or said nothing for `withinMs` */
  next(withinMs: number): Promise<Line>;
  say(line: string): void;
  stop(): Promise<void>;
}

/** @param file beside this one, such as `smtp-sink.ts` */
export function startBenchProcess<Line>(file: string, args: readonly string[]): BenchProcess<Line> {
  const child: ChildProcess = spawn(process.execPath, [join(import.meta.dirname, file), ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
    // Ctrl-C is for main.ts, which stops everything in order.
    detached: true,
  });
  const lines: Line[] = [];
  let wake = () => {};
  let hasEnded = false;
  const exited = new Promise<void>((resolve) => {
    const end = () => {
      hasEnded = true;
      wake();
      resolve();
    };
    child.once('exit', end);
    child.once('error', end);
  });
  if (child.stdout) {
    createInterface({ input: child.stdout }).on('line', (line) => {
      lines.push(JSON.parse(line) as Line);
      wake();
    });
  }
  // It may end while it is being told something.
  child.stdin?.on('error', () => {});

  return {
    pid: child.pid ?? 0,
    async next(withinMs) {
      const timeout = setTimeout(() => wake(), withinMs);
      const deadline = performance.now() + withinMs;
      try {
        for (;;) {
          const line = lines.shift();
          if (line !== undefined) return line;
          if (hasEnded) throw new BenchError(`${file} ended unexpectedly`);
          if (performance.now() >= deadline) throw new BenchError(`${file} said nothing for ${withinMs / 1000} s`);
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      } finally {
        clearTimeout(timeout);
      }
    },
    say: (line) => void child.stdin?.write(`${line}\n`),
    async stop() {
      child.stdin?.end();
      const timer = setTimeout(() => child.kill('SIGKILL'), 3_000);
      await exited;
      clearTimeout(timer);
    },
  };
}
