import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { threadMs } from '../../../tests/support/processor-time.ts';
import { createAudienceRows } from './audience-rows.ts';
import { readAudience } from './read-audience.ts';

async function read(...pieces: (string | Buffer)[]) {
  const rows = createAudienceRows();
  const batches: string[][] = [];
  const bytes = Readable.from(pieces.map((piece) => Buffer.from(piece as string)));
  for await (const batch of readAudience(bytes, rows)) batches.push(batch);
  return { ids: batches.flat(), batches, rows };
}

describe('an uploaded audience', () => {
  it('is read whatever its line ends, quotes, separators and mark of its encoding', async () => {
    const files = [
      '\ufeffuser_id\r\nu-1\r\nu-2\r\n',
      '"u-1"\n"u-2"\n',
      'u-1\n\n  \nu-2',
      'name;user_id\nA;u-1\nB; u-2 \n',
      'id\tx\nu-1\t1\nu-2\t2',
    ];
    for (const file of files) expect((await read(file)).ids, JSON.stringify(file)).toEqual(['u-1', 'u-2']);
  });

  it('may be cut anywhere on its way, inside a character too', async () => {
    const bytes = Buffer.from('name,id\nJürgen,u-1\nZoë,u-2\n');
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
    await read(text);
    clearInterval(timer);
    // One at least for each 50 ms of work.
    expect(turns).toBeGreaterThan((threadMs() - beforeMs) / 50 - 1);
  });

  it('that breaks off is an error, not a shorter audience', async () => {
    const broken = new Readable({ read() {} });
    broken.push('u-1\nu-2\n');
    broken.destroy(new Error('the connection broke'));
    const read = async () => {
      for await (const batch of readAudience(broken, createAudienceRows())) void batch;
    };
    await expect(read()).rejects.toThrow();
  });
});
