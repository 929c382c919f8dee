// One kept connection to the mail server: a session over nodemailer's SMTPConnection, which speaks the protocol (RFC
// 5321, PIPELINING, STARTTLS, AUTH). What is ours: to know whether a body left, and which command an answer belongs to.
import type { Readable, Writable } from 'node:stream';
import SMTPConnection from 'nodemailer/lib/smtp-connection';
import { describeError } from '../../../lib/errors.ts';
import type { SmtpAnswer } from '../dispatch.ts';
import { SessionError, toSessionError } from './session-error.ts';
import type { SmtpSettings } from './smtp-settings.ts';

export interface Envelope {
  from: string;
  to: string;
}

export interface SmtpSession {
  readonly isUsable: boolean;
  /** One recipient, one transaction; never throws. The session can be used again while `isUsable`. */
  send(envelope: Envelope, message: Buffer, mayLeave: () => boolean): Promise<SmtpAnswer>;
  close(): void;
}

/**
 * Where TLS is required, nothing but EHLO and STARTTLS goes out before it, whatever the server says.
 * @throws SessionError saying what went wrong while connecting, greeting, encrypting or logging in
 */
export async function openSmtpSession(
  settings: SmtpSettings,
  onEnd: (session: SmtpSession) => void,
): Promise<SmtpSession> {
  const connection = new SMTPConnection({
    host: settings.host,
    port: settings.port,
    secure: settings.secure,
    // With smtps:// there is no STARTTLS, and nodemailer would refuse a server that knows only HELO.
    requireTLS: settings.tls === 'required' && !settings.secure,
    opportunisticTLS: settings.tls === 'opportunistic',
    ignoreTLS: settings.tls === 'off',
    tls: { rejectUnauthorized: settings.verifyCertificate },
    connectionTimeout: settings.connectTimeoutMs,
    greetingTimeout: settings.connectTimeoutMs,
    dnsTimeout: settings.connectTimeoutMs,
    socketTimeout: settings.answerTimeoutMs,
    socketCloseTimeout: 1_000,
    logger: false,
  });
  let usable = true;
  try {
    await orEnd(connection, (done) => connection.connect(done));
    // nodemailer has seen to it already. A password is worth a second look.
    if (settings.tls === 'required' && !connection.secure)
      throw new SessionError('no TLS', 'the session is not encrypted');
    if (settings.login) await logIn(connection, settings.login);
  } catch (error) {
    connection.close();
    throw toSessionError(error);
  }

  const session: SmtpSession = {
    get isUsable() {
      return usable;
    },
    async send(envelope, message, mayLeave) {
      const answer = await exchange(connection, envelope, message, mayLeave);
      if (answer.kind === 'broken' || answer.kind === 'too_late') connection.close();
      if (answer.kind !== 'reply') return answer;
      // A refused recipient leaves its transaction open, and the next MAIL would be out of sequence.
      if (answer.code === 421) connection.close();
      else if (answer.to !== 'message' && usable) await reset(connection);
      return answer;
    },
    close: () => {
      if (usable) connection.quit();
      else connection.close();
    },
  };
  // An idle server says goodbye by closing; an error that belongs to a message reaches its callback as well.
  connection.on('error', () => {
    usable = false;
  });
  connection.once('end', () => {
    usable = false;
    onEnd(session);
  });
  return session;
}

/** @throws what nodemailer gives, or an Error when the connection ends without an answer */
function orEnd(connection: SMTPConnection, begin: (done: (error?: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    connection.once('error', reject);
    connection.once('end', () => reject(new Error('the server closed the connection')));
    begin((error) => (error ? reject(error) : resolve()));
  });
}

/** Never sends without the log-in: a server that offers none would refuse the mails, or take them as a stranger's. */
async function logIn(connection: SMTPConnection, login: { user: string; pass: string }): Promise<void> {
  if (!connection.allowsAuth) {
    throw new SessionError('log-in not offered', 'SMTP_URL has a log-in, and the server offers none (no AUTH)');
  }
  await orEnd(connection, (done) => connection.login({ user: login.user, pass: login.pass }, done));
}

function exchange(
  connection: SMTPConnection,
  { from, to }: Envelope,
  message: Buffer,
  mayLeave: () => boolean,
): Promise<SmtpAnswer> {
  return new Promise((resolve) => {
    let handedOver = false;
    // nodemailer asks a stream for its bytes by calling pipe(), and does that only when the server has answered DATA with
    // 354. So this is the last moment before the body leaves. (A real Readable does the same for 30-40 µs more.)
    const body = {
      pipe(destination: Writable) {
        if (!mayLeave()) {
          // Closing in the middle of DATA makes the server throw away what it has (RFC 5321, 4.1.1.4).
          connection.close();
          resolve({ kind: 'too_late' });
          return;
        }
        handedOver = true;
        writeTogether(connection);
        destination.end(message);
      },
    };
    connection.send({ from, to: [to], size: message.length }, body as unknown as Readable, (error, info) => {
      if (!error) resolve({ kind: 'reply', to: 'message', code: codeOf(info.response), text: info.response });
      else resolve(toAnswer(error, handedOver));
    });
  });
}

/** nodemailer writes the body and the final dot apart: held back for this turn of the loop they leave as one packet. */
function writeTogether(connection: SMTPConnection): void {
  const socket = connection._socket;
  if (!socket) return;
  socket.cork();
  setImmediate(() => socket.uncork());
}

interface SmtpError extends Error {
  code?: string | undefined;
  command?: string | undefined;
  response?: string | undefined;
  responseCode?: number | undefined;
}

/** What nodemailer's errors mean: `command` names the phase, `responseCode` is there only when the server replied. */
function toAnswer(error: SmtpError, handedOver: boolean): SmtpAnswer {
  const { command, responseCode, response } = error;
  if (responseCode !== undefined && response !== undefined) {
    if (command === 'MAIL FROM') return { kind: 'reply', to: 'MAIL', code: responseCode, text: response };
    if (command === 'RCPT TO') return { kind: 'reply', to: 'RCPT', code: responseCode, text: response };
    if (command === 'DATA') {
      return { kind: 'reply', to: handedOver ? 'message' : 'DATA', code: responseCode, text: response };
    }
  } else if (error.code === 'EMESSAGE' && command === 'MAIL FROM') {
    return { kind: 'too_large', detail: error.message };
  }
  return { kind: 'broken', handedOver, connecting: false, detail: describeError(error) };
}

function reset(connection: SMTPConnection): Promise<void> {
  return new Promise((resolve) => {
    const end = () => resolve();
    connection.once('end', end);
    connection.reset((error) => {
      connection.removeListener('end', end);
      if (error) connection.close();
      resolve();
    });
  });
}

const codeOf = (response: string): number => Number(response.slice(0, 3)) || 0;
