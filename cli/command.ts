// What every command of `posthorn` is.
import type { Environment } from '../lib/config.ts';

export interface Command {
  /** One line for the list of commands. */
  summary: string;
  /** All that `--help` prints. */
  help: string;
  /** Throws what went wrong; its message is printed as one line and the exit code is not 0. */
  run(call: Call): Promise<void>;
}

export interface Call {
  args: string[];
  env: Environment;
  print(line: string): void;
  /** Standard input to its end. */
  readInput(): Promise<string>;
}
