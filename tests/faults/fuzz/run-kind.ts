// Tries one kind with generated inputs, in batches that a seed repeats; what fails is made as small as fast-check can.
import { hash } from 'node:crypto';
import fc from 'fast-check';
import type { Around, FuzzFailure, FuzzKind, FuzzResult } from './kind.ts';

/** Inputs that one seed makes. */
const batchSize = 500;
/** A batch that takes longer is cut short. */
const batchLimitMs = 20_000;
const maxFailuresOfOneFault = 3;
const shownChars = 1_500;
const shownEveryMs = 10_000;

class Fault extends Error {}

export interface RunOptions {
  seed: number;
  cases: number;
  /** By performance.now(); no batch begins later. */
  untilMs: number;
}

export async function runKind(kind: FuzzKind, around: Around, options: RunOptions): Promise<FuzzResult> {
  if ('run' in kind) return kind.run(around, options);
  const { seed, cases, untilMs } = options;
  const startedAtMs = performance.now();
  const result: FuzzResult = { kind: kind.name, title: kind.title, cases: 0, seconds: 0, slowestMs: 0, failures: [] };
  const { inputs, tryOne, casesPerInput = 1, close } = await kind.open(around);
  const counts = new Map<string, number>();
  let shownAtMs = startedAtMs;
  try {
    for (let batch = 0; result.cases < cases && performance.now() < untilMs; batch++) {
      const failure = await runBatch(toSeed(seed, kind.name, batch));
      if (failure) note(failure);
      if (performance.now() - shownAtMs < shownEveryMs) continue;
      shownAtMs = performance.now();
      around.log(`${kind.name}: ${result.cases} of ${cases} cases, ${counts.size} faults`);
    }
  } finally {
    await close?.();
  }
  result.seconds = Math.round((performance.now() - startedAtMs) / 100) / 10;
  result.slowestMs = Math.round(result.slowestMs * 10) / 10;
  return result;

  async function runBatch(batchSeed: number): Promise<FuzzFailure | undefined> {
    const limitMs = performance.now() + batchLimitMs;
    const property = fc.asyncProperty(inputs, async (input) => {
      const beganMs = performance.now();
      // What is left of a batch is left out: inputs not tried yet, and smaller cases of what has failed.
      if (beganMs > limitMs) return;
      result.cases += casesPerInput;
      const fault = await tryOne(input);
      result.slowestMs = Math.max(result.slowestMs, performance.now() - beganMs);
      if (fault !== undefined) throw new Fault(fault);
    });
    const numRuns = Math.min(batchSize, Math.ceil((cases - result.cases) / casesPerInput));
    return toFailure(kind.name, await fc.check(property, { seed: batchSeed, numRuns }));
  }

  function note(failure: FuzzFailure): void {
    const name = failure.fault.replaceAll(/\d+/g, '0').replace(/: .*/s, '').slice(0, 60);
    const count = (counts.get(name) ?? 0) + 1;
    counts.set(name, count);
    if (count > maxFailuresOfOneFault) return;
    result.failures.push(failure);
    around.log(`NOT HELD: ${kind.name} --case ${failure.case}: ${failure.fault.slice(0, 300)}`);
  }
}

/** @param one as a failure names it */
export async function repeatCase(kind: FuzzKind, around: Around, one: string): Promise<FuzzFailure | undefined> {
  if ('run' in kind) throw new Error(`${kind.name} has no single cases: repeat it with its seed`);
  const [, seed = '', ...path] = one.split(':');
  const { inputs, tryOne, close } = await kind.open(around);
  try {
    const property = fc.asyncProperty(inputs, async (input) => {
      const fault = await tryOne(input);
      if (fault !== undefined) throw new Fault(fault);
    });
    const details = await fc.check(property, {
      seed: Number(seed),
      path: path.join(':'),
      endOnFailure: true,
      numRuns: 1,
    });
    return toFailure(kind.name, details);
  } finally {
    await close?.();
  }
}

function toFailure(kind: string, details: fc.RunDetails<[unknown]>): FuzzFailure | undefined {
  if (!details.failed) return undefined;
  const { errorInstance: error, counterexample, counterexamplePath, seed } = details;
  const fault =
    error instanceof Fault ? error.message : `it throws ${error instanceof Error ? error.stack : String(error)}`;
  return {
    kind,
    case: `${kind}:${seed}:${counterexamplePath ?? ''}`,
    fault: fault.slice(0, shownChars),
    input: fc.stringify(counterexample?.[0]).slice(0, shownChars),
  };
}

function toSeed(seed: number, kind: string, batch: number): number {
  return Number.parseInt(hash('sha256', `${seed} ${kind} ${batch}`, 'hex').slice(0, 8), 16) | 0;
}
