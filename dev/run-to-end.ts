// Runs a helper program (initdb, Kafka's format tool) to its end and keeps what it said.
import { spawn } from 'node:child_process';
import type { ChildCommand } from './child.ts';

/** `code` is null when the program could not be run at all; `output` then says why. */
export function runToEnd(
  command: string,
  args: readonly string[],
  options: Omit<ChildCommand, 'command' | 'args'> = {},
): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve) => {
    const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
    const child = spawn(command, args, { ...given, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const keep = (chunk: Buffer) => {
      output += chunk.toString('utf8');
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.once('error', (error) => resolve({ code: null, output: error.message }));
    child.once('close', (code) => resolve({ code, output }));
  });
}
