#!/usr/bin/env node
// `posthorn <command>`: what operators do by hand or from a deployment. One file a command.
import { text } from 'node:stream/consumers';
import { describeError, PosthornError } from '../lib/errors.ts';
import type { Command } from './command.ts';
import { deadLetters } from './dead-letters.ts';
import { demo } from './demo.ts';
import { erase } from './erase.ts';
import { hold } from './hold.ts';
import { importDump } from './import.ts';
import { keys } from './keys.ts';
import { ledger } from './ledger.ts';
import { person } from './person.ts';
import { replay } from './replay.ts';
import { setup } from './setup.ts';
import { users } from './users.ts';

const commands: Readonly<Record<string, Command>> = {
  setup,
  users,
  keys,
  import: importDump,
  hold,
  ledger,
  erase,
  person,
  'dead-letters': deadLetters,
  replay,
  demo,
};

const [name = 'help', ...args] = process.argv.slice(2);
process.exitCode = await run(name, args);

async function run(commandName: string, commandArgs: string[]): Promise<number> {
  if (['help', '--help', '-h'].includes(commandName)) {
    print(usage());
    return 0;
  }
  const command = Object.hasOwn(commands, commandName) ? commands[commandName] : undefined;
  if (!command) {
    printError(`There is no command '${commandName}'.\n\n${usage()}`);
    return 2;
  }
  if (commandArgs.includes('--help') || commandArgs.includes('-h')) {
    print(command.help);
    return 0;
  }
  try {
    await command.run({ args: commandArgs, env: process.env, print, readInput: () => text(process.stdin) });
    return 0;
  } catch (error) {
    printError(`posthorn ${commandName}: ${describeError(error)}`);
    return error instanceof PosthornError && error.code === 'config_invalid' ? 2 : 1;
  }
}

function usage(): string {
  const lines = Object.entries(commands).map(([key, command]) => `  ${key.padEnd(12)} ${command.summary}`);
  return `posthorn <command> [options]\n\n${lines.join('\n')}\n\n\`posthorn <command> --help\` says more.`;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function printError(line: string): void {
  process.stderr.write(`${line}\n`);
}
