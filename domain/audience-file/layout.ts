// How a file of people is laid out: the one separator between its cells, its header, and the column of the ids. Told from
// its first rows; where they leave a doubt, whoever sends the file is asked.
import { judgeFirstRow, namesPersonId } from './id-header.ts';

export type Row = readonly string[];
export const separators = [',', ';', '\t', '|'] as const;
export type Separator = (typeof separators)[number];

export interface Layout {
  /** Undefined: each row is one cell. */
  separator: Separator | undefined;
  /** Every row has as many as the first one. */
  cellCount: number;
  /** Of the ids, from 0. */
  column: number;
  /** Whether all other columns are empty; a row with something in them is then wrong. */
  isAlone: boolean;
  hasHeader: boolean;
}

/** A layout as far as it is known; undefined is what must be asked. */
export type Look = Omit<Layout, 'column' | 'hasHeader'> & {
  column: number | undefined;
  hasHeader: boolean | undefined;
  rows: readonly Row[];
};

/** What somebody has said about the file. */
export interface Said {
  /** null: there is none. */
  separator?: Separator | null | undefined;
  column?: number | undefined;
  hasHeader?: boolean | undefined;
}

/** The first rows as they are with each separator that is possible; under undefined as they are without one. */
export type Tables = ReadonlyMap<Separator | undefined, readonly Row[]>;

/** @returns what is wrong, in words, where the first row cannot belong to the others */
export function recognise(tables: Tables, said: Said = {}): Look | { fault: string } {
  if (said.separator !== undefined) return lookAt(tables, said.separator ?? undefined, said);
  const candidates = separators.filter((separator) => isCandidate(tables.get(separator) ?? []));
  const named = candidates.filter((separator) => findNamed(tables.get(separator)?.[0] ?? []) !== undefined);
  const [only, another] = named.length > 0 ? named : candidates;
  if (another !== undefined) return { ...lookAt(tables, only, said), column: undefined };
  if (only !== undefined) return lookAt(tables, only, said);
  const most = Math.max(...separators.map((separator) => mostFrequentLength(tables.get(separator) ?? [])));
  if (most > 1) {
    const count = separators.map((separator) => tables.get(separator)?.[0]?.length ?? 1).find((length) => length > 1);
    return { fault: `its first row has ${toCells(count ?? 1)}, and most others have ${most}` };
  }
  return lookAt(tables, undefined, said);
}

/** @returns undefined where something must be asked first */
export function toLayout({ column, hasHeader, ...look }: Look): Layout | undefined {
  if (column === undefined || hasHeader === undefined) return undefined;
  const { separator, cellCount, isAlone } = look;
  return { separator, cellCount, column, isAlone, hasHeader };
}

export const toCells = (count: number) => (count === 1 ? '1 cell' : `${count} cells`);

function lookAt(tables: Tables, separator: Separator | undefined, said: Said): Look {
  const rows = tables.get(separator) ?? [];
  const [first = ['']] = rows;
  const cellCount = first.length;
  const filled = first.map((_, column) => column).filter((column) => rows.some((row) => (row[column] ?? '') !== ''));
  const only = filled.length === 1 ? filled[0] : undefined;
  const isSaid = said.column !== undefined && said.column < cellCount;
  const column = isSaid ? said.column : (findNamed(first) ?? (cellCount === 1 ? 0 : only));
  const hasHeader = said.hasHeader ?? (column === undefined ? undefined : hasHeaderAbove(rows, column));
  return { separator, cellCount, column, isAlone: column !== undefined && column === only, hasHeader, rows };
}

function hasHeaderAbove(rows: readonly Row[], column: number): boolean | undefined {
  const [first = '', ...rest] = rows.map((row) => row[column] ?? '');
  const verdict = judgeFirstRow(first, rest);
  return verdict === 'unclear' ? undefined : verdict === 'header';
}

/** @returns the one column whose name is clear */
function findNamed(first: Row): number | undefined {
  const at = first.findIndex(namesPersonId);
  return at >= 0 && first.findLastIndex(namesPersonId) === at ? at : undefined;
}

/** It divides the first row, and half of the rows at least into as many cells; or it shows a header that is clear. */
function isCandidate(rows: readonly Row[]): boolean {
  const [first = []] = rows;
  if (first.length < 2) return false;
  return findNamed(first) !== undefined || countOfLength(rows, first.length) * 2 >= rows.length;
}

/** @returns a number of cells that more than half of the rows have, else 0 */
function mostFrequentLength(rows: readonly Row[]): number {
  return rows.map(({ length }) => length).find((length) => countOfLength(rows, length) * 2 > rows.length) ?? 0;
}

const countOfLength = (rows: readonly Row[], length: number) => rows.filter((row) => row.length === length).length;
