// Runs a command of `posthorn` in this process, as cli/posthorn.ts would, and keeps what it prints.
import type { Command } from '../../cli/command.ts';
import type { Environment } from '../../lib/config.ts';

/** @returns what it printed, line by line; rejects with what the command throws */
export type CommandRunner = (args: string[], input?: string) => Promise<string[]>;

export function createCommandRunner(command: Command, env: Environment): CommandRunner {
  return async (args, input = '') => {
    const lines: string[] = [];
    await command.run({ args, env, print: (line) => lines.push(line), readInput: async () => input });
    return lines;
  };
}
