// What the sink's mail server does with each message: pure, from the script, the recipient and how often they came
// before, so that the harness can say beforehand how every delivery must end.
import { shareOf } from '../harness/random.ts';

/** Shares of recipients, each in [0, 1]; together at most 1. Whoever is in none is taken at once. */
export interface Shares {
  /** 451 to RCPT the first time. */
  tempfail?: number;
  /** 421 to RCPT the first time, and the connection is closed. */
  closing?: number;
  /** 550 to RCPT, always. */
  refused?: number;
  /** The connection is reset after the final dot the first time; half of these mails have been taken. */
  reset?: number;
  /** Nothing is said after the final dot the first time; half of these mails have been taken. */
  silent?: number;
}

export interface Script {
  seed: number;
  shares: Shares;
  /** Recipients to whom none of this happens, in lower case. */
  spared: ReadonlySet<string>;
  /** Mails a second that are answered; the others wait. Not for the spared. */
  perSecond?: number;
  /** No answer to RCPT at all. Not for the spared. */
  isSilent?: boolean;
}

export const calmScript: Script = { seed: 0, shares: {}, spared: new Set() };

export type Fate = 'taken' | 'tempfail' | 'closing' | 'refused' | 'reset' | 'silent';

/** What the script has in store for a recipient, the first time. */
export function fateOf({ seed, shares, spared }: Script, recipient: string): Fate {
  const to = recipient.toLowerCase();
  if (spared.has(to)) return 'taken';
  let left = shareOf(seed, to);
  for (const fate of ['tempfail', 'closing', 'refused', 'reset', 'silent'] as const) {
    const share = shares[fate] ?? 0;
    if (left < share) return fate;
    left -= share;
  }
  return 'taken';
}

/** Of a mail after whose final dot no answer comes: whether the server has it all the same. */
export function isTakenUnanswered({ seed }: Script, recipient: string): boolean {
  return shareOf(seed, `taken ${recipient.toLowerCase()}`) < 0.5;
}
