// Tables with people as programs and people write them, with what a reader should know of each.
import fc, { type Arbitrary } from 'fast-check';

export interface PeopleFile {
  text: string;
  pieceBytes: number;
  /** '' where each line is one id. */
  separator: string;
  /** Of the ids, from 0. */
  column: number;
  hasHeader: boolean;
  /** The header says whose ids these are, and no other name does. */
  isNamed: boolean;
}

const clearNames = ['user_id', 'Kunden-ID', 'customer_id', 'Идентификатор пользователя', 'client id', 'KUNDENNR'];
const dimNames = ['id', 'Kunde', 'client', 'order_id', 'referrer_user_id', 'Spalte', 'nombre', '客户', 'Column1'];
const otherNames = ['name', 'address', 'order_id', 'note', 'id', 'zip', 'E-Mail'];
export const headerNames: readonly string[] = [...clearNames, ...dimNames, ...otherNames];

const personId = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 9_999 }).map(String) },
  { weight: 2, arbitrary: fc.uuid() },
  { weight: 2, arbitrary: fc.integer({ min: 1, max: 999 }).map((number) => `u-${number}`) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 99 }).map((number) => String(number).padStart(6, '0')) },
  { weight: 1, arbitrary: fc.constantFrom('anna', 'bob', 'x.y', 'admin') },
);
const wrongId = fc.constantFrom('', 'jane doe', '1.23E+15', 'ada@example.com', '1001.0', 'Jürgen', '-', '1;2,3');
const idCell = fc.oneof({ weight: 60, arbitrary: personId }, { weight: 1, arbitrary: wrongId });
/** Ids of other things among them: these must never be taken for people. */
const otherCell = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: 10_000, max: 19_999 }).map(String) },
  { weight: 1, arbitrary: fc.constantFrom('Ada', 'Smith, Ann', 'Main St 5,10002', 'a;10003', 'x|10004', 'b\t10005') },
  { weight: 1, arbitrary: fc.constantFrom('', 'she said "10006"', 'two\nlines', 'or\r\n10007', '10008,10009;') },
);
/** Quoted where it must be, but for few; with blanks around now and then. */
const written = fc.record({
  isQuoted: fc.boolean(),
  isBare: fc.integer({ min: 0, max: 80 }).map((one) => one === 0),
  around: fc.constantFrom('', '', '', '', ' ', '  '),
  mark: fc.constantFrom('', '', '', '', '', '', '- ', '• ', '1. '),
});

interface Written {
  isQuoted: boolean;
  isBare: boolean;
  around: string;
  mark: string;
}

function write(cell: string, { isQuoted, isBare, around }: Written, separator: string): string {
  const isOdd = /["\r\n]/.test(cell) || (separator !== '' && cell.includes(separator));
  const text = (isOdd && !isBare) || isQuoted ? `"${cell.replaceAll('"', '""')}"` : cell;
  return `${around}${text}${around}`;
}

const lineEnd = fc.constantFrom('\n', '\n', '\r\n', '\r');

export const peopleFiles: Arbitrary<PeopleFile> = fc
  .record({
    separator: fc.constantFrom(',', ';', '\t', '|', ''),
    names: fc.uniqueArray(fc.constantFrom(...otherNames), { maxLength: 4 }),
    at: fc.nat(4),
    idName: fc.oneof(fc.constantFrom(...clearNames), fc.constantFrom(...dimNames), fc.constant(undefined)),
    rows: fc.array(fc.tuple(idCell, written, fc.array(fc.tuple(otherCell, written), { minLength: 4, maxLength: 4 })), {
      minLength: 1,
      maxLength: 30,
    }),
    ends: fc.oneof(
      lineEnd.map((end) => [end]),
      fc.array(lineEnd, { minLength: 2, maxLength: 5 }),
    ),
    isMarked: fc.integer({ min: 0, max: 9 }).map((one) => one === 0),
    hasBom: fc.boolean(),
    endsWithSeparator: fc.integer({ min: 0, max: 9 }).map((one) => one === 0),
    blankEvery: fc.constantFrom(0, 0, 0, 3),
    pieceBytes: fc.constantFrom(65_536, 65_536, 7, 1),
  })
  .map(({ separator, names, at, idName, rows, ends, isMarked, hasBom, endsWithSeparator, blankEvery, pieceBytes }) => {
    const others = separator === '' ? [] : names;
    const column = at % (others.length + 1);
    const plain: Written = { isQuoted: false, isBare: false, around: '', mark: '' };
    const toLine = (id: string, how: Written, rest: readonly (readonly [string, Written])[]) => {
      const cells = rest.slice(0, others.length).map(([cell, one]) => write(cell, one, separator));
      cells.splice(column, 0, write(how.mark + id, how, separator));
      return cells.join(separator) + (endsWithSeparator ? separator : '');
    };
    // A first row of words that are no id is a header, whoever wrote it.
    if (!idName && rows[0] && /^\p{L}+ ?\p{L}*$/u.test(rows[0][0])) rows[0][0] = '1';
    const header =
      idName &&
      toLine(
        idName,
        plain,
        others.map((name) => [name, plain] as const),
      );
    const lines = [...(header ? [header] : []), ...rows.map(([id, how, rest]) => toLine(id, how, rest))];
    const body = lines.map((line, n) => {
      const blank = blankEvery > 0 && n % blankEvery === 0 ? '\n' : '';
      return line + (ends[n % ends.length] ?? '\n') + blank;
    });
    const mark = isMarked && separator !== '' ? `sep=${separator}\r\n` : '';
    return {
      text: (hasBom ? '\ufeff' : '') + mark + body.join(''),
      pieceBytes,
      separator,
      column,
      hasHeader: header !== undefined,
      isNamed: idName !== undefined && clearNames.includes(idName),
    };
  });
