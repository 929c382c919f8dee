// What a reply of a mail server speaks of: this recipient, this message, or us. The table is domain/smtp-table.ts; what
// follows for the message is decided in services/dispatcher/dispatch.ts.
import { type Row, smtpTable } from './smtp-table.ts';

/** The command that was answered; `message` is the reply to the final dot. */
export type SmtpStage = 'MAIL' | 'RCPT' | 'DATA' | 'message';

/**
 * `recipient`: the address does not exist or cannot be reached. `mailbox`: it exists and takes nothing. `content`: this
 * message. `sender`: our sender address. `host`: our host, its name, reputation or log-in. `transport`: the server's own
 * state. `doubt`: it may be any of these.
 */
export type About = 'recipient' | 'mailbox' | 'content' | 'sender' | 'host' | 'transport' | 'doubt';

export interface SmtpReply {
  to: SmtpStage;
  code: number;
  /** The whole reply, of one or several lines. */
  text: string;
}

export interface SmtpReading {
  about: About;
  /** `later`: the server would take it another time. `nonsense`: no reply that fits the command. */
  says: 'accepted' | 'later' | 'refused' | 'nonsense';
  /** Of a refusal. */
  reason: 'refused' | 'invalid_address' | 'too_large';
  /** The address will never work: nothing is sent to it any more. */
  isDeadAddress: boolean;
  /** Temporary by custom: the server wants to see a second try (RFC 6647). */
  isGreylisting: boolean;
}

export function readSmtpReply(reply: SmtpReply): SmtpReading {
  const says = toSays(reply);
  // Nearly every reply: no words are searched for it.
  if (says === 'accepted') return accepted;
  const enhanced = findEnhancedCode(reply);
  const row = findRow(reply, enhanced);
  return {
    about: row?.about ?? 'doubt',
    says,
    reason: (says === 'refused' && row?.reason) || 'refused',
    isDeadAddress: says === 'refused' && row?.isDeadAddress === true,
    isGreylisting: says === 'later' && isGreylisting(reply, enhanced),
  };
}

const accepted: SmtpReading = {
  about: 'transport',
  says: 'accepted',
  reason: 'refused',
  isDeadAddress: false,
  isGreylisting: false,
};

/** The row of domain/smtp-table.ts that decides; the last one fits everything. */
export function findRow(reply: SmtpReply, enhanced = findEnhancedCode(reply)): Row | undefined {
  // An address that the reply repeats may contain any words.
  const words = reply.text.slice(0, maxTextChars).replaceAll(/\S+@\S+/g, ' ');
  return smtpTable.find(
    ({ to, code, enhanced: status, text }) =>
      (to === undefined || to.includes(reply.to)) &&
      (code === undefined || code.includes(reply.code)) &&
      (status === undefined || status.test(enhanced)) &&
      (text === undefined || text.test(words)),
  );
}

/** A server may answer at length; what it speaks of stands at the beginning. */
const maxTextChars = 1_000;

function toSays({ code, to }: SmtpReply): SmtpReading['says'] {
  if (code >= 200 && code < 300 && to === 'message') return 'accepted';
  if (code >= 400 && code < 500) return 'later';
  return code >= 500 && code < 600 ? 'refused' : 'nonsense';
}

/** On the first line that has one; qmail, Cisco and others write it behind a sign, as in `(#5.1.1)`. Its class is the reply's (RFC 2034, 4). */
function findEnhancedCode({ code, text }: SmtpReply): string {
  const head = text.slice(0, maxTextChars);
  const found =
    /^\d{3}[ -](\d\.\d{1,3}\.\d{1,3})\b/m.exec(head)?.[1] ?? /[#([](\d\.\d{1,3}\.\d{1,3})\b/.exec(head)?.[1] ?? '';
  return found.startsWith(String(Math.trunc(code / 100))) ? found : '';
}

/** RFC 6647, 3: 4.7.1 by custom; before enhanced codes a bare 450 or 451 to RCPT. */
function isGreylisting({ to, code, text }: SmtpReply, enhanced: string): boolean {
  if (/gr[ea]y-?list/i.test(text.slice(0, maxTextChars)) || enhanced === '4.7.1') return true;
  return to === 'RCPT' && (code === 450 || code === 451) && (enhanced === '' || enhanced.startsWith('4.7.'));
}
