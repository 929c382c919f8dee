import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { explainReason } from './reason-words.ts';
import { reasons } from './reasons.ts';

const all = Object.values(reasons)
  .flat()
  .filter((reason) => reason !== '');

it.each(all)('%s is explained in a whole sentence, and stands in the glossary', (reason) => {
  const words = explainReason(reason);
  expect(words?.meaning).toMatch(/^[A-Z].{20,}\.$/);
  expect(words?.whatToDo).toMatch(/^$|^[A-Z].+\.$/);
  expect(readFileSync(join(import.meta.dirname, '../docs/glossary.md'), 'utf8')).toContain(`\`${reason}\``);
});

it('explains nothing that is no reason', () => {
  expect([explainReason(''), explainReason('toString'), explainReason('of_a_newer_release')]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});
