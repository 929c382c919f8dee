// A fuzz that cannot fail proves nothing: what it finds, it finds again.
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { heldUpAtMostMs } from '../../support/processor-time.ts';
import { withinBudget } from './budget.ts';
import { type FuzzKind, opened } from './kind.ts';
import { repeatCase, runKind } from './run-kind.ts';

const around = { world: undefined, log: () => {}, isAlone: false };
const untilMs = Number.POSITIVE_INFINITY;

const faulty = (tryOne: (text: string) => string | undefined): FuzzKind => ({
  name: 'faulty',
  title: 'texts',
  casesOfMillion: 1,
  needs: 'nothing',
  open: async () => opened({ inputs: fc.string(), tryOne }),
});

it('finds the smallest case of a fault, and finds it again', async () => {
  const kind = faulty((text) => (text.length > 3 ? 'it is long' : undefined));
  const { failures, cases } = await runKind(kind, around, { seed: 1, cases: 1_000, untilMs });
  expect(cases).toBeGreaterThanOrEqual(1_000);
  expect(failures.length).toBeGreaterThan(0);
  expect(failures[0]?.input).toMatch(/^"....",?"?$|^"....."?$/);
  expect(await repeatCase(kind, around, failures[0]?.case ?? '')).toMatchObject({ fault: 'it is long' });
});

it('takes what is thrown for a fault, and goes on to the last case', async () => {
  const kind = faulty(() => {
    throw new RangeError('too deep');
  });
  const { failures, cases } = await runKind(kind, around, { seed: 1, cases: 2_000, untilMs });
  expect(failures[0]?.fault).toMatch(/^it throws RangeError: too deep/);
  expect(cases).toBeGreaterThanOrEqual(2_000);
});

it('makes the same inputs from the same seed, and others from another', async () => {
  const run = async (seed: number) => {
    const seen: string[] = [];
    await runKind(
      faulty((text) => void seen.push(text)),
      around,
      { seed, cases: 100, untilMs },
    );
    return seen;
  };
  expect(await run(7)).toEqual(await run(7));
  expect(await run(8)).not.toEqual(await run(7));
});

it.each<[string, (text: string) => unknown]>([
  [
    'each character looks at all behind it',
    (text) => text.replace(/./gs, (_, at: number) => `${text.lastIndexOf('?', at)}`),
  ],
  ['marks are put in order', (text) => `e${text.replaceAll('xx', '\u0301\u0323')}`.normalize('NFC')],
])('notices work on 100 kB whose time grows with the square of its input: %s', async (_, work) => {
  const text = 'x'.repeat(100_000);
  const { fault } = await withinBudget(false, text.length, () => work(text));
  expect(fault).toMatch(/took/);
});

it('counts no waiting, and nothing that another thread does meanwhile', async () => {
  const busy = new Worker('for (;;);', { eval: true });
  const { fault } = await withinBudget(false, 0, () => delay(2 * heldUpAtMostMs));
  await busy.terminate();
  expect(fault).toBeUndefined();
});
