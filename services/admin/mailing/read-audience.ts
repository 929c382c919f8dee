// Reads an uploaded audience as it comes in: bytes to text, text to rows, rows to checked ids in batches. Holds one batch
// at a time, whatever the file's size.
import type { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { TextDecoder } from 'node:util';
import { CsvError, parse } from 'csv-parse';
import { PosthornError } from '../../../lib/errors.ts';
import type { AudienceRows } from './audience-rows.ts';

/** The file as a whole is not usable; the message is for whoever sent it. */
export class AudienceFileError extends PosthornError {}

export const maxAudienceBytes = 256 * 1024 * 1024;
const batchSize = 10_000;
/** A quote that is never closed would make one row of the whole file; so would a file without line ends. */
const maxRowChars = 64 * 1024;
/** The parser works on so much at a time, some milliseconds; then others have their turn. */
const pieceChars = 16 * 1024;

/**
 * @param rows is told every row; after its first fault the batches are empty, for nothing is stored then
 * @throws AudienceFileError not_text | too_large | not_csv; the stream's own error when it breaks off
 */
export async function* readAudience(bytes: Readable, rows: AudienceRows): AsyncGenerator<string[]> {
  let batch: string[] = [];
  let count = 0;
  const parser = parse({
    delimiter: [',', ';', '\t'],
    record_delimiter: ['\r\n', '\n', '\r'],
    bom: true,
    trim: true,
    relax_column_count: true,
    skip_empty_lines: true,
    skip_records_with_empty_values: true,
    max_record_size: maxRowChars,
    on_record: (row, { lines }) => [rows.take(row, lines) ?? ''],
  });
  const text = decodeText(bytes);
  // Not `pipeline`: it would end the request's stream with the parser, and no answer could be sent any more.
  const feeding = feed(text, parser);
  try {
    for await (const [id] of parser as AsyncIterable<string[]>) {
      if (id && rows.faultCount === 0) batch.push(id);
      count += 1;
      if (batch.length < batchSize && count % batchSize !== 0) continue;
      yield batch;
      batch = [];
    }
    await feeding;
  } catch (error) {
    throw toFileError(error);
  } finally {
    parser.destroy();
    await feeding.catch(() => undefined);
  }
  yield batch;
}

async function feed(text: AsyncIterable<string>, parser: ReturnType<typeof parse>): Promise<void> {
  try {
    const checkLine = createLineCheck();
    for await (const whole of text) {
      for (let at = 0; at < whole.length; at += pieceChars) {
        if (parser.destroyed) return;
        const piece = whole.slice(at, at + pieceChars);
        checkLine(piece);
        if (!parser.write(piece)) await drained(parser);
        await setImmediate();
      }
    }
    parser.end();
  } catch (error) {
    parser.destroy(error instanceof Error ? error : new Error(String(error)));
  }
}

/** The parser's own bound leaves out separators and blanks: a line of nothing else would be a row of millions of cells. */
function createLineCheck(): (piece: string) => void {
  let lineChars = 0;
  return (piece) => {
    const first = piece.search(/[\r\n]/);
    lineChars += first < 0 ? piece.length : first;
    if (lineChars > maxRowChars) {
      throw new AudienceFileError(
        'not_csv',
        `The file cannot be read as CSV: a line is longer than ${maxRowChars.toLocaleString('en-US')} characters.`,
      );
    }
    if (first >= 0) lineChars = piece.length - 1 - Math.max(piece.lastIndexOf('\n'), piece.lastIndexOf('\r'));
  };
}

function drained(parser: ReturnType<typeof parse>): Promise<void> {
  return new Promise((resolve) => {
    const go = () => {
      parser.off('drain', go).off('close', go);
      resolve();
    };
    parser.on('drain', go).on('close', go);
  });
}

async function* decodeText(bytes: Readable): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let length = 0;
  for await (const piece of bytes.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    if (length === 0 && isUtf16(piece)) throw notText('It is UTF-16 (some programs call it Unicode text).');
    length += piece.length;
    if (length > maxAudienceBytes) {
      throw new AudienceFileError('too_large', `The file is larger than ${maxAudienceBytes / 1024 / 1024} MB.`);
    }
    if (piece.includes(0)) throw notText('It holds NUL bytes, so it is a binary file or UTF-16, not text.');
    yield decode(decoder, piece, length);
  }
  yield decode(decoder, undefined, length);
}

function decode(decoder: TextDecoder, piece: Buffer | undefined, length: number): string {
  try {
    return piece ? decoder.decode(piece, { stream: true }) : decoder.decode();
  } catch {
    throw notText(`Some of its bytes (before byte ${length}) are not UTF-8: it may be Windows-1252 or Latin-1.`);
  }
}

function isUtf16(first: Buffer): boolean {
  return (first[0] === 0xff && first[1] === 0xfe) || (first[0] === 0xfe && first[1] === 0xff);
}

function notText(why: string): AudienceFileError {
  return new AudienceFileError('not_text', `The file is not UTF-8 text. ${why} Save it as "CSV UTF-8" and try again.`);
}

function toFileError(error: unknown): unknown {
  if (!(error instanceof CsvError)) return error;
  const line = 'lines' in error ? ` near line ${Number(error.lines)}` : '';
  const why = /QUOTE/.test(error.code)
    ? 'a quotation mark is out of place or never closed'
    : error.code === 'CSV_MAX_RECORD_SIZE'
      ? 'a row does not end: a quotation mark may be never closed'
      : error.message;
  return new AudienceFileError('not_csv', `The file cannot be read as CSV${line}: ${why}.`, { cause: error });
}
