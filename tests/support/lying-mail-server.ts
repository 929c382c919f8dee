// A mail server that misbehaves on demand, in every way that a real one has been seen to. It speaks raw SMTP on a port of
// its own, and counts by Message-ID what it has taken, whatever it then answered.

import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { onTestFinished } from 'vitest';
import { createAuthority } from './certificates.ts';

/** What it does with one transaction. */
export type Behaviour =
  | { kind: 'accept' }
  /** The whole reply to RCPT, DATA or the final dot, such as `550 5.1.1 no such user`. */
  | { kind: 'reply'; to: 'MAIL' | 'RCPT' | 'DATA' | 'message'; with: string }
  /** Closes the connection instead of answering; after `message` it has taken the mail. */
  | { kind: 'drop'; at: 'RCPT' | 'DATA' | 'message' }
  /** Says nothing any more. */
  | { kind: 'freeze'; at: 'message' }
  /** Takes its time with the answer to the final dot, `250` when not given. */
  | { kind: 'slow'; delayMs: number; with?: string }
  /** Answers the final dot when a test lets it. */
  | { kind: 'held'; until: Promise<unknown> };

/** When a server can say something else than it should; `message` is the final dot. */
export type Moment = 'greeting' | 'EHLO' | 'HELO' | 'STARTTLS' | 'AUTH' | 'MAIL' | 'RCPT' | 'DATA' | 'message';

/** The whole reply, or none; `close` hangs up after it, otherwise it talks on. */
export interface Interruption {
  say?: string;
  close?: boolean;
  /** With `message`: it has taken the mail all the same. */
  takes?: boolean;
  /** With `STARTTLS`: it encrypts after what it said, which may be more than one reply. */
  encrypts?: boolean;
}

export interface LyingMailServer {
  readonly smtpUrl: string;
  readonly port: number;
  /** Of every transaction, by its recipient; `accept` when not set. */
  behave: (to: string) => Behaviour;
  /** When set, the greeting: `421 too busy` closes at once. */
  greeting: string | undefined;
  /**
   * Asked before everything else; undefined lets things go on as usual. The recipient is known from RCPT on, the line of a
   * command always.
   */
  interrupt: ((moment: Moment, to: string, line: string) => Interruption | undefined) | undefined;
  /** Offers STARTTLS in clear, and encrypts. */
  offersStartTls: boolean;
  /** Offers AUTH, and answers it so. */
  authReply: string | undefined;
  /** Every line that came in clear. */
  readonly clearLines: readonly string[];
  /** Mails whose body came whole, in order: recipient and Message-ID without brackets. */
  readonly taken: readonly { to: string; from: string; messageId: string; body: string }[];
  timesTaken(messageId: string): number;
  readonly connectionCount: number;
  readonly greetedCount: number;
  /** Bodies that it asked for and that have not ended, with their last dot or their connection. */
  readonly openBodyCount: number;
  stop(): Promise<void>;
  /** On the same port again. */
  start(): Promise<void>;
}

/** To be called inside a test; stopped with it. */
export async function startLyingMailServer(
  options: {
    pipelining?: boolean;
    maxConnections?: number;
    /** For TLS; by an authority that nobody knows when not given. */
    certificate?: { certificate: string; privateKey: string };
  } = {},
): Promise<LyingMailServer> {
  const taken: { to: string; from: string; messageId: string; body: string }[] = [];
  const clearLines: string[] = [];
  const sockets = new Set<Socket>();
  let server: Server | undefined;
  let port = 0;
  let greetedCount = 0;
  let openBodyCount = 0;

  const lying: LyingMailServer = {
    get smtpUrl() {
      return `smtp://127.0.0.1:${port}`;
    },
    get port() {
      return port;
    },
    behave: () => ({ kind: 'accept' }),
    greeting: undefined,
    interrupt: undefined,
    offersStartTls: false,
    authReply: undefined,
    clearLines,
    taken,
    timesTaken: (id) => taken.filter(({ messageId }) => messageId === id).length,
    get connectionCount() {
      return sockets.size;
    },
    get greetedCount() {
      return greetedCount;
    },
    get openBodyCount() {
      return openBodyCount;
    },
    async stop() {
      const stopping = server;
      server = undefined;
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => (stopping ? stopping.close(() => resolve()) : resolve()));
    },
    async start() {
      const started = createServer((socket) => talk(socket));
      await new Promise<void>((resolve, reject) => {
        started.once('error', reject);
        started.listen(port, '127.0.0.1', resolve);
      });
      port = (started.address() as AddressInfo).port;
      server = started;
    },
  };
  await lying.start();
  onTestFinished(() => lying.stop());
  return lying;

  function talk(connection: Socket): void {
    let socket = connection;
    let inBody = false;
    sockets.add(connection);
    socket.setNoDelay(true);
    socket.on('error', () => {});
    connection.on('close', () => {
      sockets.delete(connection);
      if (inBody) openBodyCount -= 1;
      inBody = false;
    });
    const say = (line: string) => socket.write(`${line}\r\n`);
    if (options.maxConnections !== undefined && sockets.size > options.maxConnections) {
      socket.end('421 4.7.0 too many connections\r\n');
      return;
    }
    greetedCount += 1;
    if (lying.greeting !== undefined) {
      socket.end(`${lying.greeting}\r\n`);
      return;
    }
    /** @returns whether nothing else is to be said */
    function isInterrupted(moment: Moment, to: string, line = ''): boolean {
      const interruption = lying.interrupt?.(moment, to, line);
      if (!interruption) return false;
      if (interruption.say !== undefined) say(interruption.say);
      if (interruption.encrypts) encrypt();
      if (interruption.close) socket.destroySoon();
      return true;
    }
    if (isInterrupted('greeting', '')) return;
    say('220 lying.example ESMTP');

    let input = '';
    let from = '';
    let to = '';
    let isOpen = false;
    let rejected = false;
    let behaviour: Behaviour = { kind: 'accept' };
    const read = (chunk: Buffer) => {
      input += chunk.toString('latin1');
      while (!socket.destroyed && !socket.writableEnded) {
        if (inBody) {
          const end = input.indexOf('\r\n.\r\n');
          if (end < 0) return;
          const body = input.slice(0, end);
          input = input.slice(end + 5);
          inBody = false;
          openBodyCount -= 1;
          isOpen = false;
          endOfMessage(body);
          continue;
        }
        const end = input.indexOf('\r\n');
        if (end < 0) return;
        const line = input.slice(0, end);
        input = input.slice(end + 2);
        if (socket === connection) clearLines.push(line);
        command(line);
      }
    };
    socket.on('data', read);

    function encrypt(): void {
      input = '';
      connection.removeListener('data', read);
      const { certificate: cert, privateKey: key } = options.certificate ?? unknownCertificate();
      socket = new TLSSocket(connection, { isServer: true, cert, key });
      socket.on('error', () => connection.destroy());
      socket.on('data', read);
    }

    function command(line: string): void {
      const verb = line.slice(0, 4).toUpperCase();
      if (verb === 'RCPT') to = /<([^>]*)>/.exec(line)?.[1] ?? '';
      const moment = verb === 'STAR' ? 'STARTTLS' : (verb as Moment);
      if (
        ['EHLO', 'HELO', 'STARTTLS', 'AUTH', 'MAIL', 'RCPT', 'DATA'].includes(moment) &&
        isInterrupted(moment, to, line)
      )
        return;
      if (verb === 'EHLO') {
        const extensions = [
          ...(options.pipelining === false ? [] : ['PIPELINING']),
          ...(lying.offersStartTls && socket === connection ? ['STARTTLS'] : []),
          ...(lying.authReply === undefined ? [] : ['AUTH PLAIN LOGIN']),
          'SIZE 10240000',
        ];
        say(
          `250-lying.example\r\n${extensions.map((name, at) => `250${at === extensions.length - 1 ? ' ' : '-'}${name}`).join('\r\n')}`,
        );
      } else if (verb === 'HELO') say('250 lying.example');
      else if (verb === 'STAR' && lying.offersStartTls) {
        say('220 2.0.0 Ready to start TLS');
        encrypt();
      } else if (verb === 'AUTH') say(lying.authReply ?? '503 5.5.1 no AUTH here');
      else if (verb === 'MAIL') {
        if (isOpen) return void say('503 5.5.1 nested MAIL command');
        from = /<([^>]*)>/.exec(line)?.[1] ?? '';
        // To whom it goes is only known at RCPT; what is meant for MAIL is meant for everybody.
        behaviour = lying.behave('');
        if (behaviour.kind === 'reply' && behaviour.to === 'MAIL') return void say(behaviour.with);
        isOpen = true;
        rejected = true;
        say('250 2.1.0 Ok');
      } else if (verb === 'RCPT') {
        if (!isOpen) return void say('503 5.5.1 need MAIL command');
        behaviour = lying.behave(to);
        if (behaviour.kind === 'drop' && behaviour.at === 'RCPT') return void socket.destroy();
        if (behaviour.kind === 'reply' && behaviour.to === 'RCPT') return void say(behaviour.with);
        rejected = false;
        say('250 2.1.5 Ok');
      } else if (verb === 'DATA') {
        if (!isOpen || rejected) return void say('503 5.5.1 need RCPT command');
        if (behaviour.kind === 'drop' && behaviour.at === 'DATA') return void socket.destroy();
        if (behaviour.kind === 'reply' && behaviour.to === 'DATA') return void say(behaviour.with);
        inBody = true;
        openBodyCount += 1;
        say('354 go ahead');
      } else if (verb === 'RSET') {
        isOpen = false;
        say('250 2.0.0 Ok');
      } else if (verb === 'QUIT') socket.end('221 2.0.0 Bye\r\n');
      else say('500 5.5.2 what?');
    }

    function endOfMessage(body: string): void {
      const answered = behaviour;
      const mail = { to, from, body, messageId: /^message-id:\s*<([^@>]*)@/im.exec(body)?.[1] ?? '' };
      const interruption = lying.interrupt?.('message', to, '');
      if (interruption) {
        if (interruption.takes) taken.push(mail);
        if (interruption.say !== undefined) say(interruption.say);
        if (interruption.close) socket.destroySoon();
        return;
      }
      if (answered.kind !== 'reply') taken.push(mail);
      if (answered.kind === 'drop') socket.destroy();
      else if (answered.kind === 'reply') say(answered.with);
      else if (answered.kind === 'held') void answered.until.then(() => say('250 2.0.0 Ok: queued'));
      else if (answered.kind === 'slow') {
        setTimeout(() => say(answered.with ?? '250 2.0.0 Ok: queued'), answered.delayMs);
      } else if (answered.kind === 'accept') say('250 2.0.0 Ok: queued');
    }
  }
}

let made: { certificate: string; privateKey: string } | undefined;

function unknownCertificate() {
  made ??= createAuthority('Nobody knows it').issue();
  return made;
}
