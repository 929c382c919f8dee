// The decisions of the dispatcher, without I/O: what an answer of a mail server or SMS gateway says about a message, and
// what follows from it for the delivery. (What a claim says is decided where it is made, in ledger/claim.ts.)
import type { Reason } from '../../domain/reasons.ts';
import type { WaitingReason } from './ledger/types.ts';

/** What came back when a mail was sent. */
export type SmtpAnswer =
  /** `to`: the command that was answered; `message` is the reply to the final dot. */
  | { kind: 'reply'; to: 'MAIL' | 'RCPT' | 'DATA' | 'message'; code: number; text: string }
  /** No reply. `handedOver`: the body had begun to leave. `connecting`: there was no session at all. */
  | { kind: 'broken'; handedOver: boolean; connecting: boolean; detail: string }
  /** The server said in its greeting how much it takes, and this is more. */
  | { kind: 'too_large'; detail: string }
  /** The claim had too little time left when the body could have left. */
  | { kind: 'too_late' };

/** What came back when an SMS was given to the gateway. */
export type SmsAnswer =
  | { kind: 'reply'; status: number; detail: string }
  | { kind: 'broken'; handedOver: boolean; detail: string }
  | { kind: 'too_late' };

type DeferredReason = Reason<'deferred'>;

/** What an answer says. */
export type Judgement =
  | { kind: 'sent'; detail: string }
  | { kind: 'failed'; reason: Reason<'failed'>; detail: string; suppress: boolean }
  | { kind: 'deferred'; reason: DeferredReason; detail: string }
  /** Handed over, and no answer. */
  | { kind: 'no_answer'; detail: string }
  /**
   * It speaks of the transport, not of the message, which certainly was not taken. `hopeless`: there is no point in
   * trying again right now. `suspect`: the message itself may have caused it. `reason`: if it has to wait all the same.
   */
  | { kind: 'transport'; reason: DeferredReason; detail: string; hopeless: boolean; suspect: boolean }
  /** Its request was cancelled before the body left. */
  | { kind: 'cancelled' }
  | { kind: 'too_late' };

/** Enhanced codes (RFC 3463, RFC 7505) of addresses that will never work: they are suppressed. */
const deadAddress = /^5\.1\.(1|2|3|6|10)$/;
/** RFC 4954 and 3207: log in, or encrypt, first. They come to any command, and speak of us. */
const logInFirst = new Set([454, 530, 534, 535, 538]);

/**
 * Only replies to RCPT, DATA and the final dot judge a message (RFC 5321, 4.3.2); all that comes before judges the
 * transport, so that a refused log-in never fails a mailing. 421 announces that the server closes, whatever it answers.
 */
export function judgeSmtp(answer: SmtpAnswer): Judgement {
  switch (answer.kind) {
    case 'too_late':
      return { kind: 'too_late' };
    case 'too_large':
      return { kind: 'failed', reason: 'too_large', detail: answer.detail, suppress: false };
    case 'broken':
      return answer.handedOver
        ? { kind: 'no_answer', detail: answer.detail }
        : toTransport('no_connection', answer.detail, { hopeless: answer.connecting, suspect: !answer.connecting });
  }
  const { code, to } = answer;
  const detail = toDetail(answer.text);
  if (code >= 200 && code < 300 && to === 'message') return { kind: 'sent', detail };
  const enhanced = /^\d{3}[ -](\d\.\d{1,3}\.\d{1,3})\b/.exec(answer.text)?.[1] ?? '';
  // RFC 1870, 6.1: 552 to MAIL speaks of the size that was announced with it.
  const isTooLarge = code === 552 ? !enhanced.startsWith('5.2.2') : enhanced === '5.3.4' || enhanced === '5.2.3';
  if (isTooLarge && code >= 500) return { kind: 'failed', reason: 'too_large', detail, suppress: false };
  // 4.3.x is the state of the mail system (RFC 3463, 3.4): its disk is full, or it is being shut down.
  if (to === 'MAIL' || code === 421 || code === 503 || logInFirst.has(code) || enhanced.startsWith('4.3.')) {
    return toTransport('busy', detail);
  }
  if (code >= 500 && code < 600) {
    const suppress = deadAddress.test(enhanced);
    const isAddress = suppress || (to === 'RCPT' && (code === 553 || enhanced.startsWith('5.1.')));
    return { kind: 'failed', reason: isAddress ? 'invalid_address' : 'refused', detail, suppress };
  }
  if (code >= 400 && code < 500)
    return { kind: 'deferred', reason: isGreylisting(answer, enhanced) ? 'greylisted' : 'busy', detail };
  // A reply that fits no command: whether the message was taken is anybody's guess.
  return to === 'message' ? { kind: 'no_answer', detail } : toTransport('busy', detail);
}

function toTransport(
  reason: DeferredReason,
  detail: string,
  { hopeless = false, suspect = false } = {},
): Extract<Judgement, { kind: 'transport' }> {
  return { kind: 'transport', reason, detail, hopeless, suspect };
}

/** RFC 6647, 3: 4.7.1 by custom; before enhanced codes a bare 450 or 451 to RCPT. */
function isGreylisting({ to, code, text }: { to: string; code: number; text: string }, enhanced: string): boolean {
  if (/gr[ea]y-?list/i.test(text) || enhanced === '4.7.1') return true;
  return to === 'RCPT' && (code === 450 || code === 451) && (enhanced === '' || enhanced.startsWith('4.7.'));
}

/** The gateway's contract is product.md 3.1: any 2xx accepts; repeats are recognised by the idempotency key. */
export function judgeSms(answer: SmsAnswer): Judgement {
  switch (answer.kind) {
    case 'too_late':
      return { kind: 'too_late' };
    case 'broken':
      return answer.handedOver
        ? { kind: 'no_answer', detail: answer.detail }
        : toTransport('no_connection', answer.detail, { hopeless: true });
  }
  const { status } = answer;
  const detail = toDetail(answer.detail);
  if (status >= 200 && status < 300) return { kind: 'sent', detail };
  if (status === 408 || status === 425 || status === 429) return { kind: 'deferred', reason: 'busy', detail };
  if (status === 413) return { kind: 'failed', reason: 'too_large', detail, suppress: false };
  // Our log-in or our URL is wrong, or the gateway is ill: the same for every message.
  const speaksOfUs =
    status < 400 || status === 401 || status === 403 || status === 404 || status === 405 || status === 407;
  if (speaksOfUs || status >= 500) return toTransport('busy', detail, { hopeless: speaksOfUs, suspect: !speaksOfUs });
  return { kind: 'failed', reason: 'refused', detail, suppress: false };
}

/** What says something about a message, or leaves it no choice but to wait. */
export type Judged = Exclude<Judgement, { kind: 'too_late' }>;
export type Conclude<C> = (claim: C, judgement: Judged) => void;

/** What is known of the delivery when its answer comes. */
export interface Trial {
  /** The one that was answered, from 1. */
  attempt: number;
  onNoAnswer: 'resend' | 'park';
  /** Milliseconds since 1970 UTC. */
  expiresAt: number | null;
  /** When it was first put off; null when it never was. */
  waitsSince: number | null;
  /** By an earlier try of which no answer is known. */
  mayHaveLeft: boolean;
  /** Its request is: there is no other try. */
  isCancelled: boolean;
}

export type Consequence =
  | { state: 'sent' | 'failed' | 'skipped' | 'unknown'; reason: string; detail: string; suppress: boolean }
  | { state: 'deferred'; reason: DeferredReason; detail: string; dueInMs: number; waitingReason: WaitingReason };

const minuteMs = 60_000;
const retryAfterMs = [minuteMs, 5 * minuteMs, 15 * minuteMs, 60 * minuteMs, 240 * minuteMs];
/** For how long it is tried when the request says nothing. */
const patienceMs = 24 * 60 * minuteMs;

/**
 * @param judgement of a message that was judged (`transport` when it has to wait after all)
 * @param random in [0, 1): retries are spread, so that what was refused together does not come back together
 */
export function decide(judgement: Judged, trial: Trial, now: number, random: number): Consequence {
  if (judgement.kind === 'cancelled') return toCancelled(trial, '');
  // Errors of a client library repeat what the server has said.
  const detail = toDetail(judgement.detail);
  switch (judgement.kind) {
    case 'sent':
      return { state: 'sent', reason: '', detail, suppress: false };
    case 'failed':
      return toFailed(trial, judgement.reason, detail, judgement.suppress);
    case 'no_answer': {
      const unknown: Consequence = { state: 'unknown', reason: 'no_answer', detail, suppress: false };
      if (trial.onNoAnswer === 'park' || trial.isCancelled) return unknown;
      return putOff(trial, now, random, { reason: 'no_connection', waitingReason: 'no_answer', detail }) ?? unknown;
    }
    case 'deferred':
    case 'transport': {
      const { reason } = judgement;
      if (trial.isCancelled) return toCancelled(trial, detail);
      return (
        putOff(trial, now, random, { reason, waitingReason: reason, detail }) ??
        toFailed(trial, 'retries_exhausted', detail, false)
      );
    }
  }
}

/** Refused now; what an earlier try may have sent is not known to have failed. */
function toFailed({ mayHaveLeft }: Trial, reason: Reason<'failed'>, detail: string, suppress: boolean): Consequence {
  return mayHaveLeft
    ? { state: 'unknown', reason: 'no_answer', detail: `after a try without an answer: ${detail}`, suppress }
    : { state: 'failed', reason, detail, suppress };
}

/** Not sent by this try; what an earlier one may have sent cannot end as skipped. */
function toCancelled({ mayHaveLeft }: Trial, detail: string): Consequence {
  return mayHaveLeft
    ? { state: 'unknown', reason: 'no_answer', detail: 'cancelled after a try without an answer', suppress: false }
    : { state: 'skipped', reason: 'cancelled', detail, suppress: false };
}

/** After 1, 5, 15, 60 minutes, then every 4 hours; undefined when there is no time left for another try. */
function putOff(
  { attempt, expiresAt, waitsSince }: Trial,
  now: number,
  random: number,
  why: { reason: DeferredReason; waitingReason: WaitingReason; detail: string },
): Consequence | undefined {
  const delayMs = retryAfterMs[Math.min(attempt, retryAfterMs.length) - 1] ?? minuteMs;
  const dueInMs = Math.round(delayMs * (0.9 + 0.2 * random));
  const lastAt = expiresAt ?? (waitsSince ?? now) + patienceMs;
  return now + dueInMs < lastAt ? { state: 'deferred', dueInMs, ...why } : undefined;
}

const maxDetailChars = 300;
/** Looking for addresses takes time that grows with the square of a text without blanks, and gateways may say 64 kB. */
const maxReadChars = 1_000;

/**
 * A server's words for the ledger: on one line, short, without addresses (they like to repeat them) and without what
 * Postgres cannot hold.
 */
export function toDetail(text: string): string {
  return text
    .slice(0, maxReadChars)
    .toWellFormed()
    .replace(/\p{Cc}+/gu, ' ')
    .replace(/<?[^\s<>@:;,"]+@[^\s<>;,"]+>?/g, '<address>')
    .replace(/\+\d{7,15}/g, '<number>')
    .trim()
    .slice(0, maxDetailChars)
    .toWellFormed();
}
