// The ledger's state machine against a model (design.md section 5): two dispatchers, killed and frozen between any two
// statements, answers of Postgres lost, people who pause, cancel and unsubscribe. The ledger and Postgres are real.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { useLedgerLab } from '../support/ledger-lab.ts';
import { drain } from '../support/ledger-model/drain.ts';
import { checkInvariants } from '../support/ledger-model/invariants.ts';
import { anyPlan, anyStep, perform } from '../support/ledger-model/steps.ts';
import { createWorld } from '../support/ledger-model/world.ts';

const openLedgerLab = useLedgerLab();

/** LEDGER_SEQUENCES=10000 for the whole run, LEDGER_SEED to repeat one (CONTRIBUTING.md). */
const sequenceCount = Number(process.env.LEDGER_SEQUENCES ?? 300);
const seed = process.env.LEDGER_SEED;

it('keeps what it promises through every sequence of claims, breaks and changes of mind', {
  timeout: 60_000 + sequenceCount * 1_000,
}, async () => {
  const lab = await openLedgerLab();
  const seen: Record<string, number> = {};
  await fc.assert(
    fc.asyncProperty(anyPlan, fc.array(anyStep, { maxLength: 40, size: 'max' }), async (plan, steps) => {
      const world = await createWorld(lab, plan);
      for (const step of steps) {
        const statements = await perform(world, step);
        if (statements.length > 0) await checkInvariants(world, new Set(statements));
      }
      await drain(world);
      for (const { state, reason } of world.last.rows.values()) {
        const what = `${state} ${reason}`.trim();
        seen[what] = (seen[what] ?? 0) + 1;
      }
      const repeats = world.notes.filter(
        ({ handovers }) => handovers.filter(({ fate }) => fate === 'taken').length > 1,
      );
      seen.repeats = (seen.repeats ?? 0) + repeats.length;
    }),
    { numRuns: sequenceCount, ...(seed === undefined ? {} : { seed: Number(seed) }) },
  );
  // Otherwise the sequences did not come to what they are to try.
  for (const what of ['sent', 'unknown no_answer', 'skipped cancelled', 'failed refused', 'repeats']) {
    expect(seen[what], `${what} among ${JSON.stringify(seen)}`).toBeGreaterThan(sequenceCount / 50);
  }
});
