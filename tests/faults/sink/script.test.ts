// What the sink does is computed from a seed, so that a run knows beforehand how each delivery must end.
import { expect, it } from 'vitest';
import { calmScript, type Fate, fateOf, isTakenUnanswered, type Script } from './script.ts';

const script: Script = {
  seed: 5,
  shares: { tempfail: 0.1, closing: 0.05, refused: 0.02, reset: 0.01, silent: 0.005 },
  spared: new Set(['person.7@example.com']),
};
const people = Array.from({ length: 20_000 }, (_, number) => `person.${number}@example.com`);

it('gives every fate its share of the recipients', () => {
  const counts = new Map<Fate, number>();
  for (const to of people) counts.set(fateOf(script, to), (counts.get(fateOf(script, to)) ?? 0) + 1);
  const shares = { taken: 0.815, ...script.shares };
  for (const [fate, share] of Object.entries(shares)) {
    expect((counts.get(fate as Fate) ?? 0) / people.length, fate).toBeCloseTo(share, 1.7);
  }
});

it('decides by the address whatever its case, and otherwise with another seed', () => {
  const fates = (seed: number, write: (text: string) => string) =>
    people.map((to) => fateOf({ ...script, seed, spared: new Set() }, write(to)));
  expect(fates(5, (to) => to.toUpperCase())).toEqual(fates(5, String));
  expect(fates(6, String)).not.toEqual(fates(5, String));
});

it('spares whom it is told to, and everybody when it is calm', () => {
  const all: Script = { ...script, shares: { refused: 1 } };
  expect(fateOf(all, 'Person.7@example.com')).toBe('taken');
  expect(fateOf(all, 'person.8@example.com')).toBe('refused');
  expect(people.every((to) => fateOf(calmScript, to) === 'taken')).toBe(true);
});

it('has taken about half of the mails that it leaves without an answer', () => {
  const taken = people.filter((to) => isTakenUnanswered(script, to)).length;
  expect(taken).toBeGreaterThan(9_500);
  expect(taken).toBeLessThan(10_500);
});
