// Ids that are pasted into the form of a draft: on lines of their own, as a list, or with commas, semicolons or blanks between
// them. A table has columns to choose from, so it is refused: as a file it is asked about.
import { stripListMark } from '../../../domain/audience-file/id-cell.ts';
import { judgeFirstRow, namesIds } from '../../../domain/audience-file/id-header.ts';
import { DependencyError } from '../../../lib/errors.ts';
import type { UserService } from '../../../lib/user-service.ts';
import { createAudienceRows, type RowFault, shorten } from './audience-rows.ts';
import { createKnownPeople } from './known-people.ts';
import type { AudienceBatch } from './read-audience.ts';

export interface PastedPeople extends AudienceBatch {
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
  if (first && isTableHeader(first)) return { ids: [], lines: [], rowFaults: [], fault: tableWords };
  const hasHeader = first && rest.every(({ ids }) => ids.length === 1) && isHeader(first, rest);
  const rows = createAudienceRows();
  const people = (hasHeader ? rest : lines).flatMap(({ ids, line }) =>
    ids.map((text) => ({ id: rows.take([text], line) ?? '', line })).filter(({ id }) => id !== ''),
  );
  return {
    ids: people.map(({ id }) => id),
    lines: people.map(({ line }) => line),
    rowFaults: rows.faults,
    ...(hasHeader ? { header: shorten(first.text) } : {}),
    ...(rows.faultCount > 0
      ? { fault: `${rows.faultCount} of ${rows.rowCount} are not user ids, so nothing was saved.` }
      : {}),
  };
}

/**
 * @param users undefined while the user service is known to be down
 * @returns what is to be told about people who are stored, in words; they can be looked at before anything is sent
 */
export async function describeUnknown(
  users: Pick<UserService, 'fetchUsers'> | undefined,
  pasted: PastedPeople,
): Promise<string[]> {
  if (!users) return [unaskedWords];
  const people = createKnownPeople(users);
  try {
    await people.take(pasted);
  } catch (error) {
    if (!(error instanceof DependencyError)) throw error;
    return [unaskedWords];
  }
  const { unknown, unknownCount } = people;
  if (unknownCount === 0) return [];
  const named = unknown.slice(0, namedUnknown).map(({ line, text }) => `“${text}” on line ${line}`);
  const others = unknownCount > named.length ? ' and others' : '';
  const verb = unknownCount === 1 ? 'is' : 'are';
  return [
    `${unknownCount.toLocaleString('en-US')} of the pasted ids ${verb} unknown to the user service: ${named.join(', ')}${others}.`,
  ];
}

const unaskedWords = 'The user service does not answer, so it is not known whether the pasted people exist.';
/** As many have room in the sentence of a page. */
const namedUnknown = 8;
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
