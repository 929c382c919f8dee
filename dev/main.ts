// `npm start`: starts everything, shows progress and the services' lines, and stops everything in order on Ctrl-C.
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { styleText } from 'node:util';
import { describeError } from '../lib/errors.ts';
import { type Launched, launch } from './launch.ts';
import { LauncherError } from './launcher-error.ts';
import { formatLogLine } from './log-line.ts';
import { serviceNames } from './services.ts';
import { help, readSettings } from './settings.ts';
import { describeLaunched } from './summary.ts';

// npm hands the terminal's Ctrl-C on to a process that has had it already: two signals within this time are one.
const sameCtrlCMs = 500;

const root = resolve(import.meta.dirname, '..');
const isTerminal = Boolean(process.stdout.isTTY) && !process.env.NO_COLOR;
const show = (text: string) => process.stdout.write(`${text}\n`);
const startedAtMs = performance.now();
const log = (line: string) => {
  const elapsed = `${((performance.now() - startedAtMs) / 1000).toFixed(1).padStart(6)} s`;
  show(`${elapsed} ${isTerminal ? styleText('bold', 'posthorn') : 'posthorn'} ${line}`);
};
const colorOf = (service: (typeof serviceNames)[number]) => (isTerminal ? serviceNames.indexOf(service) : undefined);
// A closed terminal or pipe must not keep the launcher from stopping its children.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

try {
  await main();
  // Kept-alive connections of health questions would hold the process for seconds.
  process.exit();
} catch (error) {
  const isForPeople = error instanceof LauncherError;
  process.stderr.write(`posthorn: ${isForPeople ? describeFault(error) : (error as Error).stack}\n`);
  process.exit(1);
}

async function main(): Promise<void> {
  if (existsSync(join(root, '.env'))) process.loadEnvFile(join(root, '.env'));
  const settings = readSettings(process.argv.slice(2), process.env, root);
  if (settings.showHelp) return void show(help);

  const interrupt = new AbortController();
  let launched: Launched | undefined;
  let killAll = () => {};
  const stopped = stopOnSignals(interrupt, () => killAll());
  try {
    launched = await launch({
      ...settings,
      root,
      env: process.env,
      signal: interrupt.signal,
      log,
      onLine: (service, line) => show(formatLogLine(line, service, colorOf(service))),
      onHeld: (kill) => {
        killAll = kill;
      },
    });
  } catch (error) {
    if (!interrupt.signal.aborted) throw error;
    return log('everything is stopped');
  }
  if (!interrupt.signal.aborted) {
    show(await describeLaunched(launched));
    log('everything is up; Ctrl-C stops it');
  }
  await stopped;
  await launched.stop();
  log('everything is stopped; the data are kept for the next start');
}

/** Resolves at the first signal. The second one ends everything at once. */
function stopOnSignals(interrupt: AbortController, killAll: () => void): Promise<void> {
  return new Promise((resolve) => {
    let firstAtMs: number | undefined;
    const onSignal = () => {
      const nowMs = performance.now();
      if (firstAtMs === undefined) {
        firstAtMs = nowMs;
        log('stopping everything in order (Ctrl-C again: at once)');
        interrupt.abort(new LauncherError('start_failed', 'The start was called off.'));
        return resolve();
      }
      if (nowMs - firstAtMs < sameCtrlCMs) return;
      killAll();
      log('everything was ended at once');
      process.exit(130);
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
  });
}

function describeFault(error: LauncherError): string {
  return error.cause === undefined ? error.message : describeError(error);
}
