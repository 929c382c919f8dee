// Checks the rows of an audience, and says of wrong ones where they are and why. Pure; told row by row, and keeps no more
// than the first faults.
import { readIdCell } from '../../../domain/audience-file/id-cell.ts';
import { type Layout, type Row, toCells } from '../../../domain/audience-file/layout.ts';

export interface RowFault {
  /** From 1. */
  line: number;
  /** Shortened. */
  text: string;
  why: string;
}

export interface AudienceRows {
  /** @returns the id of this row; undefined for the header and for a wrong one */
  take(row: Row, line: number): string | undefined;
  /** The first of them. */
  readonly faults: readonly RowFault[];
  readonly faultCount: number;
  /** Right and wrong ones, without the header. */
  readonly rowCount: number;
}

export const maxShownFaults = 20;
const shownChars = 40;
export const listLayout: Layout = {
  separator: undefined,
  cellCount: 1,
  column: 0,
  isAlone: true,
  hasHeader: false,
};

export function createAudienceRows({ cellCount, column, isAlone, hasHeader }: Layout = listLayout): AudienceRows {
  const faults: RowFault[] = [];
  let faultCount = 0;
  let rowCount = 0;
  let isHeaderNext = hasHeader;
  const refuse = (line: number, text: string, why: string) => {
    faultCount += 1;
    if (faults.length < maxShownFaults) faults.push({ line, text: shorten(text), why });
    return undefined;
  };
  return {
    take(row, line) {
      if (isHeaderNext) {
        isHeaderNext = false;
        return undefined;
      }
      rowCount += 1;
      if (row.length !== cellCount)
        return refuse(line, row.join(' | '), `this row has ${toCells(row.length)}, and the first one has ${cellCount}`);
      if (isAlone && row.some((cell, at) => at !== column && cell !== ''))
        return refuse(line, row.join(' | '), 'this row has more than an id, and the first ones have nothing else');
      const text = row[column] ?? '';
      const cell = readIdCell(text);
      return 'id' in cell ? cell.id : refuse(line, text, cell.fault);
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

export function shorten(text: string, maxChars = shownChars): string {
  const plain = text.replace(/\p{C}/gu, '\u00b7');
  return plain.length > maxChars ? `${plain.slice(0, maxChars)}…` : plain;
}
