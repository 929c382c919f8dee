// Reads an uploaded audience as it comes in: looks at its beginning, and then reads ids from the column that is told, in
// batches. Holds one batch at a time, whatever the file's size.
import type { Readable } from 'node:stream';
import {
  type Look,
  type Row,
  recognise,
  type Said,
  type Separator,
  separators,
} from '../../../domain/audience-file/layout.ts';
import type { AudienceRows } from './audience-rows.ts';
import { AudienceFileError, decodeText } from './audience-text.ts';
import { readRows } from './csv-rows.ts';

const batchSize = 10_000;
/** From so much of its beginning it is told how a file is laid out. */
const headChars = 64 * 1024;
const headRows = 200;

/** People in the order of the file. */
export interface AudienceBatch {
  ids: string[];
  /** Of each id, from 1. */
  lines: number[];
}

export interface AudienceFile {
  /** The whole text, without the line `sep=`. */
  text: AsyncIterable<string>;
  /** Lines of the file before this text. */
  linesBefore: number;
  look: Look;
  /** Lets go of the stream, read to its end or not: until then nobody else can read what is left of it. */
  close(): Promise<void>;
}

/**
 * Reads the beginning of a file, and tells how the file is laid out.
 * @throws AudienceFileError not_text | not_csv; the stream's own error when it breaks off
 */
export async function openAudience(bytes: Readable, said: Said = {}): Promise<AudienceFile> {
  const pieces = decodeText(bytes);
  try {
    return await readHead(pieces, said);
  } catch (error) {
    await pieces.return();
    throw error;
  }
}

async function readHead(pieces: AsyncGenerator<string, void>, said: Said): Promise<AudienceFile> {
  let head = '';
  let isWhole = false;
  while (head.length < headChars && !isWhole) {
    const { value, done } = await pieces.next();
    isWhole = done === true;
    head += value ?? '';
  }
  const marked = /^\ufeff?"?sep=(.?)"?[ \t]*(?:\r\n|\n|\r|$)/i.exec(head);
  const marker = marked ? toSeparator(marked[1] ?? '') : undefined;
  head = head.slice(marked?.[0].length ?? 0);
  const tables = await readTables(isWhole && head.length <= headChars ? head : cutAtLineEnd(head.slice(0, headChars)));
  const look = recognise(tables, { ...said, separator: said.separator === undefined ? marker : said.separator });
  if ('fault' in look) throw new AudienceFileError('not_csv', `The file cannot be read as a table: ${look.fault}.`);
  async function* text() {
    yield head;
    if (!isWhole) yield* pieces;
  }
  return {
    text: text(),
    linesBefore: marked ? 1 : 0,
    look,
    async close() {
      await pieces.return();
    },
  };
}

/**
 * @param rows is told every row; after its first fault the batches are empty, for nothing is stored then
 * @throws AudienceFileError not_text | too_large | not_csv; the stream's own error when it breaks off
 */
export async function* readAudience(
  { text, linesBefore }: AudienceFile,
  separator: Separator | undefined,
  rows: AudienceRows,
): AsyncGenerator<AudienceBatch> {
  let batch: AudienceBatch = { ids: [], lines: [] };
  let count = 0;
  for await (const { row, line: lineOfText } of readRows(text, separator)) {
    const line = lineOfText + linesBefore;
    const id = rows.take(row, line);
    if (id !== undefined && rows.faultCount === 0) {
      batch.ids.push(id);
      batch.lines.push(line);
    }
    count += 1;
    if (batch.ids.length < batchSize && count % batchSize !== 0) continue;
    yield batch;
    batch = { ids: [], lines: [] };
  }
  yield batch;
}

/** The row that was cut tells nothing. */
function cutAtLineEnd(text: string): string {
  const end = Math.max(text.lastIndexOf('\n'), text.lastIndexOf('\r'));
  return end > 0 ? text.slice(0, end + 1) : text;
}

/** @throws AudienceFileError not_csv */
function toSeparator(sign: string): Separator {
  const found = separators.find((separator) => separator === sign);
  if (found) return found;
  const why = `its first line names ${JSON.stringify(sign)} as the separator; use comma, semicolon, tab or |`;
  throw new AudienceFileError('not_csv', `The file cannot be read as CSV: ${why}.`);
}

/** Quotes tell separators apart: one with which they are out of place is not possible while another one is. */
async function readTables(head: string): Promise<Map<Separator | undefined, readonly Row[]>> {
  const tables = new Map<Separator | undefined, readonly Row[]>();
  const broken = new Set<Separator | undefined>();
  for (const separator of [...separators, undefined]) {
    const rows: Row[] = [];
    tables.set(separator, rows);
    try {
      for await (const { row } of readRows([head], separator)) if (rows.push(row) === headRows) break;
    } catch (error) {
      if (!(error instanceof AudienceFileError)) throw error;
      broken.add(separator);
    }
  }
  if (broken.size < tables.size) for (const separator of broken) tables.delete(separator);
  return tables;
}
