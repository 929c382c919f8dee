// Checks the rows of an uploaded audience: finds the column with the ids, and says of wrong ones where they are and why.
// Pure; told row by row, and keeps no more than the first faults.
import { isUserId } from '../../../domain/ids.ts';

export interface RowFault {
  /** From 1. */
  line: number;
  /** Shortened. */
  text: string;
  why: string;
}

export interface AudienceRows {
  /** @returns the id of this row; undefined for the header and for a wrong one */
  take(row: readonly string[], line: number): string | undefined;
  /** The first of them. */
  readonly faults: readonly RowFault[];
  readonly faultCount: number;
  /** Right and wrong ones, without the header. */
  readonly rowCount: number;
}

export const maxShownFaults = 20;
const maxIdChars = 64;
const shownChars = 40;
/** Names of columns that hold ids; the first of these that a header has is taken. */
const idColumns = ['user_id', 'id', 'userid', 'user id'];

export function createAudienceRows(): AudienceRows {
  const faults: RowFault[] = [];
  let faultCount = 0;
  let rowCount = 0;
  let column: number | undefined;
  return {
    take(row, line) {
      if (column === undefined) {
        const header = row.map((cell) => cell.trim().toLowerCase());
        const named = idColumns.map((name) => header.indexOf(name)).find((index) => index >= 0);
        column = named ?? 0;
        if (named !== undefined) return undefined;
      }
      rowCount += 1;
      const text = row[column] ?? '';
      if (isUserId(text)) return text;
      faultCount += 1;
      if (faults.length < maxShownFaults) faults.push({ line, text: shorten(text), why: explain(text) });
      return undefined;
    },
    faults,
    get faultCount() {
      return faultCount;
    },
    get rowCount() {
      return rowCount;
    },
  };
}

/** Ids as people paste them: on lines of their own, or with commas, semicolons or blanks between them. */
export function splitPasted(text: string): { id: string; line: number }[] {
  return text.split('\n').flatMap((line, index) =>
    line
      .split(/[\s,;]+/)
      .filter((id) => id !== '')
      .map((id) => ({ id: id.replace(/^(["'])(.*)\1$/, '$2'), line: index + 1 })),
  );
}

function explain(text: string): string {
  if (text === '') return 'there is no id in this row';
  const stranger = /[^A-Za-z0-9._:-]/u.exec(text)?.[0];
  if (stranger === ' ') return 'an id has no blanks';
  if (stranger !== undefined)
    return `an id has letters A to Z, digits and . _ : - only, not ${JSON.stringify(stranger)}`;
  return `it is ${text.length} characters long; ${maxIdChars} are allowed`;
}

function shorten(text: string): string {
  const plain = text.replace(/\p{C}/gu, '\u00b7');
  return plain.length > shownChars ? `${plain.slice(0, shownChars)}…` : plain;
}
