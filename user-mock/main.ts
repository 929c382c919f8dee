// The process: the world outside (user service, SMS gateway), or with `generate` the people who register. See --help.
import { runCommandLine } from './command-line.ts';

const stop = new AbortController();
// Once: a second Ctrl-C ends the process at once.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());

process.exitCode = await runCommandLine(process.argv.slice(2), {
  env: process.env,
  signal: stop.signal,
  print: (line) => void process.stdout.write(`${line}\n`),
});
