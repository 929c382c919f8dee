// The decisions of the dispatcher, without I/O: what an answer of a mail server or SMS gateway says about a message, and
// what follows from it for the delivery. (What a claim says is decided where it is made, in ledger/claim.ts.)
import type { Reason } from '../../domain/reasons.ts';
import { readSmsStatus } from '../../domain/sms-status.ts';
import { type About, readSmtpReply, type SmtpReply } from '../../domain/smtp-reply.ts';
import type { WaitingReason } from './ledger/types.ts';

/** What came back when a mail was sent. */
export type SmtpAnswer =
  | ({ kind: 'reply' } & SmtpReply)
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
  /** It speaks of this message or its recipient: settled at once. */
  | { kind: 'failed'; reason: Reason<'failed'>; detail: string; suppress: boolean }
  | { kind: 'deferred'; reason: DeferredReason; detail: string }
  /** Handed over, and no answer. */
  | { kind: 'no_answer'; detail: string }
  /**
   * It speaks of us or of the transport, not of the message, which certainly was not taken. `hopeless`: there is not even a
   * session. `isBroken`: there was no reply, and another connection may serve. `isRefusal`: for good, as far as the server
   * knows. `reason`: if the message has to wait all the same.
   */
  | {
      kind: 'transport';
      reason: DeferredReason;
      detail: string;
      hopeless: boolean;
      isBroken: boolean;
      isRefusal: boolean;
    }
  /** Refused, perhaps for what the message says, perhaps for who we are: what becomes of others will tell. */
  | { kind: 'doubted'; detail: string }
  /** Its request was cancelled before the body left. */
  | { kind: 'cancelled' }
  | { kind: 'too_late' };

/** Whom these speak of is read from the reply by domain/smtp-reply.ts. */
export function judgeSmtp(answer: SmtpAnswer): Judgement {
  switch (answer.kind) {
    case 'too_late':
      return { kind: 'too_late' };
    case 'too_large':
      return { kind: 'failed', reason: 'too_large', detail: answer.detail, suppress: false };
    case 'broken':
      return answer.handedOver
        ? { kind: 'no_answer', detail: answer.detail }
        : toTransport('no_connection', answer.detail, { hopeless: answer.connecting, isBroken: true });
  }
  const { about, says, reason, isDeadAddress, isGreylisting } = readSmtpReply(answer);
  const detail = toDetail(answer.text);
  // A reply that fits no command: whether the message was taken is anybody's guess.
  if (says === 'nonsense') return answer.to === 'message' ? { kind: 'no_answer', detail } : toTransport('busy', detail);
  return toJudgement({
    about,
    says,
    reason,
    detail,
    suppress: isDeadAddress,
    isGreylisting,
    isBroken: answer.code === 421,
  });
}

export function judgeSms(answer: SmsAnswer): Judgement {
  switch (answer.kind) {
    case 'too_late':
      return { kind: 'too_late' };
    case 'broken':
      return answer.handedOver
        ? { kind: 'no_answer', detail: answer.detail }
        : toTransport('no_connection', answer.detail, { hopeless: true, isBroken: true });
  }
  const { about, says, reason } = readSmsStatus(answer.status);
  return toJudgement({ about, says, reason, detail: toDetail(answer.detail) });
}

function toJudgement(reading: {
  about: About;
  says: 'accepted' | 'later' | 'refused';
  reason: Reason<'failed'>;
  detail: string;
  suppress?: boolean;
  isGreylisting?: boolean;
  isBroken?: boolean;
}): Judgement {
  const { about, says, reason, detail, suppress = false, isGreylisting = false, isBroken = false } = reading;
  if (says === 'accepted') return { kind: 'sent', detail };
  if (about === 'sender' || about === 'host' || about === 'transport') {
    return toTransport('busy', detail, { isBroken, isRefusal: says === 'refused' });
  }
  if (says === 'later') return { kind: 'deferred', reason: isGreylisting ? 'greylisted' : 'busy', detail };
  if (reason === 'too_large' || about === 'recipient' || about === 'mailbox') {
    return { kind: 'failed', reason, detail, suppress };
  }
  return { kind: 'doubted', detail };
}

function toTransport(
  reason: DeferredReason,
  detail: string,
  { hopeless = false, isBroken = false, isRefusal = false } = {},
): Extract<Judgement, { kind: 'transport' }> {
  return { kind: 'transport', reason, detail, hopeless, isBroken, isRefusal };
}

/** What says something about a message, or leaves it no choice but to wait. */
export type Judged = Exclude<Judgement, { kind: 'too_late' }>;
/** @param othersGot whether other messages got through since this one was first refused */
export type Conclude<C> = (claim: C, judgement: Judged, othersGot: boolean) => void;

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
  /** Others like it got through since this one was first refused: then what it is refused for in doubt is its own fault. */
  othersGot: boolean;
  /** Messages that the lane put off within the last minute: they must not all come back together. */
  crowd: number;
}

export type Consequence =
  | { state: 'sent' | 'failed' | 'skipped' | 'unknown'; reason: string; detail: string; suppress: boolean }
  | { state: 'deferred'; reason: DeferredReason; detail: string; dueInMs: number; waitingReason: WaitingReason };

const minuteMs = 60_000;
const retryAfterMs = [minuteMs, 5 * minuteMs, 15 * minuteMs, 60 * minuteMs, 240 * minuteMs];
/** For how long it is tried when the request says nothing. */
const patienceMs = 24 * 60 * minuteMs;

/**
 * @param judgement of a message that was judged (`transport` and `doubted`: when nothing more is to be learnt now)
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
    case 'transport':
    case 'doubted': {
      if (trial.isCancelled) return toCancelled(trial, detail);
      // What speaks of us is no fault of a person's, whoever else got through: it waits until its time is over.
      if (judgement.kind === 'doubted' && trial.othersGot) return toFailed(trial, 'refused', detail, false);
      const isRefusal = judgement.kind === 'doubted' || (judgement.kind === 'transport' && judgement.isRefusal);
      const reason = judgement.kind === 'doubted' ? 'busy' : judgement.reason;
      return (
        putOff(trial, now, random, { reason, waitingReason: reason, detail }) ??
        toFailed(trial, isRefusal ? 'refused' : 'retries_exhausted', detail, false)
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

/** They come back at so many a second, so that new messages are not pushed aside. */
const returnsPerSecond = 50;
const longestSpreadMs = 60 * minuteMs;

/** After 1, 5, 15, 60 minutes, then every 4 hours; undefined when there is no time left for another try. */
function putOff(
  { attempt, expiresAt, waitsSince, crowd }: Trial,
  now: number,
  random: number,
  why: { reason: DeferredReason; waitingReason: WaitingReason; detail: string },
): Consequence | undefined {
  const delayMs = retryAfterMs[Math.min(attempt, retryAfterMs.length) - 1] ?? minuteMs;
  const soonestMs = delayMs * (0.9 + 0.2 * random);
  const leftMs = (expiresAt ?? (waitsSince ?? now) + patienceMs) - now - soonestMs;
  if (leftMs <= 1) return undefined;
  const spreadMs = random * Math.min((crowd / returnsPerSecond) * 1_000, longestSpreadMs, leftMs / 2);
  return { state: 'deferred', dueInMs: Math.round(soonestMs + spreadMs), ...why };
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
