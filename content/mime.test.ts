import fc from 'fast-check';
import PostalMime from 'postal-mime';
import { describe, expect, it } from 'vitest';
import { sampleMail as mail } from '../tests/support/sample-mail.ts';
import { type Mail, type MimeOptions, toMime } from './mime.ts';

const options: MimeOptions = { mailFrom: 'Posthorn <no-reply@example.com>', mailDomain: 'example.com' };
const parse = async (changes: Partial<Mail> = {}, more: Partial<MimeOptions> = {}) => {
  const parsed = await PostalMime.parse(toMime(mail(changes), { ...options, ...more }));
  return {
    ...parsed,
    text: asMailed(parsed.text ?? ''),
    html: parsed.html === undefined ? undefined : asMailed(parsed.html),
  };
};
const lines = (changes: Partial<Mail>) => toMime(mail(changes), options).toString('latin1').split('\r\n');
/** Mail ends lines with CRLF whatever they ended with before, and its last line always ends. */
const asMailed = (text: string) => {
  const unix = text.replace(/\r\n?/g, '\n');
  return unix.endsWith('\n') ? unix : `${unix}\n`;
};

const scripts = [
  'Zoë Müller, 50 % off – café',
  'Привет, Анна! Новые фильмы',
  '山田さん、今月の映画',
  'مرحبا بك في السينما',
  'नमस्ते, आपकी फ़िल्में',
  'שלום, סרטים חדשים',
  'Emoji 👩‍👩‍👧‍👦🎬 and flags 🇩🇪 in a row 🎞️🎞️🎞️🎞️🎞️🎞️🎞️🎞️🎞️🎞️🎞️🎞️🎞️🎞️🎞️🎞️🎞️🎞️',
  'A subject that is long enough to be folded more than once, because it goes on and on, although nobody reads subjects of this length',
  'Looks like =?utf-8?B?YQ==?= an encoded word',
  '"Quotes", \\backslashes\\ and <brackets>; (comments)',
];

describe('toMime', () => {
  it('writes the fields that a mail needs', async () => {
    const parsed = await parse();
    expect(parsed.from).toEqual({ name: 'Posthorn', address: 'no-reply@example.com' });
    expect(parsed.to).toEqual([{ name: '', address: 'ada@example.org' }]);
    expect(parsed.messageId).toBe('<0a1b2c3d-0000-8000-8000-000000000002@example.com>');
    expect(parsed.date).toBe('2026-11-23T09:05:07.000Z');
    expect(lines({})).toEqual(
      expect.arrayContaining([
        'Date: Mon, 23 Nov 2026 09:05:07 +0000',
        'MIME-Version: 1.0',
        'Auto-Submitted: auto-generated',
        'X-Posthorn-Notification: 0a1b2c3d-0000-8000-8000-000000000002',
        'X-Posthorn-Request: 0a1b2c3d-0000-4000-8000-000000000001',
      ]),
    );
  });

  it('gives the same bytes for the same message', () => {
    expect(toMime(mail(), options)).toEqual(toMime(mail(), options));
  });

  it('is text/plain alone without html', async () => {
    const parsed = await parse({ html: null, text: 'Nur Text – mit Strich\n' });
    expect(parsed.html).toBeUndefined();
    expect(parsed.text).toBe('Nur Text – mit Strich\n');
    expect(lines({ html: null })).toContain('Content-Type: text/plain; charset=utf-8');
  });

  it.each(scripts)('carries %s in subject, name, text and html', async (words) => {
    const html = `<p title="a=b">${words}</p>\n`;
    const parsed = await parse({ subject: words, from_name: words, text: `${words}\n`, html });
    expect(parsed.subject).toBe(words);
    expect(parsed.from).toEqual({ name: words, address: 'no-reply@example.com' });
    expect(parsed.text).toBe(`${words}\n`);
    expect(parsed.html).toBe(html);
  });

  it('takes whatever a template can write', async () => {
    const words = fc.array(
      fc.constantFrom(' ', '\n', '\r\n', '\t', '=', '.', '--', '=_', 'word', 'é', 'д', '電', '🎬', 'x'.repeat(90)),
      {
        maxLength: 80,
      },
    );
    const text = fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 300 }),
      words.map((parts) => parts.join('')),
    );
    // What the renderer lets through: no control characters but tab and line breaks, no lone surrogates.
    const clean = text.map((value) =>
      value.toWellFormed().replace(/[^\P{C}\t\n\r\p{Cf}\p{Cn}\p{Co}]|[\p{Zl}\p{Zp}]/gu, ''),
    );
    const subject = clean.map((value) => value.replace(/\s+/g, ' ').trim());
    await fc.assert(
      fc.asyncProperty(clean, clean, subject, async (plain, html, line) => {
        const parsed = await parse({ text: plain, html: `<p>${html}</p>`, subject: line });
        expect(parsed.text).toBe(asMailed(plain));
        expect(parsed.html).toBe(asMailed(`<p>${html}</p>`));
        expect(parsed.subject ?? '').toBe(line);
      }),
      { numRuns: 300 },
    );
  });

  it('keeps lines short, ends each with CRLF and uses ASCII only', () => {
    const long = `${'wörd '.repeat(400)}${'ö'.repeat(3000)}${'x'.repeat(5000)}`;
    for (const [words, limit] of [
      [long, 76],
      ['電影 '.repeat(2000), 76],
      [`${'x'.repeat(990)}\n`.repeat(5), 998],
      ['x'.repeat(5000), 76],
    ] as const) {
      const raw = toMime(mail({ text: words, html: words, subject: words.slice(0, 900).trim() }), options).toString(
        'latin1',
      );
      expect(raw).toMatch(/^[\t\r\n\x20-\x7e]*$/);
      expect(raw.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
      const body = raw.split('\r\n');
      // The name of the boundary's field is longer than other lines, and not folded.
      expect(
        Math.max(...body.filter((line) => !line.startsWith('Content-Type')).map((line) => line.length)),
      ).toBeLessThanOrEqual(limit);
    }
  });

  it('leaves plain ASCII readable, encodes few other characters one by one and many together', () => {
    const encodings = (html: string) =>
      lines({ text: 'a\n', html }).filter((line) => line.startsWith('Content-Transfer'));
    expect(encodings('<p>plain</p>')[1]).toBe('Content-Transfer-Encoding: 7bit');
    expect(encodings(`<p>caf\u00e9 ${'and so on '.repeat(20)}</p>`)[1]).toBe(
      'Content-Transfer-Encoding: quoted-printable',
    );
    expect(encodings('<p>電影電影電影</p>')[1]).toBe('Content-Transfer-Encoding: base64');
  });

  it('cannot be made to end a part early by a body that holds the boundary', async () => {
    const text = 'before\n--=_0a1b2c3d-0000-8000-8000-000000000002--\nafter\n';
    expect((await parse({ text })).text).toBe(text);
  });

  it.each(['\r\nBcc: eve@example.com', '\nBcc: eve@example.com', '\rBcc: eve@example.com', '\u0000x', '\u0085y'])(
    'lets nothing begin a field of its own: %j',
    async (evil) => {
      const parsed = await parse(
        { subject: `Hi${evil}`, from_name: `Lumen${evil}` },
        { extraHeaders: [['X-More', `a${evil}`]] },
      );
      expect(parsed.bcc).toBeUndefined();
      expect(parsed.headers.map((header) => header.key)).not.toContain('bcc');
      expect(parsed.subject).toMatch(/^Hi /);
    },
  );

  it.each([
    'b@example.com, evil@example.com',
    'b@example.com\r\nBcc: evil@example.com',
    'B <b@example.com>',
    'b@localhost',
    '',
    'b@example.com ',
  ])('refuses the recipient %j', (address) => {
    expect(() => toMime(mail({ address }), options)).toThrowError(expect.objectContaining({ code: 'invalid_address' }));
  });

  it('writes reply-to and further fields', async () => {
    const parsed = await parse(
      { reply_to: 'help@example.com' },
      {
        extraHeaders: [
          ['List-Unsubscribe', '<https://example.com/u/abc>'],
          ['List-Unsubscribe-Post', 'List-Unsubscribe=One-Click'],
        ],
      },
    );
    expect(parsed.replyTo).toEqual([{ name: '', address: 'help@example.com' }]);
    expect(parsed.headers).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ key: 'list-unsubscribe', value: '<https://example.com/u/abc>' }),
      ]),
    );
  });

  it.each([
    ['a reply-to that is several', { reply_to: 'a@example.com, b@example.com' }, {}],
    ['an id with a line break', { notification_id: 'a\r\nb' }, {}],
    ['a domain with a line break', {}, { mailDomain: 'example.com\r\nBcc: x' }],
    ['a sender without an address', {}, { mailFrom: 'Posthorn' }],
    ['a further field that is here already', {}, { extraHeaders: [['Bcc', 'eve@example.com']] as const }],
    ['a further field whose name is none', {}, { extraHeaders: [['X: a\r\nBcc', 'b']] as const }],
  ])('refuses %s', (_, changes, more) => {
    expect(() => toMime(mail(changes), { ...options, ...more })).toThrowError(
      expect.objectContaining({ code: 'invalid_mail' }),
    );
  });
});
