// What a page shows of a file with people: its first rows, how they are read, and what is asked about them; and what comes
// back from it.
import { type Look, type Said, separators } from '../../../domain/audience-file/layout.ts';
import { shorten } from './audience-rows.ts';

export interface AudienceView {
  /** A word; `none` where each row is one cell. */
  separator: string;
  /** All words that it may be. */
  separators: string[];
  /** Of the ids, from 1; null is asked. */
  column: number | null;
  /** null is asked. */
  hasHeader: boolean | null;
  rows: string[][];
}

export interface SaidOfFile extends Said {
  unknown: 'refuse' | 'leave_out';
}

const words = { ',': 'comma', ';': 'semicolon', '\t': 'tab', '|': 'vertical bar' } as const;
const noSeparator = 'none';
const shownRows = 6;
const shownColumns = 50;
const shownChars = 60;

export function toAudienceView({ separator, column, hasHeader, rows }: Look): AudienceView {
  return {
    separator: separator ? words[separator] : noSeparator,
    separators: [...separators.map((one) => words[one]), noSeparator],
    column: column === undefined ? null : column + 1,
    hasHeader: hasHeader ?? null,
    rows: rows.slice(0, shownRows).map((row) => row.slice(0, shownColumns).map((cell) => shorten(cell, shownChars))),
  };
}

/** @returns undefined when something in the query is none of what the page sends */
export function readSaid(query: Readonly<Record<string, string>>): SaidOfFile | undefined {
  const { separator: word = '', column = '', header = '', unknown = 'refuse' } = query;
  const separator = word === noSeparator ? null : separators.find((one) => words[one] === word);
  if (word !== '' && separator === undefined) return undefined;
  if (!/^(?:[1-9]\d{0,4})?$/.test(column) || !['', 'yes', 'no'].includes(header)) return undefined;
  if (unknown !== 'refuse' && unknown !== 'leave_out') return undefined;
  return {
    separator,
    column: column === '' ? undefined : Number(column) - 1,
    hasHeader: header === '' ? undefined : header === 'yes',
    unknown,
  };
}
