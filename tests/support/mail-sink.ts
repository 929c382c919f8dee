// A mail server that takes thousands of mails and remembers who got which: doubles show by their Message-ID. It can be
// stopped and started again on the same port; what it took stays known, as it would on a disk.
import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';

export interface SinkMail {
  to: string;
  /** Without the angle brackets. */
  messageId: string;
  subject: string;
  receivedAtMs: number;
}

export interface MailSink {
  readonly smtpUrl: string;
  /** In the order in which they were taken. */
  readonly mails: readonly SinkMail[];
  /** Message-IDs that were taken more than once, with how often. */
  doubles(): Map<string, number>;
  stop(): Promise<void>;
  start(): Promise<void>;
}

export async function startMailSink(): Promise<MailSink> {
  const mails: SinkMail[] = [];
  let port = 0;
  let server: SMTPServer | undefined;

  async function start(): Promise<void> {
    const started = createServer((mail) => mails.push(mail));
    await new Promise<void>((resolve, reject) => {
      started.once('error', reject);
      started.listen(port, '127.0.0.1', resolve);
    });
    // A client that leaves in the middle of a mail is no fault of the sink's.
    started.on('error', () => {});
    port = (started.server.address() as AddressInfo).port;
    server = started;
  }

  await start();
  return {
    smtpUrl: `smtp://127.0.0.1:${port}`,
    mails,
    doubles() {
      const counts = new Map<string, number>();
      for (const { messageId } of mails) counts.set(messageId, (counts.get(messageId) ?? 0) + 1);
      return new Map([...counts].filter(([, count]) => count > 1));
    },
    async stop() {
      const stopping = server;
      server = undefined;
      await new Promise<void>((resolve) => (stopping ? stopping.close(resolve) : resolve()));
    },
    start,
  };
}

function createServer(keep: (mail: SinkMail) => void): SMTPServer {
  return new SMTPServer({
    authOptional: true,
    disabledCommands: ['AUTH', 'STARTTLS'],
    disableReverseLookup: true,
    // How long the connections of others may stay once it is told to stop.
    closeTimeout: 50,
    onData(stream, session, answer) {
      const parts: Buffer[] = [];
      stream.on('data', (part: Buffer) => parts.push(part));
      stream.on('end', () => {
        const head = Buffer.concat(parts).toString('utf8').split('\r\n\r\n', 1)[0] ?? '';
        keep({
          to: session.envelope.rcptTo.map(({ address }) => address).join(','),
          messageId: /^message-id:\s*<([^>]*)>/im.exec(head)?.[1] ?? '',
          subject: /^subject:\s*(.*)$/im.exec(head)?.[1] ?? '',
          receivedAtMs: Date.now(),
        });
        answer();
      });
    },
  });
}
