// What has been run, for docs/reliability.md: every recorded run is a line in docs/reliability/runs.jsonl, held or not, and
// the table in the document is made from that file and nothing else.
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Outcome, toTable } from './table.ts';

const runsFile = 'docs/reliability/runs.jsonl';
const documentFile = 'docs/reliability.md';
const begin = '<!-- runs: made by npm run test:faults -- --record -->';
const end = '<!-- end of runs -->';

export function recordRun(root: string, outcome: Outcome): void {
  mkdirSync(join(root, dirname(runsFile)), { recursive: true });
  appendFileSync(join(root, runsFile), `${JSON.stringify(outcome)}\n`);
  writeFileSync(join(root, documentFile), toDocument(readDocument(root), readRuns(root)));
}

export const readDocument = (root: string): string => readFileSync(join(root, documentFile), 'utf8');

export function readRuns(root: string): Outcome[] {
  const lines = readFileSync(join(root, runsFile), 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Outcome);
}

/** The document with the table of these runs in the place of the one that it has. */
export function toDocument(document: string, runs: readonly Outcome[]): string {
  const [before = '', rest = ''] = document.split(begin);
  const after = rest.split(end)[1] ?? '';
  const order = (name: string) => Number(/\d+/.exec(name)?.[0] ?? 0) + (name.startsWith('F') ? 0 : 100);
  const sorted = [...runs].sort(
    (a, b) => order(a.scenario) - order(b.scenario) || a.atIso.localeCompare(b.atIso) || a.seed - b.seed,
  );
  return `${before}${begin}\n\n${toTable(sorted)}\n\n${end}${after}`;
}
