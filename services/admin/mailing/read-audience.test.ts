import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { type Said, toLayout } from '../../../domain/audience-file/layout.ts';
import { threadMs } from '../../../tests/support/processor-time.ts';
import { createAudienceRows } from './audience-rows.ts';
import { type AudienceFile, openAudience, readAudience } from './read-audience.ts';

const read = (...pieces: (string | Buffer)[]) => readAs({}, ...pieces);
async function readAs(said: Said, ...pieces: (string | Buffer)[]) {
  const bytes = Readable.from(pieces.map((piece) => Buffer.from(piece as string)));
  const file = await openAudience(bytes, said);
  const layout = toLayout(file.look);
  if (!layout) throw new Error('it is not clear how this file is to be read');
  const rows = createAudienceRows(layout);
  const batches: string[][] = [];
  const lines: number[] = [];
  for await (const batch of readAudience(file, layout.separator, rows)) {
    batches.push(batch.ids);
    lines.push(...batch.lines);
  }
  return { ids: batches.flat(), batches, lines, rows };
}

async function readToEnd(file: AudienceFile) {
  for await (const batch of readAudience(file, file.look.separator, createAudienceRows())) void batch;
}

describe('an uploaded audience', () => {
  it('is read whatever its line ends, quotes, separators and mark of its encoding', async () => {
    const files = [
      '\ufeffuser_id\r\nu-1\r\nu-2\r\n',
      '"u-1"\n"u-2"\n',
      'u-1\n\n  \nu-2',
      'name;user_id\nA;u-1\nB; u-2 \n',
      'user id\tx\nu-1\t1\nu-2\t2',
    ];
    for (const file of files) expect((await read(file)).ids, JSON.stringify(file)).toEqual(['u-1', 'u-2']);
  });

  it('has one separator, and rows with another number of cells are refused with their line', async () => {
    expect((await read('address;user_id\nMain St 5,1002;1001\n')).ids).toEqual(['1001']);
    const { rows } = await read('user_id,address\n1001,Main St 5\n1002,Main St, 6\n1003,Main St 7\n1004\n');
    expect(rows.faults.map(({ line }) => line)).toEqual([3, 5]);
    expect((await read('sep=;\r\na,b;user_id\r\nMain St 5,1002;1001\r\n')).ids).toEqual(['1001']);
    expect((await read('sep=;\na;user_id\nx;not an id\n')).rows.faults[0]?.line).toBe(3);
    await expect(read('sep=#\nu-1\n')).rejects.toMatchObject({ code: 'not_csv' });
  });

  it('may have separators, quotes and line ends inside quotes; its rows begin where they begin', async () => {
    const file = 'user_id;note\n"u-1";"a;b\r\n""c"", d"\nu 2;"x\n\ny"\nu-3;"e"\n';
    const { rows } = await read(file);
    expect(rows.faults.map(({ line, text }) => [line, text])).toEqual([[4, 'u 2']]);
    expect((await read(file.replace('u 2', 'u-2'))).lines).toEqual([2, 4, 7]);
  });

  it('keeps zeros in front and leaves out blanks around', async () => {
    expect((await read('kundennr\n007\n  008\t\n\u00a0009\u200b\n')).ids).toEqual(['007', '008', '009']);
  });

  it('may mix its line ends', async () => {
    const { ids, lines } = await read('user_id\r\nu-1\nu-2\ru-3\r\n\nu-4');
    expect([ids, lines]).toEqual([
      ['u-1', 'u-2', 'u-3', 'u-4'],
      [2, 3, 4, 6],
    ]);
  });

  it('may be cut anywhere on its way, inside a character too', async () => {
    const bytes = Buffer.from('name,user_id\nJürgen,u-1\nZoë,u-2\n');
    const single = Array.from(bytes, (byte) => Buffer.from([byte]));
    expect((await read(...single)).ids).toEqual(['u-1', 'u-2']);
  });

  it('tells wrong rows by their line in the file, blank lines counted', async () => {
    const { rows, ids } = await read('user_id\n\nu-1\nnot an id\n\n', 'ü\n');
    expect(rows.faults.map(({ line, text }) => [line, text])).toEqual([
      [4, 'not an id'],
      [6, 'ü'],
    ]);
    expect(rows.rowCount).toBe(3);
    expect(ids.length).toBeLessThan(2);
  });

  it('comes in batches of at most ten thousand', async () => {
    const { batches, ids } = await read(Array.from({ length: 25_000 }, (_, n) => `u-${n}`).join('\n'));
    expect(batches.map((batch) => batch.length)).toEqual([10_000, 10_000, 5_000]);
    expect(ids.at(-1)).toBe('u-24999');
  });

  it.each([
    ['UTF-16 with a mark', Buffer.from('\ufeffu-1\nu-2', 'utf16le'), 'not_text'],
    ['UTF-16 without one', Buffer.from('u-1\nu-2', 'utf16le'), 'not_text'],
    ['Latin-1', Buffer.from('name,id\nJürgen,u-1', 'latin1'), 'not_text'],
    ['an image', Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0]), 'not_text'],
    ['text that ends inside a character', Buffer.from([0x75, 0xc3]), 'not_text'],
    ['a quote that is never closed', `"u-1\n${'u-2\n'.repeat(30_000)}`, 'not_csv'],
    ['a line of separators only', '\t'.repeat(300_000), 'not_csv'],
    ['a line of blanks only', `u-1\n${' '.repeat(300_000)}`, 'not_csv'],
    ['a quote inside a cell', 'u-1\nu"2\n', 'not_csv'],
  ])('%s is refused in words', async (_what, file, code) => {
    await expect(read(file)).rejects.toMatchObject({ code });
  });

  it.each([
    ['empty lines', '\n'],
    ['blank lines', ' \n'],
    ['separators', ',\n'],
    ['quotes', '"a"\n'],
    ['cells', 'a,b;c\td\n'],
    ['long blank lines', `${' '.repeat(60_000)}\n`],
  ])('of 2 MiB of %s leaves others their turn', async (_what, line) => {
    const text = line.repeat(Math.ceil((2 * 1024 * 1024) / line.length));
    let turns = 0;
    const timer = setInterval(() => (turns += 1), 1);
    const beforeMs = threadMs();
    await readAs({ separator: ',', column: 0, hasHeader: false }, text);
    clearInterval(timer);
    // One at least for each 50 ms of work.
    expect(turns).toBeGreaterThan((threadMs() - beforeMs) / 50 - 1);
  });

  it('of one line without an end is refused before it is held', async () => {
    let sent = 0;
    async function* endless() {
      for (; sent < 8_000; sent += 1) yield Buffer.alloc(64 * 1024, 'a,');
    }
    await expect(openAudience(Readable.from(endless())).then((file) => readToEnd(file))).rejects.toMatchObject({
      code: 'not_csv',
    });
    expect(sent).toBeLessThan(40);
  });

  it('that breaks off is an error, not a shorter audience', async () => {
    const broken = new Readable({ read() {} });
    broken.push('u-1\nu-2\n');
    broken.destroy(new Error('the connection broke'));
    await expect(openAudience(broken)).rejects.toThrow();
  });
});
