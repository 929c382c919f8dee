// `npm run test:faults`: breaks the whole system on purpose, counts as sets of notification ids who got what, and prints a
// table. Ends with 1 when a promise did not hold.
import { execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { downloadsFolder } from '../../dev/cluster.ts';
import { fuzz } from './fuzz/main.ts';
import { createRandom } from './harness/random.ts';
import { recordRun } from './harness/record.ts';
import type { Scenario } from './harness/scenario.ts';
import { type FaultSettings, help, readSettings, SettingsError } from './harness/settings.ts';
import { type Outcome, toTable } from './harness/table.ts';
import { startWorld } from './harness/world.ts';
import { scenarios } from './scenarios/all.ts';

const root = resolve(import.meta.dirname, '../..');
const dataDir = resolve(root, process.env.POSTHORN_DATA_DIR || '.posthorn');

async function runOne(scenario: Scenario, seed: number, { people, scale }: FaultSettings): Promise<Outcome> {
  const startedAtMs = performance.now();
  const log = (line: string) => {
    const seconds = String(Math.round((performance.now() - startedAtMs) / 1_000)).padStart(4);
    process.stdout.write(`${scenario.name} seed ${seed} ${seconds} s  ${line}\n`);
  };
  log(scenario.title);
  const folder = join(dataDir, 'faults', `${scenario.name}-${seed}-${process.pid}`);
  const world = await startWorld(folder, downloadsFolder(root, dataDir, process.env), scenario.env ?? {});
  const interrupt = () => {
    log('stops everything');
    void world.stop().then(() => process.exit(130));
  };
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  try {
    log('the system is up');
    const stage = { world, seed, random: createRandom(seed), people, singlesPerSecond: 50, scale, from: 0, log };
    const { tally, faults, notes } = await scenario.run(stage);
    for (const fault of faults) log(`NOT HELD: ${fault}`);
    if (faults.length > 0) for (const line of world.lines.filter(isTelling).slice(-40)) log(line.slice(0, 400));
    log(faults.length === 0 ? 'held' : `${faults.length} faults`);
    const { lost, ghost, lying, silent, doubleResend, doublePark, open, ...numbers } = tally;
    return {
      scenario: scenario.name,
      title: scenario.title,
      seed,
      commit,
      atIso: new Date().toISOString(),
      seconds: Math.round((performance.now() - startedAtMs) / 1_000),
      ...numbers,
      lost: lost.length,
      ghost: ghost.length,
      lying: lying.length,
      silent: silent.length,
      doubles: doubleResend.length,
      doublesParked: doublePark.length,
      open: open.length,
      notes,
      faults,
    };
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
    await world.stop();
  }
}

const isTelling = (line: string) => /^launcher |"level":"(warn|error|fatal)"/.test(line);
const git = (...args: string[]) => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();
// What the runs before have written down does not make it another release.
const isDirty = git('status', '--porcelain', '--', '.', ':!docs/reliability.md', ':!docs/reliability') !== '';
const commit = `${git('rev-parse', '--short=10', 'HEAD')}${isDirty ? '-dirty' : ''}`;
try {
  const [first, ...rest] = process.argv.slice(2);
  const settings = readSettings(first === 'fuzz' ? ['--help'] : process.argv.slice(2), scenarios);
  if (first === 'fuzz') process.exitCode = (await fuzz(rest, root, dataDir, commit)) ? 0 : 1;
  else if (settings.showHelp) process.stdout.write(`${help(scenarios)}\n`);
  else {
    process.stdout.write(`commit ${commit}, ${availableParallelism()} processors\n`);
    const outcomes: Outcome[] = [];
    for (const seed of settings.seeds) {
      for (const scenario of settings.scenarios) {
        const outcome = await runOne(scenario, seed, settings);
        outcomes.push(outcome);
        if (settings.isRecorded) recordRun(root, outcome);
      }
    }
    process.stdout.write(`\n${toTable(outcomes)}\n`);
    process.exitCode = outcomes.every(({ faults }) => faults.length === 0) ? 0 : 1;
  }
} catch (error) {
  if (!(error instanceof SettingsError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
}
