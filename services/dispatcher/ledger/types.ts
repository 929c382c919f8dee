// What goes into the ledger and what comes out of it.
import type { NotificationRendered } from '../../../lib/events.ts';
import type { EndState } from '../../../lib/reasons.ts';

/** One rendered record to claim. */
export interface ClaimRequest {
  event: NotificationRendered;
  /** Where the rendered record stands, so that the exact message can be shown for as long as the topic keeps it. */
  partition: number;
  /** As Kafka writes it: a 64-bit number in decimal. */
  offset: string;
  /** It waits after a send without an answer: then it cannot end as never sent. */
  mayHaveLeft: boolean;
}

/** A claim of ours. Attempt and token guard every later statement: a zombie's change nothing. */
export interface Held {
  notificationId: string;
  month: string;
  attempt: number;
  token: string;
}

/** A rendered record in a form that can wait in Postgres. */
export interface Parked {
  notificationId: string;
  requestId: string;
  month: string;
  priority: string;
  /** Why it waits: a reason of `deferred`, or one of the two that no delivery shows. */
  reason: WaitingReason;
  dueInMs: number;
  /** It waits only for the end of a pause, from which moment on it is due. */
  isPaused: boolean;
  attempt: number;
  key: string;
  /** The record in Confluent's wire format. */
  value: Buffer;
  traceparent: string | undefined;
  partition: number;
  offset: string;
}

/** What people want of a request that may not go on: a row of `holds`. */
export type HoldState = 'paused' | 'cancelled';

/** `no_answer`: it may have left. `held`: somebody has, or had, a claim on it. */
export type WaitingReason = 'greylisted' | 'busy' | 'no_connection' | 'no_answer' | 'held';

/** What became of one claim. */
export interface Settlement extends Held {
  state: EndState | 'deferred';
  reason: string;
  detail: string;
  endedAtMs: number;
  /** For the time from the request to the end. */
  requestedAtMs: number;
  /** The address is dead: nothing is sent to it any more. */
  suppress: boolean;
  /** How many tries were made, when this one was not: then less than `attempt`. */
  tries?: number;
  /** With state `deferred`: what waits for the retry. */
  parked?: Parked;
}

/** A row of `waiting` that is due, leased to us. */
export interface Due {
  notification_id: string;
  month: string;
  reason: string;
  key: string;
  value: Buffer;
  traceparent: string | null;
  rendered_partition: number;
  rendered_offset: string;
  /** Since when it waits, milliseconds since 1970 UTC. */
  since_ms: number;
}
