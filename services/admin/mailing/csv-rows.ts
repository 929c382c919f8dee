// The rows of a text with one separator, each with the line it begins on. A piece is parsed at a time, and then others have
// their turn.
import { setImmediate } from 'node:timers/promises';
import { CsvError, parse } from 'csv-parse';
import type { Row, Separator } from '../../../domain/audience-file/layout.ts';
import { AudienceFileError } from './audience-text.ts';

/** A quote that is never closed would make one row of the whole file; so would a file without line ends. */
const maxRowChars = 64 * 1024;
/** The parser works on so much at a time, some milliseconds. */
const pieceChars = 16 * 1024;
/** csv-parse wants a separator; a text with this one is refused before (audience-text.ts). */
const noSeparator = '\0';

export interface CsvRow {
  row: Row;
  /** It begins on, from 1. */
  line: number;
}

/**
 * Rows in which all cells are empty are passed over.
 * @param separator undefined: each row is one cell
 * @throws AudienceFileError not_csv; what the text throws
 */
export async function* readRows(
  text: AsyncIterable<string> | Iterable<string>,
  separator: Separator | undefined,
): AsyncGenerator<CsvRow> {
  const parser = parse({
    delimiter: separator ?? noSeparator,
    record_delimiter: ['\r\n', '\n', '\r'],
    bom: true,
    trim: true,
    relax_column_count: true,
    skip_empty_lines: true,
    skip_records_with_empty_values: true,
    max_record_size: maxRowChars,
    info: true,
  });
  // Not `pipeline`: it would end the request's stream with the parser, and no answer could be sent any more.
  const feeding = feed(text, parser);
  let countedTwice = 0;
  try {
    for await (const { record, info } of parser as AsyncIterable<{ record: string[]; info: { lines: number } }>) {
      countedTwice += count(record, /\r\n/g);
      // The parser tells the line on which a row ends, and counts \r\n inside of quotes as two ends of lines.
      yield { row: record, line: info.lines - countedTwice - count(record, /\r\n|\n|\r/g) };
    }
    await feeding;
  } catch (error) {
    throw toFileError(error);
  } finally {
    parser.destroy();
    await feeding.catch(() => undefined);
  }
}

function count(row: Row, lineEnd: RegExp): number {
  let sum = 0;
  for (const cell of row) if (cell.includes('\n') || cell.includes('\r')) sum += cell.match(lineEnd)?.length ?? 0;
  return sum;
}

async function feed(text: AsyncIterable<string> | Iterable<string>, parser: ReturnType<typeof parse>): Promise<void> {
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
