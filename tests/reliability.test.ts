// docs/reliability.md shows what was run, and nothing else.
import { resolve } from 'node:path';
import { expect, it } from 'vitest';
import { fuzzKinds } from './faults/fuzz/kinds.ts';
import { readFuzzRuns, toFuzzDocument } from './faults/fuzz/record.ts';
import { fuzzHelp } from './faults/fuzz/settings.ts';
import { readDocument, readRuns, toDocument } from './faults/harness/record.ts';
import { help } from './faults/harness/settings.ts';
import { scenarios } from './faults/scenarios/all.ts';

const root = resolve(import.meta.dirname, '..');

it('the table of docs/reliability.md is made from the recorded runs', () => {
  expect(toDocument(readDocument(root), readRuns(root))).toBe(readDocument(root));
});

it('and so are the tables of generated inputs', () => {
  expect(toFuzzDocument(readDocument(root), readFuzzRuns(root))).toBe(readDocument(root));
});

it('every fault has its expectation in the document, and its title in the help', () => {
  const document = readDocument(root);
  for (const { name, title } of scenarios) {
    expect(document).toMatch(new RegExp(`^\\| ${name} \\| .+ \\| .+ \\|$`, 'm'));
    expect(help(scenarios)).toContain(title);
  }
});

it('the kinds of generated input share a million cases', () => {
  expect(fuzzKinds.reduce((sum, { casesOfMillion }) => sum + casesOfMillion, 0)).toBe(1_000_000);
  for (const { name, title } of fuzzKinds) expect(fuzzHelp(fuzzKinds)).toMatch(new RegExp(`^${name} .*${title}$`, 'm'));
});
