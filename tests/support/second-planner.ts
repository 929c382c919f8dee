// Another planner process beside the launcher's, on the same topics and the same database.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { freePort } from '../../dev/ports.ts';
import { eventually } from './eventually.ts';
import { machineEnvironment, type System } from './system.ts';

export interface ExtraProcess {
  /** What it has written. */
  lines(): string;
  stop(): Promise<void>;
}

/** Resolves when it is ready. */
export async function startSecondPlanner(system: System): Promise<ExtraProcess> {
  const opsPort = await freePort();
  const child = spawn(process.execPath, ['services/planner/main.ts'], {
    cwd: resolve(import.meta.dirname, '../..'),
    env: { ...machineEnvironment(), ...system.launched.env, OPS_PORT: String(opsPort) },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  await eventually(
    async () => {
      if (child.exitCode !== null) throw new Error(`the second planner ended with ${child.exitCode}:\n${text}`);
      return fetch(`http://127.0.0.1:${opsPort}/readyz`).then(
        (answer) => answer.ok,
        () => false,
      );
    },
    () => `the second planner is ready:\n${text}`,
  );
  return {
    lines: () => text,
    async stop() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}
