// docs/reliability.md shows what was run, and nothing else.
import { resolve } from 'node:path';
import { expect, it } from 'vitest';
import { readDocument, readRuns, toDocument } from './faults/harness/record.ts';

const root = resolve(import.meta.dirname, '..');

it('the table of docs/reliability.md is made from the recorded runs', () => {
  expect(toDocument(readDocument(root), readRuns(root))).toBe(readDocument(root));
});
