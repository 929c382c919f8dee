import fc from 'fast-check';
import PostalMime from 'postal-mime';
import { describe, expect, it } from 'vitest';
import { isUserId } from '../domain/ids.ts';
import { sampleMail } from '../tests/support/sample-mail.ts';
import { toMime } from './mime.ts';
import {
  readRequestOfLink,
  readUnsubscribeToken,
  testToken,
  toTestUnsubscribeUrl,
  toUnsubscribeHeaders,
  toUnsubscribeToken,
  toUnsubscribeUrl,
} from './unsubscribe.ts';

const secret = 'a secret of a few words';
const ada = { userId: 'ada', channel: 'email' as const };
const token = toUnsubscribeToken(secret, ada);
const requestId = '01890000-0000-7000-8000-00000000abcd';
const userIds = fc.string({
  unit: fc.constantFrom(...'ABCxyz019._:-'),
  minLength: 1,
  maxLength: 64,
});

describe('the token', () => {
  it('gives back who wants no more, for every id and channel', () => {
    fc.assert(
      fc.property(userIds, fc.constantFrom('email' as const, 'sms' as const), (userId, channel) => {
        const made = toUnsubscribeToken(secret, { userId, channel });
        expect(made).toMatch(/^[A-Za-z0-9_-]+\.[0-9a-f]{32}$/);
        expect(readUnsubscribeToken(secret, made)).toEqual({ userId, channel });
      }),
    );
  });

  it('is the same for the same person whenever it is made, and another for another channel', () => {
    expect(toUnsubscribeToken(secret, ada)).toBe(token);
    expect(toUnsubscribeToken(secret, { ...ada, channel: 'sms' })).not.toBe(token);
    // Links in mails that were sent must go on working: the form may be added to, never changed.
    expect(token).toBe('YWRh.653a61c331e9a35e74c581e52e4e0b20');
  });

  it('is worth nothing with one character changed, for another person or with another secret', () => {
    for (let at = 0; at < token.length; at += 1) {
      const changed = `${token.slice(0, at)}${token[at] === '0' ? '1' : '0'}${token.slice(at + 1)}`;
      expect(readUnsubscribeToken(secret, changed)).toBeUndefined();
    }
    const bob = Buffer.from('bob').toString('base64url');
    expect(readUnsubscribeToken(secret, `${bob}.${token.split('.')[1]}`)).toBeUndefined();
    expect(readUnsubscribeToken('another secret of words', token)).toBeUndefined();
  });

  it.each(['', '.', testToken, 'YWRh', 'YWRh.', `YWRh.${'é'.repeat(32)}`, `${token} `, `${token}\n`, `x${token}`])(
    'does not stumble over %j',
    (text) => {
      expect(readUnsubscribeToken(secret, text)).toBeUndefined();
    },
  );

  it('never reads an id that is none out of whatever is sent', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const read = readUnsubscribeToken(secret, `${Buffer.from(text).toString('base64url')}.${'0'.repeat(32)}`);
        expect(read === undefined || isUserId(read.userId)).toBe(true);
      }),
    );
  });
});

describe('the address', () => {
  it('says which request it came with, to nobody who changed a character of it', () => {
    const r = new URL(toUnsubscribeUrl('https://example.com', secret, ada, requestId)).searchParams.get('r') ?? '';
    expect(readRequestOfLink(secret, token, r)).toBe(requestId);
    for (let at = 0; at < r.length; at += 1) {
      const changed = `${r.slice(0, at)}${r[at] === '1' ? '2' : '1'}${r.slice(at + 1)}`;
      expect(readRequestOfLink(secret, token, changed)).toBeUndefined();
    }
    const bob = toUnsubscribeToken(secret, { userId: 'bob', channel: 'email' });
    expect(readRequestOfLink(secret, bob, r)).toBeUndefined();
    for (const text of ['', '.', 'x', `${r}\n`, 'A'.repeat(22)]) {
      expect(readRequestOfLink(secret, token, text)).toBeUndefined();
    }
  });

  it('stands under PUBLIC_URL, and test messages have one that means nobody', () => {
    const url = toUnsubscribeUrl('https://example.com/mail', secret, ada, requestId);
    expect(url).toMatch(
      new RegExp(`^https://example\\.com/mail/u/${token.replace('.', '\\.')}\\?r=[A-Za-z0-9_-]{22}\\.[0-9a-f]{16}$`),
    );
    expect(toTestUnsubscribeUrl('https://example.com')).toBe('https://example.com/u/test');
  });
});

describe('the headers', () => {
  const write = (url: string) =>
    toMime(sampleMail({ html: null }), {
      mailFrom: 'no-reply@example.com',
      mailDomain: 'example.com',
      extraHeaders: toUnsubscribeHeaders(url),
    });

  it('are those of RFC 8058, the address in one piece however long it is', async () => {
    const url = toUnsubscribeUrl(
      `https://${'mail.'.repeat(40)}example.com/a/b`,
      secret,
      {
        userId: 'x'.repeat(64),
        channel: 'email',
      },
      requestId,
    );
    expect(url.length).toBeGreaterThan(300);
    const lines = write(url).toString('latin1').split('\r\n');
    expect(lines).toContain(`List-Unsubscribe: <${url}>`);
    expect(lines).toContain('List-Unsubscribe-Post: List-Unsubscribe=One-Click');
    const parsed = await PostalMime.parse(write(url));
    expect(parsed.headers).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ key: 'list-unsubscribe', value: `<${url}>` }),
        expect.objectContaining({ key: 'list-unsubscribe-post', value: 'List-Unsubscribe=One-Click' }),
      ]),
    );
  });

  it.each([
    'javascript:alert(1)',
    'mailto:stop@example.com',
    'https://example.com/u/a b',
    'https://example.com/u/a>, <https://evil.example',
    'https://example.com/u/a\r\nBcc: eve@example.com',
    'https://exämple.com/u/a',
    'https://example.com/=?utf-8?Q?x?="',
    `https://example.com/${'x'.repeat(900)}`,
    '',
  ])('are refused for %j', (url) => {
    expect(() => toUnsubscribeHeaders(url)).toThrowError(expect.objectContaining({ code: 'invalid_mail' }));
  });
});
