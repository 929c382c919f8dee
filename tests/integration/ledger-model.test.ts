// The ledger's state machine against a model: two dispatchers, killed and frozen between any two
// statements, answers of Postgres lost, people who pause, cancel, unsubscribe and resend. The ledger and Postgres are real.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { useLedgerLab } from '../support/ledger-lab.ts';
import { drain } from '../support/ledger-model/drain.ts';
import { checkInvariants } from '../support/ledger-model/invariants.ts';
import { perform } from '../support/ledger-model/perform.ts';
import { anyPlan, anyStep, type Step } from '../support/ledger-model/steps.ts';
import { createWorld, type Plan } from '../support/ledger-model/world.ts';

const openLedgerLab = useLedgerLab();

/** LEDGER_SEQUENCES=10000 for the whole run, LEDGER_SEED to repeat one (CONTRIBUTING.md). */
const sequenceCount = Number(process.env.LEDGER_SEQUENCES ?? 300);
const seed = Number(process.env.LEDGER_SEED ?? Math.floor(Math.random() * 2 ** 31));
/** What sequences must come to, or they try nothing. */
const interesting = ['sent', 'unknown no_answer', 'skipped cancelled', 'failed refused', 'repeats', 'commands taken'];

it('keeps what it promises through every sequence of claims, breaks and changes of mind', {
  timeout: 60_000 + sequenceCount * 1_000,
}, async ({ annotate }) => {
  const lab = await openLedgerLab();
  const seen: Record<string, number> = {};
  const count = (what: string, more: number) => {
    seen[what] = (seen[what] ?? 0) + more;
  };

  async function follow(plan: Plan, steps: readonly Step[]): Promise<void> {
    const world = await createWorld(lab, plan);
    for (const step of steps) {
      const statements = await perform(world, step);
      if (statements.length > 0) await checkInvariants(world, new Set(statements));
    }
    await drain(world);
    for (const [what, ends] of Object.entries(world.endCounts)) count(what.trim(), ends);
    const all = world.notes.map(({ handovers }) => handovers);
    count('repeats', all.filter((some) => some.filter(({ fate }) => fate === 'taken').length > 1).length);
    count('commands taken', world.takenCount);
  }

  const steps = fc.array(anyStep, { maxLength: 40, size: 'max' });
  await fc.assert(fc.asyncProperty(anyPlan, steps, follow), { numRuns: sequenceCount, seed });
  await annotate(`${sequenceCount} sequences, seed ${seed}: ${JSON.stringify(seen)}`);
  for (const what of interesting) {
    expect(seen[what], `${what} among ${JSON.stringify(seen)}`).toBeGreaterThan(0);
  }
});
