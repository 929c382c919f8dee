// CSV files as people upload them: right, nearly right, of another program, and no text at all.
import fc, { type Arbitrary } from 'fast-check';
import { anyText, oddText } from './texts.ts';

const id = fc.oneof(
  { weight: 6, arbitrary: fc.uuid() },
  { weight: 2, arbitrary: fc.stringMatching(/^[A-Za-z0-9._:-]{1,64}$/) },
  { weight: 1, arbitrary: oddText },
);
const cell = fc.oneof({ weight: 5, arbitrary: id }, { weight: 1, arbitrary: anyText(100_000, 200) });
const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;

const table = fc
  .record({
    header: fc.constantFrom(
      '',
      'user_id',
      'id',
      'ID;name',
      'name\tuser id',
      '"user_id"',
      'user_id,user_id',
      'name,e-mail',
    ),
    rows: fc.array(fc.array(fc.tuple(cell, fc.boolean()), { minLength: 0, maxLength: 4 }), { maxLength: 40 }),
    delimiter: fc.constantFrom(',', ';', '\t', ' ', '|'),
    lineBreak: fc.constantFrom('\n', '\r\n', '\r', '\n\n'),
    bom: fc.boolean(),
  })
  .map(({ header, rows, delimiter, lineBreak, bom }) => {
    const lines = rows.map((row) => row.map(([text, isQuoted]) => (isQuoted ? quoted(text) : text)).join(delimiter));
    return Buffer.from((bom ? '\ufeff' : '') + [header, ...lines].join(lineBreak));
  });
const otherEncoding = table.map((bytes) => Buffer.from(bytes.toString('utf8'), 'utf16le'));
const raw = fc.uint8Array({ maxLength: 2_000 }).map((bytes) => Buffer.from(bytes));
const repeated = anyText(2_000_000, 2).map((text) => Buffer.from(text));

export interface CsvFile {
  bytes: Buffer;
  /** In how many bytes a piece it comes. */
  pieceBytes: number;
}

export const csvFiles: Arbitrary<CsvFile> = fc.record({
  bytes: fc.oneof(
    { weight: 40, arbitrary: table },
    { weight: 2, arbitrary: otherEncoding },
    { weight: 8, arbitrary: raw },
    { weight: 1, arbitrary: repeated },
  ),
  pieceBytes: fc.constantFrom(65_536, 65_536, 65_536, 7, 1),
});
