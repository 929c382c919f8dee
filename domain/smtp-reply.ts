// What a reply of a mail server speaks of: this recipient, this message, or us. One table, read from above: the first row that
// fits decides. What follows for the message is decided in services/dispatcher/dispatch.ts.

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

interface Row {
  about: About;
  /** All that are given must fit. */
  to?: readonly SmtpStage[];
  code?: readonly number[];
  /** The enhanced code (RFC 3463); an empty text when there is none. */
  enhanced?: RegExp;
  text?: RegExp;
  reason?: SmtpReading['reason'];
  isDeadAddress?: true;
  source: string;
}

const table: readonly Row[] = [
  { about: 'transport', code: [421], source: 'RFC 5321, 3.8: the server closes, whatever it answers' },
  { about: 'host', code: [454, 530, 534, 535, 538], source: 'RFC 4954, 6 and RFC 3207, 4: log in, or encrypt, first' },
  {
    about: 'sender',
    text: /sender (?:address|domain)?\s*(?:rejected|denied|refused|not allowed)|send ?as ?denied|permissions? to send as|not (?:owned|allowed|authori[sz]ed|permitted)[^.]{0,40}(?:sender|send as|from address)/i,
    source: 'Postfix reject_sender_login_mismatch; Exchange Online, NDR 5.2.252 and 5.7.60',
  },
  { about: 'sender', enhanced: /^5\.(?:1\.[78]|2\.252|7\.60)$/, source: 'RFC 3463, 3.2; Exchange Online NDR codes' },
  { about: 'content', enhanced: /^5\.(?:3\.4|2\.3)$/, reason: 'too_large', source: 'RFC 3463, 3.3 and 3.4' },
  {
    about: 'recipient',
    enhanced: /^5\.1\.(?:1|2|3|6|10)$/,
    reason: 'invalid_address',
    isDeadAddress: true,
    source: 'RFC 3463, 3.2 and RFC 7505: addresses that will never work',
  },
  { about: 'recipient', enhanced: /^5\.1\./, reason: 'invalid_address', source: 'RFC 3463, 3.2' },
  { about: 'mailbox', enhanced: /^[45]\.2\./, source: 'RFC 3463, 3.3' },
  { about: 'recipient', enhanced: /^4\.1\./, source: 'RFC 3463, 3.2' },
  { about: 'content', code: [552], enhanced: /^5\.7\./, source: 'Gmail: 552 5.7.0 for attachments that it blocks' },
  { about: 'content', enhanced: /^5\.6\./, source: 'RFC 3463, 3.7' },
  {
    about: 'mailbox',
    to: ['RCPT'],
    code: [552],
    enhanced: /^$/,
    source: 'RFC 5321, 4.2.3: storage allocation, of the mailbox',
  },
  {
    about: 'content',
    code: [552],
    reason: 'too_large',
    source: 'RFC 1870, 6.1; to MAIL of the size announced with it',
  },
  // RFC 5321, 4.3.2: what comes before RCPT judges us, never the recipient.
  { about: 'transport', to: ['MAIL'], code: [450, 451, 452, 455], source: 'RFC 5321, 4.3.2' },
  { about: 'sender', to: ['MAIL'], source: 'RFC 5321, 4.3.2' },
  { about: 'transport', enhanced: /^[45]\.3\./, source: 'RFC 3463, 3.4: the state of the mail system' },
  { about: 'transport', code: [500, 502, 503, 504], source: 'RFC 5321, 4.2.3: out of step with the server' },
  { about: 'transport', enhanced: /^5\.5\./, source: 'RFC 3463, 3.6: out of step with the server' },
  { about: 'recipient', enhanced: /^5\.4\.(?:1|4|310|312)$/, source: 'RFC 3463, 3.5; Exchange Online NDR codes' },
  {
    about: 'host',
    enhanced: /^5\.7\.(?:8|9|1[1-5]|2[0-7]|5\d\d|6\d\d|7\d\d)$/,
    source: 'RFC 4954, RFC 7372, RFC 7489; Exchange Online NDR codes: log-in, authentication, reputation',
  },
  {
    about: 'host',
    code: [550, 551, 553, 554],
    text: /relay(?:ing)?\b[^.]{0,20}(?:denied|prohibited|not)|(?:unable|not permitted|not allowed) to relay|spamhaus|spamcop|barracuda|\brbl\b|dnsbl|bl[ao]ck ?list|blocked using|reputation|\bbanned\b/i,
    source: 'Postfix reject_unauth_destination and reject_rbl_client; Sendmail; Exim',
  },
  {
    about: 'content',
    code: [550, 554],
    text: /\bspam\b|\bvirus\b|malware|phish|attachment|message content|content rejected/i,
    source: 'what content filters answer (rspamd, SpamAssassin, ClamAV)',
  },
  { about: 'doubt', enhanced: /^5\.[47]\./, source: 'RFC 3463, 3.5 and 3.8: routing and policy' },
  {
    about: 'recipient',
    to: ['RCPT'],
    code: [553],
    enhanced: /^$/,
    reason: 'invalid_address',
    source: 'RFC 5321, 4.2.3: mailbox name not allowed',
  },
  {
    about: 'recipient',
    to: ['RCPT'],
    code: [550, 551, 556],
    text: /\b(?:user|recipient|mailbox|account|address|no such|unknown|does(?: not|n't) exist|inactive|disabled|over quota)\b/i,
    source: 'RFC 5321, 4.2.3: mailbox unavailable, where the words say so',
  },
  { about: 'doubt', source: 'nothing that says more' },
];

export function readSmtpReply(reply: SmtpReply): SmtpReading {
  const { to, code } = reply;
  const enhanced = findEnhancedCode(reply);
  const row = table.find((one) => fits(one, reply, enhanced));
  const says = toSays(reply);
  return {
    about: row?.about ?? 'doubt',
    says,
    reason: row?.reason ?? 'refused',
    isDeadAddress: says === 'refused' && row?.isDeadAddress === true,
    isGreylisting: says === 'later' && isGreylisting({ to, code, text: reply.text }, enhanced),
  };
}

function fits({ to, code, enhanced, text }: Row, reply: SmtpReply, enhancedCode: string): boolean {
  return (
    (to === undefined || to.includes(reply.to)) &&
    (code === undefined || code.includes(reply.code)) &&
    (enhanced === undefined || enhanced.test(enhancedCode)) &&
    (text === undefined || text.test(reply.text.slice(0, maxTextChars)))
  );
}

/** A server may answer at length; what it speaks of stands at the beginning. */
const maxTextChars = 1_000;

function toSays({ code, to }: SmtpReply): SmtpReading['says'] {
  if (code >= 200 && code < 300 && to === 'message') return 'accepted';
  if (code >= 400 && code < 500) return 'later';
  return code >= 500 && code < 600 ? 'refused' : 'nonsense';
}

/** On the first line that has one; qmail and others write it at the end, as in `(#5.1.1)`. Its class is the reply's (RFC 2034, 4). */
function findEnhancedCode({ code, text }: SmtpReply): string {
  const head = text.slice(0, maxTextChars);
  const found =
    /^\d{3}[ -](\d\.\d{1,3}\.\d{1,3})\b/m.exec(head)?.[1] ?? /\(#(\d\.\d{1,3}\.\d{1,3})\)/.exec(head)?.[1] ?? '';
  return found.startsWith(String(Math.trunc(code / 100))) ? found : '';
}

/** RFC 6647, 3: 4.7.1 by custom; before enhanced codes a bare 450 or 451 to RCPT. */
function isGreylisting({ to, code, text }: SmtpReply, enhanced: string): boolean {
  if (/gr[ea]y-?list/i.test(text.slice(0, maxTextChars)) || enhanced === '4.7.1') return true;
  return to === 'RCPT' && (code === 450 || code === 451) && (enhanced === '' || enhanced.startsWith('4.7.'));
}
