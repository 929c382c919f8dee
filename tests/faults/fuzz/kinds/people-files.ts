// The people of a file who are stored, against those whom a reader with one separator finds. A file may be refused or asked
// about; a wrong person may never be stored, and no right one left out.
import { Readable } from 'node:stream';
import { parse } from 'csv-parse/sync';
import { readIdCell } from '../../../../domain/audience-file/id-cell.ts';
import { readSaid, type SaidOfFile } from '../../../../services/admin/mailing/audience-view.ts';
import { takeUpload } from '../../../../services/admin/mailing/take-upload.ts';
import { headerNames, type PeopleFile, peopleFiles } from '../generators/people-files.ts';
import { type FuzzKind, opened } from '../kind.ts';

export const peopleUploads: FuzzKind = {
  name: 'people',
  title: 'people of a file, against a reader with one separator',
  casesOfMillion: 20_000,
  needs: 'nothing',
  open: async () => opened({ inputs: peopleFiles, tryOne: async (file) => (await comparePeople(file)).fault }),
};

type Outcome = { kind: 'stored'; ids: string[] } | { kind: 'asked' | 'unknown' } | { kind: 'refused'; why: string };

const words: Readonly<Record<string, string>> = { ',': 'comma', ';': 'semicolon', '\t': 'tab', '|': 'vertical bar' };

/** @returns what came of the file without any answer, and what is wrong with it or with what comes of the right answer */
export async function comparePeople(file: PeopleFile): Promise<{ kind: Outcome['kind']; fault?: string }> {
  const reference = readReference(file);
  const first = await upload(file, {});
  if (first.kind === 'asked' && file.isNamed)
    return { kind: 'asked', fault: 'it is asked about, and its header is clear' };
  const query = {
    separator: words[file.separator] ?? 'none',
    column: String(file.column + 1),
    header: file.hasHeader ? 'yes' : 'no',
  };
  const last = first.kind === 'stored' || first.kind === 'refused' ? first : await upload(file, query);
  const { kind } = first;
  if (last.kind === 'stored') {
    const found = JSON.stringify([...new Set(last.ids)].sort());
    const right = JSON.stringify([...new Set(reference)].sort());
    return found === right ? { kind } : { kind, fault: `${found} are stored instead of ${right}` };
  }
  if (last.kind === 'refused') return reference ? { kind, fault: `it is refused: ${last.why}` } : { kind };
  return { kind, fault: `it is still ${last.kind} when all is answered` };
}

/** @returns undefined where a row is wrong, so that nothing may be stored */
function readReference({ text, separator, column, hasHeader }: PeopleFile): string[] | undefined {
  let rows: string[][];
  try {
    rows = parse(text.replace(/^\ufeff?sep=.\r\n/, ''), {
      delimiter: separator === '' ? '\u0001' : separator,
      record_delimiter: ['\r\n', '\n', '\r'],
      bom: true,
      trim: true,
      relax_column_count: true,
      skip_empty_lines: true,
      skip_records_with_empty_values: true,
    });
  } catch {
    return undefined;
  }
  const [first] = rows;
  const people = rows.slice(hasHeader ? 1 : 0);
  if (!first || people.length === 0 || people.some((row) => row.length !== first.length)) return undefined;
  const ids = people.map((row) => readIdCell(row[column] ?? ''));
  return ids.every((cell) => 'id' in cell) ? ids.map((cell) => cell.id) : undefined;
}

/** Everybody is known but what only a header says: an id of something else would be stored. */
async function upload(file: PeopleFile, query: Record<string, string>): Promise<Outcome> {
  const said = readSaid(query) as SaidOfFile;
  const users = {
    fetchUsers: async (ids: readonly string[]) =>
      new Map(ids.filter((id) => !headerNames.includes(id)).map((id) => [id, { fault: '' }])),
  };
  const bytes = Buffer.from(file.text);
  const taken = takeUpload(Readable.from(cut(bytes, file.pieceBytes)), said, users, () => {});
  const ids: string[] = [];
  try {
    for await (const batch of taken.batches()) ids.push(...batch);
    return { kind: 'stored', ids };
  } catch (error) {
    const refusal = taken.toRefusal(error);
    if (!refusal) throw error;
    if (taken.view?.column === null || taken.view?.hasHeader === null) return { kind: 'asked' };
    return refusal.unknownCount > 0 ? { kind: 'unknown' } : { kind: 'refused', why: JSON.stringify(refusal) };
  }
}

function* cut(bytes: Buffer, pieceBytes: number): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}
