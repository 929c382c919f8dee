// What replies of mail servers speak of. One table, read from above: the first row that fits decides. Words stand before
// codes where servers are known to say in words what their code does not; what stands there comes from what these servers
// answer (tests/support/smtp-replies.ts has such a reply for every row).
import type { About, SmtpReading, SmtpStage } from './smtp-reply.ts';

export interface Row {
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

/** RFC 3463, 3.2 and RFC 7505: the address will never work. Also what a report of a mail server must say (RFC 3464). */
const deadAddress = /^5\.1\.(?:1|2|3|6|10)$/;

/** @param status an enhanced code, as 5.1.1 */
export const isStatusOfDeadAddress = (status: string): boolean => deadAddress.test(status);

export const smtpTable: readonly Row[] = [
  // Whatever else it says.
  { about: 'transport', code: [421], source: 'RFC 5321, 3.8: the server closes, whatever it answers' },
  {
    about: 'host',
    code: [454, 524, 525, 530, 534, 535, 538],
    source: 'RFC 4954, 6, RFC 5248, 2.4 and RFC 3207, 4: log in, or encrypt, first',
  },
  { about: 'doubt', text: /gr[ea]y-?list/i, source: 'RFC 6647: the server wants to see a second try' },

  // Our sender address.
  { about: 'sender', enhanced: /^[45]\.1\.[78]$/, source: 'RFC 3463, 3.2: the address or domain of the sender' },
  { about: 'sender', enhanced: /^5\.(?:2\.252|7\.60)$/, source: 'Exchange Online NDR codes: no permission to send as' },
  {
    about: 'mailbox',
    enhanced: /^5\.7\.1[23]\d$/,
    source: 'Exchange Online NDR codes 5.7.12x and 5.7.13x: a recipient that takes mail from some senders only',
  },
  {
    about: 'mailbox',
    text: /RESOLVER\.RST\.|blocked by (?:the |this )?(?:recipient|user)|(?:does not|doesn't|only) accepts? (?:e?-?mails?|messages?) from/i,
    source: 'Exchange RESOLVER.RST.AuthRequired, NotAuthorized; users who block a sender',
  },
  {
    about: 'sender',
    text: /\bsender(?:'s)?\b[^\n.]{0,30}\b(?:rejected|denied|refused|not allowed|not permitted|unknown|invalid)\b/i,
    source: 'Postfix smtpd_sender_restrictions: Sender address rejected, whatever the code',
  },
  {
    about: 'sender',
    text: /sender verif(?:y|ication)|verification failed for|envelope sender|domain of sender|for sender address|badmailfrom|invalid DNS MX/i,
    source: 'Exim verify = sender; qmail badmailfrom; Sendmail check_mail; GMX and web.de',
  },
  {
    about: 'sender',
    text: /send ?as ?denied|permissions? to send as|not (?:owned|allowed|authori[sz]ed|permitted)[^\n.]{0,40}(?:sender|send as|from address)/i,
    source: 'Postfix reject_sender_login_mismatch; Exchange Online',
  },
  {
    about: 'sender',
    text: /is not verified|identities failed|verified sender identity|from address (?:does not|is not)/i,
    source: 'Amazon SES: Email address is not verified; SendGrid: Sender Identity',
  },

  // Our host: relaying, log-in, reputation, rates.
  {
    about: 'recipient',
    text: /address (?:is )?(?:black|block)listed|suppression list/i,
    source: 'Amazon SES: Address blacklisted; relays that keep a list of addresses of their own',
  },
  {
    about: 'host',
    text: /\brelay(?:ing)?\b[^\n.]{0,20}\b(?:denied|prohibited|not|traffic)|(?:unable|not permitted|not allowed) to relay|allowed rcpthosts/i,
    source: 'Postfix reject_unauth_destination; Exim; Sendmail; qmail: rcpthosts',
  },
  {
    about: 'host',
    text: /\b(?:helo|ehlo)\b[^\n]{0,40}\b(?:rejected|invalid|denied|need|refused|not)|(?:invalid|bad|forged) (?:helo|ehlo)|client host (?:rejected|blocked)|reverse (?:dns|host ?name|lookup)|\brdns\b|\bptr\b/i,
    source: 'Postfix reject_unknown_client_hostname and reject_invalid_helo_hostname; Exim; Gmail 5.7.25',
  },
  {
    about: 'host',
    text: /spamhaus|spamcop|barracuda|proofpoint|\brbl\b|dnsbl|bl[ao]ck ?list|blocked using|reputation|\bbanned\b|connections will not be accepted|your access to|(?:\bip\b|\bips\b|\bip address)[^\n]{0,60}\b(?:blocked|listed|denied|rejected|not authori[sz]ed|is in)\b/i,
    source: 'Postfix reject_rbl_client; Outlook S3140 and S3150; Yahoo BL; Proofpoint; Cisco',
  },
  {
    about: 'host',
    text: /\b(?:dmarc|dkim|spf)\b/i,
    source: 'RFC 7489, 10.3; Gmail 5.7.26; Yahoo 5.7.9; Outlook 5.7.515',
  },
  {
    about: 'host',
    text: /(?:daily|hourly|sending|relay|message|email) (?:\w+ ){0,3}(?:limit|quota|rate)(?: \w+)? (?:exceeded|reached)|maximum (?:credits|sending rate)|throttling|rate.?limit|unusual rate|too (?:much mail|many (?:connections|messages)) from|reached your daily limit/i,
    source: 'Gmail 5.4.5 and 4.2.1 Peak SMTP relay limit; SES Throttling; SendGrid; Postfix anvil; Exchange 5.1.90',
  },
  {
    about: 'host',
    text: /starttls|tls (?:is )?required|encryption required|(?:authentication|log-?in) (?:is )?required|unauthenticated senders?|not authorized to perform|sending paused|free accounts|not allowed to send|account[^\n]{0,20}(?:disabled|suspended) for sending/i,
    source: 'RFC 3207; SES; SendGrid; Mailgun: what our account may not',
  },

  // The recipient and the mailbox, in words: many servers give a code that says less.
  {
    about: 'recipient',
    to: ['RCPT', 'message'],
    text: /user (?:is )?unknown|unknown (?:user|recipient|mailbox|or illegal)|no such (?:user|recipient|mailbox|address|person|account)|no (?:mailbox|user) here|(?:user|recipient|mailbox|account|address)\b[^\n.]{0,40}\b(?:(?:does not|doesn.t|not) exist|not found|is unknown)|doesn.t have an? \S+ account|unrouteable address|invalid (?:recipient|mailbox)|not our customer|not a (?:valid|known) (?:user|mailbox|recipient)/i,
    reason: 'invalid_address',
    isDeadAddress: true,
    source: 'Postfix: User unknown in … table; Exim: Unrouteable address; qmail; Yahoo; mail.ru; Yandex; iCloud',
  },
  {
    about: 'mailbox',
    text: /(?:mailbox|user|recipient|account|inbox)\b[^\n.]{0,30}\b(?:full|over ?quota|disabled|inactive|suspended|locked|storage)|over ?quota|quota (?:is )?exceeded|exceed(?:ed|s)? (?:the |its |their )?(?:storage|quota)/i,
    source: 'RFC 5321, 4.2.3: exceeded storage allocation; Dovecot: Quota exceeded; Yahoo: mailbox is disabled',
  },

  // The message.
  {
    about: 'content',
    text: /databytes|message[^\n.]{0,20}\b(?:too (?:large|big|long)|exceed)|(?:message|file|maximum|fixed|fixed maximum) size|size limit/i,
    code: [523, 550, 552, 554],
    reason: 'too_large',
    source: 'RFC 1870, 6; qmail databytes; SES: Message is too long',
  },
  { about: 'content', enhanced: /^5\.(?:3\.4|2\.3)$/, reason: 'too_large', source: 'RFC 3463, 3.3 and 3.4' },
  {
    about: 'content',
    code: [550, 552, 554, 571],
    text: /\bspam\b|unsolicited|\bvirus\b|malware|phish|attachment|message content|content (?:is )?rejected|security issue|malformed/i,
    source: 'Gmail 5.7.0 and 5.7.1; what content filters answer (rspamd, SpamAssassin, ClamAV)',
  },

  // Enhanced codes, which say it where the words do not.
  {
    about: 'recipient',
    enhanced: deadAddress,
    reason: 'invalid_address',
    isDeadAddress: true,
    source: 'RFC 3463, 3.2 and RFC 7505: addresses that will never work',
  },
  {
    about: 'doubt',
    enhanced: /^5\.1\.(?:0|9|\d\d)$/,
    source: 'RFC 3463, 3.2 and IANA: other address status, ours or theirs',
  },
  {
    about: 'recipient',
    enhanced: /^5\.1\./,
    reason: 'invalid_address',
    source: 'RFC 3463, 3.2: ambiguous, and the like',
  },
  { about: 'recipient', enhanced: /^4\.1\./, source: 'RFC 3463, 3.2' },
  { about: 'mailbox', enhanced: /^[45]\.2\./, source: 'RFC 3463, 3.3' },
  { about: 'content', code: [552], enhanced: /^5\.7\./, source: 'Gmail: 552 5.7.0 for what it takes as dangerous' },
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

  { about: 'host', code: [523], source: 'RFC 5248, 2.4: encrypt first. Exchange has said so of the size: above' },

  // RFC 5321, 4.3.2: what comes before RCPT judges us, never the recipient.
  { about: 'transport', to: ['MAIL'], code: [450, 451, 452, 455], source: 'RFC 5321, 4.3.2' },
  { about: 'sender', to: ['MAIL'], source: 'RFC 5321, 4.3.2' },
  {
    about: 'recipient',
    to: ['RCPT'],
    code: [501, 553],
    enhanced: /^(?:5\.[05]\..*)?$/,
    reason: 'invalid_address',
    source: 'RFC 5321, 4.2.3: mailbox name not allowed, or its syntax',
  },
  {
    about: 'recipient',
    to: ['RCPT'],
    code: [556],
    reason: 'invalid_address',
    source: 'RFC 7504, 4: a domain without mail',
  },
  {
    about: 'recipient',
    to: ['RCPT'],
    code: [550, 551],
    enhanced: /^(?:5\.[05]\..*)?$/,
    text: /\b(?:user|recipient|mailbox|account|address)\b/i,
    source: 'RFC 5321, 4.2.3: mailbox unavailable, where the words say so; Outlook: 5.5.0',
  },
  { about: 'doubt', enhanced: /^5\.3\.0$/, source: 'Sendmail access_db answers so, whomever it refuses' },
  { about: 'transport', enhanced: /^[45]\.3\./, source: 'RFC 3463, 3.4: the state of the mail system' },
  {
    about: 'transport',
    code: [500, 502, 503, 504, 521],
    source: 'RFC 5321, 4.2.3: out of step; RFC 7504: no mail here',
  },
  { about: 'transport', enhanced: /^5\.5\./, source: 'RFC 3463, 3.6: out of step with the server' },
  {
    about: 'recipient',
    enhanced: /^5\.4\.(?:1|4|6|14|310|312)$/,
    source: 'RFC 3463, 3.5; Exchange Online NDR codes: no route to them, or a loop at their side',
  },
  {
    about: 'host',
    enhanced: /^5\.7\.(?:8|9|1[1-5]|2[0-7]|57|64|5\d\d|6\d\d|7\d\d)$/,
    source: 'RFC 4954, RFC 7372, RFC 7489; Exchange Online NDR codes: log-in, authentication, reputation',
  },
  { about: 'doubt', source: 'nothing that says more, as RFC 3463, 3.5 and 3.8: routing and policy' },
];
