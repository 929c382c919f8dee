// What the sink's mail server and SMS gateway do with each message: pure, from the script, the recipient and how often they
// came before, so that the harness can say beforehand how every delivery must end.
import { toMailTrouble, toSmsTrouble } from '../fuzz/answers.ts';
import { shareOf } from '../harness/random.ts';
import type { MailTrouble, SmsTrouble } from './trouble.ts';

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
  /** Of single recipients: addresses in lower case, phone numbers. */
  mailTroubles?: Readonly<Record<string, MailTrouble>>;
  smsTroubles?: Readonly<Record<string, SmsTrouble>>;
  /** Of everybody else who gets mail. */
  everybody?: MailTrouble;
  /** This share of all recipients, by mail and by SMS, meets trouble that is made up from the seed. */
  madeUpShare?: number;
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

/** What a recipient of mail meets by name, or because everybody does, or because chance has chosen them. */
export function mailTroubleOf(script: Script, recipient: string): MailTrouble | undefined {
  const to = recipient.toLowerCase();
  if (script.spared.has(to)) return undefined;
  return (
    script.mailTroubles?.[to] ?? script.everybody ?? (isChosen(script, to) ? toMailTrouble(script.seed, to) : undefined)
  );
}

export function smsTroubleOf(script: Script, phone: string): SmsTrouble | undefined {
  if (script.spared.has(phone)) return undefined;
  return script.smsTroubles?.[phone] ?? (isChosen(script, phone) ? toSmsTrouble(script.seed, phone) : undefined);
}

/** Whether chance has chosen a recipient for trouble. */
export function isChosen({ seed, madeUpShare = 0 }: Script, recipient: string): boolean {
  return madeUpShare > 0 && shareOf(seed, `chosen ${recipient.toLowerCase()}`) < madeUpShare;
}
