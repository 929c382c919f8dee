// The server's half of one SMTP connection (RFC 5321), bytes in, replies out: only what a bench needs, at a few
// microseconds a mail. Takes pipelined commands (RFC 2920). No I/O.

export interface SinkMail {
  /** The header, without the empty line after it, one character a byte. */
  header: string;
  recipients: readonly string[];
  /** As sent over the wire, dots doubled, without the final dot. */
  raw: Buffer;
}

export interface SmtpAnswer {
  /** To be written as one piece; empty when nothing is to be said yet. */
  replies: string;
  /** The client said goodbye: close once the replies are written. */
  isOver: boolean;
}

const endOfMail = '\r\n.\r\n';
// RFC 5321, 4.5.3.1.4: 512 octets; generous, for extensions make lines longer.
const maxLineBytes = 4_096;
const maxMailBytes = 10 * 1024 * 1024;

export const greeting = '220 sink ESMTP\r\n';
const hello = `250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE ${maxMailBytes}\r\n`;

/** @returns what takes the connection's bytes, in whatever pieces they come */
export function createSmtpSession(onMail: (mail: SinkMail) => void): (chunk: Buffer) => SmtpAnswer {
  let pending: Buffer = Buffer.alloc(0);
  let isInMail = false;
  /** Up to here the pending bytes hold no end of the mail. */
  let searchedBytes = 0;
  let hasSender = false;
  let recipients: string[] = [];

  const startTransaction = (sender: boolean) => {
    hasSender = sender;
    recipients = [];
  };

  /** False when the mail is not complete yet. */
  const takeMail = (): boolean => {
    // The line break that ends the DATA command is the first one of an empty mail's end.
    const isEmpty = pending.subarray(0, 3).equals(Buffer.from('.\r\n'));
    const end = isEmpty ? 0 : pending.indexOf(endOfMail, searchedBytes, 'latin1');
    if (end === -1) {
      searchedBytes = Math.max(0, pending.length - endOfMail.length + 1);
      return false;
    }
    const raw = pending.subarray(0, isEmpty ? 0 : end + 2);
    pending = pending.subarray(end + (isEmpty ? 3 : endOfMail.length));
    onMail({ header: headerOf(raw), recipients, raw });
    isInMail = false;
    startTransaction(false);
    return true;
  };

  const answerCommand = (line: string): string => {
    const verb = line.slice(0, 4).toUpperCase();
    switch (verb) {
      case 'EHLO':
        startTransaction(false);
        return hello;
      case 'HELO':
        startTransaction(false);
        return '250 sink\r\n';
      case 'MAIL':
        if (hasSender) return '503 5.5.1 one sender a mail\r\n';
        startTransaction(true);
        return '250 2.1.0 ok\r\n';
      case 'RCPT':
        if (!hasSender) return '503 5.5.1 first say who sends\r\n';
        recipients.push(line.slice(line.indexOf('<') + 1, line.lastIndexOf('>')));
        return '250 2.1.5 ok\r\n';
      case 'DATA':
        if (recipients.length === 0) return '503 5.5.1 first say who receives\r\n';
        isInMail = true;
        searchedBytes = 0;
        return '354 go on\r\n';
      case 'RSET':
        startTransaction(false);
        return '250 2.0.0 ok\r\n';
      case 'NOOP':
        return '250 2.0.0 ok\r\n';
      case 'QUIT':
        return '221 2.0.0 bye\r\n';
      default:
        return '502 5.5.1 not known here\r\n';
    }
  };

  return (chunk) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    let replies = '';
    for (;;) {
      if (isInMail) {
        if (takeMail()) {
          replies += '250 2.0.0 taken\r\n';
          continue;
        }
        if (pending.length > maxMailBytes) return { replies: `${replies}552 5.3.4 too large\r\n`, isOver: true };
        return { replies, isOver: false };
      }
      const end = pending.indexOf('\r\n', 0, 'latin1');
      if (end === -1) {
        const isTooLong = pending.length > maxLineBytes;
        return { replies: isTooLong ? `${replies}500 5.5.2 line too long\r\n` : replies, isOver: isTooLong };
      }
      const reply = answerCommand(pending.toString('latin1', 0, end));
      pending = pending.subarray(end + 2);
      replies += reply;
      if (reply.startsWith('221')) return { replies, isOver: true };
    }
  };
}

function headerOf(raw: Buffer): string {
  const end = raw.indexOf('\r\n\r\n', 0, 'latin1');
  return raw.toString('latin1', 0, end === -1 ? raw.length : end);
}

/** The mail as its sender composed it: a dot at the beginning of a line was added for the way (RFC 5321, 4.5.2). */
export function withoutDotStuffing(raw: Buffer): Buffer {
  return Buffer.from(raw.toString('latin1').replace(/(^|\r\n)\./g, '$1'), 'latin1');
}

/** The id between the brackets; undefined when the header has none. */
export function messageIdOf(header: string): string | undefined {
  return /(?:^|\n)message-id:\s*<([^>]+)>/i.exec(header)?.[1];
}
