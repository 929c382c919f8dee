// Ids that are pasted into the form of a draft: on lines of their own, as a list, or with commas, semicolons or blanks between
// them. A table has columns to choose from, so it is refused: as a file it is asked about.
import { stripListMark } from '../../../domain/audience-file/id-cell.ts';
import { judgeFirstRow, namesIds } from '../../../domain/audience-file/id-header.ts';
import { createAudienceRows, type RowFault, shorten } from './audience-rows.ts';

export interface PastedPeople {
  ids: string[];
  /** The first line, where it names the ids. */
  header?: string;
  /** What is wrong with all of it; nothing is to be saved then. */
  fault?: string;
  rowFaults: readonly RowFault[];
}

export function readPasted(text: string): PastedPeople {
  const lines = text
    .split('\n')
    .map((line, index) => ({ ids: splitLine(line), line: index + 1, text: line.trim() }))
    .filter(({ ids }) => ids.length > 0);
  const [first, ...rest] = lines;
  if (first && isTableHeader(first)) return { ids: [], rowFaults: [], fault: tableWords };
  const hasHeader = first && rest.every(({ ids }) => ids.length === 1) && isHeader(first, rest);
  const rows = createAudienceRows();
  const ids = (hasHeader ? rest : lines).flatMap(({ ids, line }) => ids.flatMap((id) => rows.take([id], line) ?? []));
  return {
    ids,
    rowFaults: rows.faults,
    ...(hasHeader ? { header: shorten(first.text) } : {}),
    ...(rows.faultCount > 0
      ? { fault: `${rows.faultCount} of ${rows.rowCount} are not user ids, so nothing was saved.` }
      : {}),
  };
}

const tableWords =
  'These lines are a table: their first one names columns. Save them as a file and choose the file below, so that the column of the ids is read.';

interface Line {
  ids: string[];
  text: string;
}

function splitLine(line: string): string[] {
  return stripListMark(line)
    .split(/[\s,;|]+/)
    .filter((id) => id !== '');
}

function isTableHeader({ ids, text }: Line): boolean {
  return ids.length > 1 && !namesIds(text) && [...ids, ...text.split(/[,;\t|]/)].some(namesIds);
}

function isHeader(first: Line, rest: readonly Line[]): boolean {
  return (
    judgeFirstRow(
      first.text,
      rest.map(({ text }) => text),
    ) === 'header'
  );
}
