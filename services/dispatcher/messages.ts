// The messages of a slice on their way through the dispatcher, and the outcomes that they end as.

import type { EndState } from '../../domain/reasons.ts';
import { toMonth } from '../../lib/db/database.ts';
import { PermanentError } from '../../lib/errors.ts';
import type { NotificationOutcome, NotificationRendered } from '../../lib/events.ts';
import { findRecordFault } from '../../lib/record-fault.ts';
import type { Refused } from './guard.ts';
import type { Held, Hold, Parked, WaitingReason } from './ledger/types.ts';

/** A rendered record, from Kafka or from `waiting`. */
export interface Message {
  event: NotificationRendered;
  key: string;
  traceparent: string | undefined;
  partition: number;
  /** As Kafka writes it: a 64-bit number in decimal. */
  offset: string;
  /** When it was first put off, milliseconds since 1970 UTC; null when it comes from Kafka. */
  waitsSince: number | null;
  /** It waits after a send without an answer. */
  mayHaveLeft: boolean;
}

/** A message that is ours to send. */
export interface Claimed extends Held {
  message: Message;
  /**
   * `open`: to be sent. `leaving`: its answer is awaited. `judged`: what became of it is settled or being settled.
   * `late`: its claim lasts too short, it is to be parked. `paused`: it is to be parked until its pause or hold is over.
   * `back`: given back.
   */
  stage: 'open' | 'leaving' | 'judged' | 'late' | 'paused' | 'back';
  /** It may have been sent by an earlier try of which no answer is known: then it cannot end as never sent. */
  mayHaveLeft: boolean;
  /** What keeps it back, as its claim saw it; and what stopped it, once it is `paused`. */
  hold: Hold | null;
  /** Somebody took it over: our lease on it is void. */
  lost: boolean;
}

export function toRefused({ message: { event } }: Claimed): Refused {
  return { notificationId: event.notification_id, requestId: event.request_id, templateId: event.template_id };
}

/** Of its row in the ledger. */
export const monthOf = ({ event }: Message): string => toMonth(event.requested_at);

/** @param value the record in Confluent's wire format @param attempt the last that was made; 0 for none */
export function toParked(
  { event, key, traceparent, partition, offset }: Message,
  value: Buffer,
  wait: {
    reason: WaitingReason;
    dueInMs: number;
    attempt: number;
    isPaused?: boolean;
    holdId?: number | null;
    awaitsChannel?: boolean;
  },
): Parked {
  const { notification_id: notificationId, request_id: requestId, requested_at, priority } = event;
  return {
    notificationId,
    requestId,
    month: toMonth(requested_at),
    priority,
    isPaused: false,
    holdId: null,
    channel: event.channel,
    awaitsChannel: false,
    ...wait,
    key,
    value,
    traceparent,
    partition,
    offset,
  };
}

export interface End {
  state: EndState;
  reason: string;
  detail: string;
  stage: string;
  attempt: number;
  endedAtMs: number;
}

/** An outcome to publish, with its request's trace. */
export interface Told {
  event: NotificationOutcome;
  traceparent: string | undefined;
}

export function toTold({ event, traceparent }: Message, end: End): Told {
  return { event: toOutcome(event, end), traceparent };
}

function toOutcome(event: NotificationRendered, end: End): NotificationOutcome {
  return {
    notification_id: event.notification_id,
    request_id: event.request_id,
    chunk_id: event.chunk_id,
    user_id: event.user_id,
    priority: event.priority,
    channel: event.channel,
    template_id: event.template_id,
    template_version: event.template_version,
    state: end.state,
    reason: end.reason,
    detail: end.detail,
    stage: end.stage,
    attempt: end.attempt,
    requested_at: event.requested_at,
    planned_at: event.planned_at,
    enriched_at: event.enriched_at,
    ended_at: Math.round(end.endedAtMs),
    is_test: event.is_test,
  };
}

/** Of a record that was put aside: its person ends as failed, unless the ledger could not hold that either. */
export function failRendered(
  event: NotificationRendered,
  error: { code: string; message: string },
  now: number,
): NotificationOutcome[] {
  const reason = error.code === 'too_large' ? 'too_large' : 'dead_lettered';
  const end = { reason, detail: error.message.slice(0, 300), stage: 'dispatcher', attempt: 0, endedAtMs: now };
  const outcome = toOutcome(event, { state: 'failed', ...end });
  return findFault(outcome) ? [] : [outcome];
}

/** More than any address has (RFC 5321, 4.5.3.1); an index of Postgres holds no more than 2.7 kB. */
const maxAddressChars = 640;

/**
 * What one statement for hundreds of records must not meet: a single one of these would fail all of them.
 * @returns why the record is refused, undefined when it is sound
 */
export function findFault(event: NotificationRendered | NotificationOutcome): PermanentError | undefined {
  const fault = (what: string) => new PermanentError('record_invalid', what);
  const shared = findRecordFault(event);
  if (shared) return shared;
  const texts = 'address' in event ? [event.address] : [event.detail, event.reason, event.stage];
  for (const text of texts) if (text.includes('\0')) return fault('a text holds a NUL');
  if ('address' in event && event.address.length > maxAddressChars) return fault('the address is too long');
  return undefined;
}
