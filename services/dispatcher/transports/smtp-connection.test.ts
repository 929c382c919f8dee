import type { AddressInfo } from 'node:net';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openSmtpSession } from './smtp-connection.ts';
import { SmtpPool } from './smtp-pool.ts';
import type { SmtpSettings } from './smtp-settings.ts';

interface Seen {
  secure: boolean;
  user: string | undefined;
  size: number;
}

/** A well-behaved server with a certificate of its own making. */
async function startServer(options: SMTPServerOptions = {}): Promise<{ settings: SmtpSettings; seen: Seen[] }> {
  const seen: Seen[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disableReverseLookup: true,
    closeTimeout: 50,
    onAuth: ({ username, password }, _session, answer) =>
      password === 'right' ? answer(null, { user: username ?? '' }) : answer(new Error('no')),
    onData(stream, session, answer) {
      let size = 0;
      stream.on('data', (part: Buffer) => {
        size += part.length;
      });
      stream.on('end', () => {
        seen.push({ secure: session.secure, user: session.user || undefined, size });
        answer();
      });
    },
    ...options,
  });
  server.on('error', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => new Promise<void>((resolve) => server.close(resolve)));
  const { port } = server.server.address() as AddressInfo;
  return {
    seen,
    settings: {
      host: '127.0.0.1',
      port,
      secure: false,
      tls: 'opportunistic',
      verifyCertificate: false,
      login: undefined,
      connectTimeoutMs: 5_000,
      answerTimeoutMs: 5_000,
    },
  };
}

const envelope = { from: 'a@sender.example', to: 'b@people.example' };
const mail = Buffer.from('Subject: hello\r\n\r\n.a line that begins with a dot\r\n');

async function sendOne(settings: SmtpSettings, mayLeave = () => true) {
  const session = await openSmtpSession(settings, () => {});
  onTestFinished(() => session.close());
  return { session, answer: await session.send(envelope, mail, mayLeave) };
}

describe('a session', () => {
  it('is encrypted where the server offers STARTTLS', async () => {
    const { settings, seen } = await startServer();
    const { answer } = await sendOne(settings);
    expect(answer).toMatchObject({ kind: 'reply', to: 'message', code: 250 });
    expect(seen).toEqual([{ secure: true, user: undefined, size: mail.length }]);
  });

  it('is plain where it does not', async () => {
    const { settings, seen } = await startServer({ disabledCommands: ['STARTTLS'] });
    await sendOne(settings);
    expect(seen[0]?.secure).toBe(false);
  });

  it('is not opened with a certificate that cannot be trusted, when that is asked for', async () => {
    const { settings, seen } = await startServer();
    await expect(sendOne({ ...settings, verifyCertificate: true })).rejects.toThrow(/certificate/);
    expect(seen).toEqual([]);
  });

  it('speaks TLS from the first byte with smtps://', async () => {
    const { settings, seen } = await startServer({ secure: true });
    await sendOne({ ...settings, secure: true });
    expect(seen[0]?.secure).toBe(true);
  });

  it('logs in, and says so when that is refused', async () => {
    const { settings, seen } = await startServer();
    await sendOne({ ...settings, login: { user: 'ada', pass: 'right' } });
    expect(seen[0]?.user).toBe('ada');
    await expect(sendOne({ ...settings, login: { user: 'ada', pass: 'wrong' } })).rejects.toThrow(/login/i);
  });

  it('sends nothing when it may not at the last moment, and is over then', async () => {
    const { settings, seen } = await startServer();
    const { session, answer } = await sendOne(settings, () => false);
    expect(answer).toEqual({ kind: 'too_late' });
    expect(session.isUsable).toBe(false);
    expect(seen).toEqual([]);
  });

  it('does not try what is larger than the server said it takes', async () => {
    const { settings, seen } = await startServer({ size: 20 });
    const { answer, session } = await sendOne(settings);
    expect(answer.kind).toBe('too_large');
    expect(seen).toEqual([]);
    expect(session.isUsable).toBe(true);
  });
});

describe('a pool', () => {
  it('keeps its connections, opens no more than it may, and begins anew after so many messages', async () => {
    let openCount = 0;
    const { settings, seen } = await startServer({
      disabledCommands: ['STARTTLS'],
      onConnect: (_session, answer) => {
        openCount += 1;
        answer();
      },
    });
    const counts: number[] = [];
    const pool = new SmtpPool({
      smtp: settings,
      maxConnections: 3,
      maxMessagesPerConnection: 10,
      idleCloseMs: 60_000,
      onConnectionCount: (count) => counts.push(count),
    });
    onTestFinished(() => pool.stop());
    const answers = await Promise.all(Array.from({ length: 60 }, () => pool.send(envelope, mail, () => true)));
    expect(answers.every(({ kind }) => kind === 'reply')).toBe(true);
    expect(seen.length).toBe(60);
    expect(Math.max(...counts)).toBe(3);
    expect(openCount).toBeGreaterThanOrEqual(6);
    expect(openCount).toBeLessThanOrEqual(9);
  });

  it('sends by one that has become free when the server refuses another', async () => {
    let openCount = 0;
    let refuse: (error: Error) => void = () => {};
    const { settings } = await startServer({
      disabledCommands: ['STARTTLS'],
      onConnect(_session, answer) {
        openCount += 1;
        if (openCount === 1) answer();
        else refuse = answer;
      },
    });
    const pool = new SmtpPool({
      smtp: settings,
      maxConnections: 2,
      maxMessagesPerConnection: 10,
      idleCloseMs: 60_000,
    });
    onTestFinished(() => pool.stop());
    const first = pool.send(envelope, mail, () => true);
    const second = pool.send(envelope, mail, () => true);
    expect(await first).toMatchObject({ kind: 'reply', to: 'message' });
    await expect.poll(() => openCount).toBe(2);
    refuse(new Error('one is enough'));
    expect(await second).toMatchObject({ kind: 'reply', to: 'message' });
  });

  it('closes connections that nobody used for a while', async () => {
    const { settings } = await startServer({ disabledCommands: ['STARTTLS'] });
    const counts: number[] = [];
    const pool = new SmtpPool({
      smtp: settings,
      maxConnections: 3,
      maxMessagesPerConnection: 10,
      idleCloseMs: 100,
      onConnectionCount: (count) => counts.push(count),
    });
    onTestFinished(() => pool.stop());
    await pool.send(envelope, mail, () => true);
    await expect.poll(() => counts.at(-1), { timeout: 5_000 }).toBe(0);
  });

  it('says that nothing was handed over when there is no server, to all who wait', async () => {
    const { settings } = await startServer();
    const pool = new SmtpPool({
      smtp: { ...settings, port: 1 },
      maxConnections: 2,
      maxMessagesPerConnection: 10,
      idleCloseMs: 60_000,
    });
    const answers = await Promise.all(Array.from({ length: 5 }, () => pool.send(envelope, mail, () => true)));
    for (const answer of answers) expect(answer).toMatchObject({ kind: 'broken', handedOver: false, connecting: true });
    await expect(pool.probe()).rejects.toThrow('no session with the mail server at 127.0.0.1:1');
  });
});
