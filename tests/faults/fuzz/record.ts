// What has been fuzzed, for docs/reliability.md: every recorded run is a line in docs/reliability/fuzz.jsonl, and the
// tables in the document are made from that file and nothing else. What failed is kept in the data folder.
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readDocument } from '../harness/record.ts';
import type { FuzzFailure, FuzzResult } from './kind.ts';

export interface FuzzRun {
  seed: number;
  commit: string;
  atIso: string;
  seconds: number;
  results: (Omit<FuzzResult, 'failures'> & { failures: number })[];
}

const folder = 'docs/reliability';
const runsFile = `${folder}/fuzz.jsonl`;
const begin = '<!-- fuzz: made by npm run test:faults -- fuzz --record -->';
const end = '<!-- end of fuzz -->';
const columns = ['kind', 'what', 'cases', 's', 'slowest, ms', 'failures'];

/** @returns the file that they are added to */
export function saveFailures(dataDir: string, commit: string, failures: readonly FuzzFailure[]): string {
  const file = join(dataDir, 'fuzz-failures.jsonl');
  appendFileSync(file, failures.map((one) => `${JSON.stringify({ commit, ...one })}\n`).join(''));
  return file;
}

export function recordFuzz(root: string, run: FuzzRun): void {
  mkdirSync(join(root, folder), { recursive: true });
  appendFileSync(join(root, runsFile), `${JSON.stringify(run)}\n`);
  writeFileSync(join(root, 'docs/reliability.md'), toFuzzDocument(readDocument(root), readFuzzRuns(root)));
}

export function readFuzzRuns(root: string): FuzzRun[] {
  const file = join(root, runsFile);
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as FuzzRun);
}

/** The document with the tables of these runs in the place of those that it has. */
export function toFuzzDocument(document: string, runs: readonly FuzzRun[]): string {
  const [before = '', rest = ''] = document.split(begin);
  const after = rest.split(end)[1] ?? '';
  const tables = runs.map(({ seed, commit, atIso, seconds, results }) => {
    const all = results.reduce((sum, { cases }) => sum + cases, 0);
    return `Seed ${seed}, commit ${commit}, ${atIso.slice(0, 10)}: ${all} cases in ${seconds} s.\n\n${toFuzzTable(results)}`;
  });
  return `${before}${begin}\n\n${tables.length === 0 ? 'None is recorded yet.' : tables.join('\n\n')}\n\n${end}${after}`;
}

export function toFuzzTable(results: FuzzRun['results']): string {
  const rows = results.map((one) => [one.kind, one.title, one.cases, one.seconds, one.slowestMs, one.failures]);
  return [columns, columns.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
