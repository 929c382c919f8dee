// The short form of the fuzz (`npm run test:faults -- fuzz`) of all kinds that need no system; the others are in
// tests/e2e/faults.test.ts.
import { expect, it } from 'vitest';
import type { FuzzKind } from './kind.ts';
import { fuzzKinds } from './kinds.ts';
import { runKind } from './run-kind.ts';
import { shareCases } from './settings.ts';

const seed = Number(process.env.FAULTS_SEED ?? 1);
const cases = 6_000;
const longestMs = 20_000;

const kinds = fuzzKinds.filter(({ needs }) => needs === 'nothing');
const shares = [...shareCases(kinds, cases)].map(([kind, count]): [string, FuzzKind, number] => [
  kind.title,
  kind,
  count,
]);

it.each(shares)('%s: every one ends well, in time', async (_title, kind, count) => {
  const untilMs = performance.now() + longestMs;
  const { failures } = await runKind(
    kind,
    { world: undefined, log: () => {}, isAlone: false },
    { seed, cases: count, untilMs },
  );
  expect(failures).toEqual([]);
});
