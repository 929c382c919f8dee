// `npm run test:faults -- fuzz`: a million generated inputs, each kind its share, and what came of them.
import { join } from 'node:path';
import { downloadsFolder } from '../../../dev/cluster.ts';
import { startWorld, type World } from '../harness/world.ts';
import type { Around, FuzzResult } from './kind.ts';
import { fuzzKinds } from './kinds.ts';
import { recordFuzz, saveFailures, toFuzzTable } from './record.ts';
import { repeatCase, runKind } from './run-kind.ts';
import { type FuzzSettings, fuzzHelp, readFuzzSettings, shareCases } from './settings.ts';

/**
 * @returns whether all held
 * @throws SettingsError for arguments that say nothing
 */
export async function fuzz(args: readonly string[], root: string, dataDir: string, commit: string): Promise<boolean> {
  const settings = readFuzzSettings(args, fuzzKinds);
  if (settings.showHelp) {
    process.stdout.write(`${fuzzHelp(fuzzKinds)}\n`);
    return true;
  }
  const startedAtMs = performance.now();
  const log = (line: string) => {
    const seconds = String(Math.round((performance.now() - startedAtMs) / 1_000)).padStart(5);
    process.stdout.write(`fuzz seed ${settings.seed} ${seconds} s  ${line}\n`);
  };
  let world: World | undefined;
  const interrupt = () => {
    log('stops everything');
    void (world?.stop() ?? Promise.resolve()).then(() => process.exit(130));
  };
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  try {
    if (settings.kinds.some(({ needs }) => needs === 'system')) {
      const folder = join(dataDir, 'faults', `fuzz-${settings.seed}-${process.pid}`);
      world = await startWorld(folder, downloadsFolder(root, dataDir, process.env));
      log('the system is up');
    }
    const around = { world, log, isAlone: true };
    if (settings.repeat !== undefined) return await repeat(settings, around, settings.repeat);
    const results = await runAll(settings, around, startedAtMs + settings.minutes * 60_000);
    const failures = results.flatMap((result) => result.failures);
    const shown = results.map((result) => ({ ...result, failures: result.failures.length }));
    process.stdout.write(`\n${toFuzzTable(shown)}\n`);
    if (failures.length > 0) process.stdout.write(`\nthe failures are in ${saveFailures(dataDir, commit, failures)}\n`);
    const seconds = Math.round((performance.now() - startedAtMs) / 1_000);
    const run = { seed: settings.seed, commit, atIso: new Date().toISOString(), seconds, results: shown };
    if (settings.isRecorded) recordFuzz(root, run);
    return failures.length === 0;
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
    await world?.stop();
  }
}

async function runAll({ kinds, cases, seed }: FuzzSettings, around: Around, untilMs: number): Promise<FuzzResult[]> {
  const results: FuzzResult[] = [];
  for (const [kind, count] of shareCases(kinds, cases)) {
    around.log(`${kind.name}: ${kind.title}, ${count} cases`);
    const result = await runKind(kind, around, { seed, cases: count, untilMs });
    around.log(`${kind.name}: ${result.cases} cases in ${result.seconds} s, ${result.failures.length} failures`);
    results.push(result);
  }
  return results;
}

async function repeat({ kinds }: FuzzSettings, around: Around, one: string): Promise<boolean> {
  const [kind] = kinds;
  if (!kind) return false;
  const failure = await repeatCase(kind, around, one);
  around.log(failure ? `NOT HELD: ${failure.fault}\n${failure.input}` : 'held');
  return failure === undefined;
}
