// A step of the start that is a command of its own (`posthorn setup`, `posthorn demo`): run to its end, its lines shown.
import { createInterface } from 'node:readline';
import { type ChildKeeper, startChild } from './child.ts';
import { LauncherError } from './launcher-error.ts';
import { describeExit } from './part.ts';

export interface StepOptions {
  root: string;
  env: Readonly<Record<string, string>>;
  keeper: ChildKeeper;
  signal: AbortSignal | undefined;
  log(line: string): void;
}

/** @throws LauncherError step_failed */
export async function runStep(name: 'setup' | 'demo', options: StepOptions): Promise<void> {
  const { root, env, keeper, signal, log } = options;
  const child = startChild(
    name,
    { command: process.execPath, args: ['cli/posthorn.ts', name], cwd: root, env },
    'pipe',
    keeper,
  );
  for (const stream of [child.process.stdout, child.process.stderr]) {
    if (stream) createInterface({ input: stream }).on('line', (line) => log(`${name}: ${line}`));
  }
  const abort = () => child.kill('SIGTERM');
  signal?.addEventListener('abort', abort, { once: true });
  const exit = await child.exited;
  signal?.removeEventListener('abort', abort);
  if (exit.code !== 0) throw new LauncherError('step_failed', `posthorn ${name} failed (${describeExit(exit)}).`);
}
