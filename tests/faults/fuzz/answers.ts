// Answers of mail servers and SMS gateways that nobody has thought of, made up from a seed and a recipient: the sink gives
// them, and the harness can say for each recipient which it was.
import { createRandom, type Random, shareOf } from '../harness/random.ts';
import { always, type MailTrouble, type SmsTrouble } from '../sink/trouble.ts';

const words = [
  'no',
  'try again later',
  'mailbox unavailable',
  'äöü 💥',
  '<a@b.example>',
  '(#5.1.1)',
  'x'.repeat(600),
  'nul\0',
  '',
];
const breaks = ['\r\n', '\r\n', '\r\n', '\n'] as const;
/** Longer than the answer time of a fault run's system (5 s); rare, for each one costs a connection so long. */
const longPauseMs = 6_000;

function toRandom(seed: number, recipient: string): Random {
  return createRandom(Math.floor(shareOf(seed, `made up ${recipient}`) * 2 ** 32));
}

/** Codes that servers give, and some that none should. */
function makeCode(random: Random): string {
  const usual = random.pick([
    '250',
    '421',
    '450',
    '451',
    '452',
    '454',
    '503',
    '530',
    '535',
    '550',
    '552',
    '553',
    '554',
  ]);
  const odd = random.pick([
    '199',
    '251',
    '299',
    '300',
    '354',
    '399',
    '500',
    '555',
    '599',
    '600',
    '999',
    '000',
    '25',
    '',
  ]);
  return random.next() < 0.8 ? usual : odd;
}

function makeEnhanced(random: Random, code: string): string {
  if (random.next() < 0.3) return '';
  const first = random.next() < 0.85 ? code.slice(0, 1) || '4' : random.pick(['2', '4', '5', '9']);
  const rest = random.pick([
    '1.1',
    '1.2',
    '1.8',
    '2.1',
    '2.2',
    '2.3',
    '3.0',
    '3.1',
    '3.2',
    '3.4',
    '4.1',
    '5.1',
    '7.0',
    '7.1',
    '7.60',
    '2.252',
    '0.0',
    '99.999',
  ]);
  return `${first}.${rest} `;
}

/** One reply of a mail server: code, enhanced code, one or several lines, and line breaks as they come. */
export function makeReply(random: Random): string {
  const code = makeCode(random);
  const lineCount = random.next() < 0.7 ? 1 : random.between(2, random.next() < 0.9 ? 4 : 40);
  const lines = Array.from({ length: lineCount }, (_, at) => {
    const isLast = at === lineCount - 1;
    // Without a blank no line is the last, and the client waits for one.
    const between = isLast ? (random.next() < 0.99 ? ' ' : '') : '-';
    // Some servers change their mind about the code from line to line.
    const own = random.next() < 0.97 ? code : makeCode(random);
    return `${own}${between}${makeEnhanced(random, own)}${random.pick(words as [string, ...string[]])}`;
  });
  return lines.join(random.pick(breaks));
}

export function toMailTrouble(seed: number, recipient: string): MailTrouble {
  const random = toRandom(seed, recipient);
  const at = random.pick<MailTrouble['at']>(['RCPT', 'RCPT', 'DATA', 'message']);
  const times = random.pick([1, 1, 2, always]);
  const kind = random.next();
  // What has been handed over and is not answered may be there or not.
  const isTaken = at === 'message' && random.next() < 0.5;
  if (kind < 0.01) return { at, reply: '', times: 1, isTaken };
  if (kind < 0.02) return { at, pauseMs: longPauseMs, times: 1, isTaken };
  if (kind < 0.13) return { at, afterwards: 'reset', times, isTaken };
  if (kind < 0.2) return { at, reply: makeReply(random), afterwards: 'close', times };
  if (kind < 0.3) return { at, pauseMs: random.between(1, 400), times };
  return { at, reply: makeReply(random), times };
}

const smsBodies = ['', '{}', '{"error":"no"}', 'null', '<html>', '{"id":', 'x'.repeat(70_000), '\u0000'] as const;

export function toSmsTrouble(seed: number, phone: string): SmsTrouble {
  const random = toRandom(seed, phone);
  const times = random.pick([1, 1, 2, always]);
  const kind = random.next();
  const isTaken = random.next() < 0.5;
  if (kind < 0.01) return { pauseMs: 11_000, times: 1, isTaken };
  if (kind < 0.1) return { afterwards: 'reset', times, isTaken };
  if (kind < 0.2) return { pauseMs: random.between(1, 400), times };
  const status = random.pick([
    200, 202, 204, 301, 400, 401, 403, 404, 408, 409, 413, 422, 425, 429, 451, 500, 502, 503, 504, 507, 599,
  ]);
  return { status, body: random.pick(smsBodies), times };
}
