// `npm run bench`: measures what the README promises, on the real parts, and says on what machine and under which
// conditions. Everything it starts is stopped at the end, also on Ctrl-C.
import { mkdir, writeFile } from 'node:fs/promises';
import { isAbsolute, join, resolve } from 'node:path';
import { describeError, PosthornError } from '../lib/errors.ts';
import { describeMachine, describeSources } from './machine.ts';
import { type BenchResult, toMarkdown } from './report.ts';
import { runFigures } from './run.ts';
import { type BenchSettings, figureNames, help, readSettings } from './settings.ts';

const root = resolve(import.meta.dirname, '..');
const startedAtMs = performance.now();
const show = (text: string) => process.stdout.write(`${text}\n`);
const log = (line: string) => show(`${((performance.now() - startedAtMs) / 1000).toFixed(1).padStart(6)} s ${line}`);
// A closed terminal or pipe must not keep the bench from stopping its children.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

try {
  await main();
  process.exit();
} catch (error) {
  process.stderr.write(`bench: ${error instanceof PosthornError ? describeError(error) : (error as Error).stack}\n`);
  process.exit(1);
}

async function main(): Promise<void> {
  const settings = readSettings(process.argv.slice(2));
  if (settings.showHelp) return void show(help);
  const dataDir = process.env.POSTHORN_DATA_DIR || '.posthorn';
  const interrupt = new AbortController();
  let killAll = () => {};
  stopOnSignals(interrupt, () => killAll());

  const result: BenchResult = {
    startedAt: new Date().toISOString(),
    command: ['npm run bench', ...(process.argv.length > 2 ? ['--', ...process.argv.slice(2)] : [])].join(' '),
    ...describeSources(root),
    machine: describeMachine(),
    conditions: conditionsOf(settings),
    figures: {},
  };
  let fault: unknown;
  try {
    const absoluteDataDir = isAbsolute(dataDir) ? dataDir : join(root, dataDir);
    await runFigures(
      {
        root,
        dataDir: absoluteDataDir,
        settings,
        env: environmentOfChildren(absoluteDataDir),
        signal: interrupt.signal,
        log,
        onHeld: (kill) => {
          killAll = kill;
        },
      },
      result.figures,
    );
  } catch (error) {
    fault = error;
  }
  if (interrupt.signal.aborted) {
    log('called off; everything is stopped');
    return;
  }
  if (Object.keys(result.figures).length > 0) await report(result, settings);
  if (fault) throw fault;
}

/** Nothing of the person's own Kafka, database or mail server: those variables must not reach a bench. */
function environmentOfChildren(dataDir: string): Record<string, string> {
  const kept = ['PATH', 'HOME', 'USER', 'JAVA_HOME', 'TMPDIR', 'LANG'].flatMap((name) => {
    const value = process.env[name];
    return value ? [[name, value]] : [];
  });
  const downloads = process.env.POSTHORN_DOWNLOADS_DIR || join(dataDir, 'downloads');
  return { ...Object.fromEntries(kept), POSTHORN_DOWNLOADS_DIR: resolve(root, downloads) };
}

function conditionsOf({ variables, profileDir, peopleCount, figures }: BenchSettings): string[] {
  const set = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
  return [
    'Every service, Kafka, the registry, Postgres, the user-mock, the sink and the contestant on this one machine, each a process of its own; Kafka one node, Postgres with its durable defaults.',
    `Services with their default settings, but INGEST_RATE_PER_KEY=1000000${set.length > 0 ? ` and ${set.join(', ')}` : ''}.`,
    ...(figures.includes('throughput')
      ? [
          `${peopleCount} people of the user-mock with an address, low priority, 10,000 ids a call; a rate counts from the first POST to the last mail at the sink, CPU until every request is done. Warm-up before the first round: 2,000 people; nodemailer warms up with as many before each.`,
        ]
      : []),
    ...(figures.includes('latency')
      ? [
          'High-priority mails ten a second, timed from the begin of the POST to the whole mail at the sink; the crowd posts single requests over 32 connections of autocannon, as fast as ingest answers.',
        ]
      : []),
    ...(figures.includes('accepts') ? ['Accepts: the later stages are stopped, autocannon on the same machine.'] : []),
    ...(profileDir ? ['With CPU profiles, which cost some per cent.'] : []),
  ];
}

async function report(result: BenchResult, { writesResults, figures }: BenchSettings): Promise<void> {
  const markdown = toMarkdown(result);
  show(`\n${markdown}`);
  if (!writesResults) return;
  const folder = join(root, 'bench', 'results');
  await mkdir(folder, { recursive: true });
  // A run of some figures must not replace the whole one.
  const isWhole = figures.length === figureNames.length;
  const name = [result.startedAt.slice(0, 10), result.commit, ...(isWhole ? [] : figures)].join('-');
  await writeFile(join(folder, `${name}.json`), `${JSON.stringify(result, null, 2)}\n`);
  await writeFile(join(folder, `${name}.md`), markdown);
  log(`written: bench/results/${name}.json and .md`);
}

// npm hands the terminal's Ctrl-C on to a process that has had it already: two signals within this time are one.
const sameCtrlCMs = 500;

function stopOnSignals(interrupt: AbortController, killAll: () => void): void {
  let firstAtMs: number | undefined;
  const onSignal = () => {
    if (firstAtMs === undefined) {
      firstAtMs = performance.now();
      log('stopping everything (Ctrl-C again: at once)');
      interrupt.abort();
    } else if (performance.now() - firstAtMs > sameCtrlCMs) {
      killAll();
      process.exit(130);
    }
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
}
