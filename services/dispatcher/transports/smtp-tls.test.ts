// What never goes in clear: against servers that lie about TLS before, during and after STARTTLS.
import tls from 'node:tls';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createAuthority } from '../../../tests/support/certificates.ts';
import { type LyingMailServer, startLyingMailServer } from '../../../tests/support/lying-mail-server.ts';
import { readDispatcherConfig } from '../config.ts';
import { SmtpPool } from './smtp-pool.ts';

const envelope = { from: 'a@sender.example', to: 'b@people.example' };
const mail = Buffer.from('Subject: secret\r\n\r\nsecret\r\n');
const harmless = /^(EHLO|HELO|STARTTLS|QUIT|RSET)\b/;

/** As the dispatcher would send by these settings: one mail, by a connection of its own. */
async function send(server: LyingMailServer, env: Record<string, string>, user = '') {
  const { smtp } = readDispatcherConfig({
    KAFKA_BROKERS: 'kafka:9092',
    SCHEMA_REGISTRY_URL: 'http://registry/apis',
    DATABASE_URL: 'postgres://db/posthorn',
    SMS_GATEWAY_URL: 'http://sms.example/sms',
    SMTP_URL: server.smtpUrl.replace('//', `//${user}`),
    SMTP_ANSWER_TIMEOUT_MS: '500',
    SMTP_CONNECT_TIMEOUT_MS: '500',
    ...env,
  });
  const pool = new SmtpPool({ smtp, maxConnections: 1, maxMessagesPerConnection: 10, idleCloseMs: 60_000 });
  onTestFinished(() => pool.stop());
  const answer = await pool.send(envelope, mail, () => true);
  return { answer, fault: pool.fault };
}

/** Whatever asks for TLS. */
const asking = [
  { name: 'a log-in', user: 'posthorn:secret@', env: { SMTP_VERIFY_CERTIFICATE: 'false' } },
  { name: 'SMTP_VERIFY_CERTIFICATE', user: '', env: { SMTP_VERIFY_CERTIFICATE: 'true' } },
  { name: 'SMTP_TLS=required', user: '', env: { SMTP_TLS: 'required', SMTP_VERIFY_CERTIFICATE: 'false' } },
];

const lies: { name: string; begin(server: LyingMailServer): void }[] = [
  { name: 'offers no STARTTLS', begin: () => {} },
  {
    name: 'knows no EHLO, and welcomes HELO',
    begin: (server) => {
      server.interrupt = (moment) => (moment === 'EHLO' ? { say: '500 5.5.1 what?' } : undefined);
    },
  },
  {
    name: 'offers a log-in in clear in place of STARTTLS',
    begin: (server) => {
      server.interrupt = (moment) =>
        moment === 'EHLO' ? { say: '250-lying.example\r\n250-PIPELINING\r\n250 AUTH PLAIN LOGIN' } : undefined;
    },
  },
  ...['454 4.7.0 TLS not available', '502 5.5.1 not here', '250 2.0.0 Ok, go on in clear', '334 ', 'well'].map(
    (reply) => ({
      name: `answers STARTTLS with "${reply}"`,
      begin: (server: LyingMailServer) => {
        server.offersStartTls = true;
        server.interrupt = (moment) => (moment === 'STARTTLS' ? { say: reply } : undefined);
      },
    }),
  ),
  {
    name: 'says 220 to STARTTLS and goes on in clear',
    begin: (server) => {
      server.offersStartTls = true;
      server.interrupt = (moment) =>
        moment === 'STARTTLS' ? { say: '220 2.0.0 Go\r\n250-lying.example\r\n250 AUTH PLAIN' } : undefined;
    },
  },
  {
    name: 'hangs up at STARTTLS',
    begin: (server) => {
      server.offersStartTls = true;
      server.interrupt = (moment) => (moment === 'STARTTLS' ? { say: '220 2.0.0 Go', close: true } : undefined);
    },
  },
  {
    name: 'has answered everything before it was asked',
    begin: (server) => {
      server.interrupt = (moment) =>
        moment === 'greeting'
          ? {
              say: '220 lying.example\r\n250-lying.example\r\n250 AUTH PLAIN\r\n235 welcome\r\n250 Ok\r\n250 Ok\r\n354 go',
            }
          : undefined;
    },
  },
];

describe.each(asking)('with $name nothing goes in clear to a server that', ({ user, env }) => {
  it.each(lies)('$name', async ({ begin }) => {
    const server = await startLyingMailServer();
    server.authReply = '235 2.7.0 welcome';
    begin(server);
    const { answer } = await send(server, env, user);
    expect(answer).toMatchObject({ kind: 'broken', handedOver: false, connecting: true });
    expect(server.clearLines.filter((line) => !harmless.test(line) && !line.startsWith('\u0016'))).toEqual([]);
    expect(server.clearLines.join('\n')).not.toMatch(/AUTH|MAIL|secret|c2VjcmV0/i);
    expect(server.taken).toEqual([]);
  });
});

describe('answers that came before TLS', () => {
  const cases = [
    { injected: '250-lying.example\r\n250 AUTH PLAIN LOGIN', fault: 'log-in not offered' },
    { injected: '235 2.7.0 welcome\r\n250 2.1.0 Ok\r\n354 go ahead', fault: 'log-in not offered' },
    // Half a reply: its end is waited for, until the time is up.
    { injected: '250-lying.example\r\n250-AUTH PLAIN', fault: undefined },
  ];
  it.each(cases)('are forgotten: $injected', async ({ injected, fault }) => {
    const server = await startLyingMailServer();
    server.offersStartTls = true;
    server.interrupt = (moment) =>
      moment === 'STARTTLS' ? { say: `220 2.0.0 Go\r\n${injected}`, encrypts: true } : undefined;
    const result = await send(server, { SMTP_VERIFY_CERTIFICATE: 'false' }, 'posthorn:secret@');
    expect(result).toMatchObject({ fault, answer: { kind: 'broken', handedOver: false, connecting: true } });
    expect(server.taken).toEqual([]);
  });
});

describe('a server that is what it says', () => {
  it.each(asking.filter(({ env }) => env.SMTP_VERIFY_CERTIFICATE === 'false'))(
    'gets log-in and mail encrypted: $name',
    async ({ user, env }) => {
      const server = await startLyingMailServer();
      server.offersStartTls = true;
      server.authReply = '235 2.7.0 welcome';
      const { answer, fault } = await send(server, env, user);
      expect(answer).toMatchObject({ kind: 'reply', to: 'message', code: 250 });
      expect(fault).toBeUndefined();
      expect(server.clearLines.filter((line) => !/^(EHLO|STARTTLS)/.test(line))).toEqual([]);
    },
  );

  it('must have a certificate that is trusted and made for its name, where TLS is required', async () => {
    const authority = createAuthority('The authority of this test');
    const before = tls.getCACertificates('default');
    const server = await startLyingMailServer({ certificate: authority.issue() });
    server.offersStartTls = true;
    for (const [user, env] of [
      ['', { SMTP_TLS: 'required' }],
      ['', { SMTP_VERIFY_CERTIFICATE: '1' }],
      ['posthorn:secret@', {}],
    ] as const) {
      server.authReply = '235 2.7.0 welcome';
      expect(await send(server, env, user)).toMatchObject({
        fault: 'certificate not trusted',
        answer: { kind: 'broken', detail: expect.stringContaining('SMTP_VERIFY_CERTIFICATE') },
      });
    }
    expect(server.taken).toEqual([]);
    tls.setDefaultCACertificates([...before, authority.certificate]);
    onTestFinished(() => tls.setDefaultCACertificates(before));
    expect(await send(server, {}, 'posthorn:secret@')).toMatchObject({ answer: { kind: 'reply', code: 250 } });
    // 127.0.0.2 is not in it.
    const elsewhere = { SMTP_URL: `smtp://posthorn:secret@127.0.0.2:${server.port}` };
    expect((await send(server, elsewhere)).answer.kind).toBe('broken');
    expect(server.taken.length).toBe(1);
  });

  it('is sent to in clear where SMTP_TLS is off, though it offers to encrypt', async () => {
    const server = await startLyingMailServer();
    server.offersStartTls = true;
    expect((await send(server, { SMTP_TLS: 'off' })).answer).toMatchObject({ kind: 'reply', code: 250 });
    expect(server.clearLines.some((line) => line.startsWith('MAIL'))).toBe(true);
    expect(server.clearLines).not.toContain('STARTTLS');
  });

  it('is sent to without a log-in and in clear where nothing asks for more and it cannot encrypt', async () => {
    for (const refusal of [undefined, 'EHLO', 'STARTTLS']) {
      const server = await startLyingMailServer();
      server.offersStartTls = refusal === 'STARTTLS';
      server.interrupt = (moment) => (moment === refusal ? { say: '502 5.5.1 not here' } : undefined);
      expect((await send(server, {})).answer).toMatchObject({ kind: 'reply', code: 250 });
    }
  });
});

describe('the log-in', () => {
  const cases: { name: string; reply?: string; close?: boolean; fault?: string }[] = [
    { name: 'that is not offered', fault: 'log-in not offered' },
    { name: 'that is refused', reply: '535 5.7.8 wrong password', fault: 'log-in refused' },
    { name: 'that needs another mechanism', reply: '504 5.5.4 not that one', fault: 'log-in refused' },
    { name: 'that is refused for now', reply: '454 4.7.0 try later', fault: 'log-in refused' },
    { name: 'at which the server leaves', reply: '421 4.3.2 going down' },
  ];
  it.each(cases)('$name keeps every mail from going, and says why', async ({ reply, fault }) => {
    const server = await startLyingMailServer();
    server.offersStartTls = true;
    server.authReply = reply;
    const result = await send(server, { SMTP_VERIFY_CERTIFICATE: 'false' }, 'posthorn:secret@');
    expect(result.answer).toMatchObject({ kind: 'broken', handedOver: false, connecting: true });
    expect(result.fault).toBe(fault);
    expect(JSON.stringify(result)).not.toMatch(/secret|c2VjcmV0/);
    expect(server.taken).toEqual([]);
  });
});
