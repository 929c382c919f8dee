// What goes into the ledger and what comes out of it.

import type { SharedScope } from '../../../domain/holds.ts';
import type { Channel } from '../../../domain/ids.ts';
import type { EndState } from '../../../domain/reasons.ts';
import type { NotificationRendered } from '../../../lib/events.ts';

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

/** What a claim says: one row per asked notification, in any order. */
export interface ClaimRow {
  notification_id: string;
  /**
   * `claimed`: ours now. `ended`: it has an end (which may have been made by this very statement). `alive`: another's
   * claim that has not run out. `deferred`: it waits for its retry. `paused`: its request is paused or a shared hold
   * covers it, and nothing was changed. `contended`: somebody inserted it just now; ask again.
   */
  verdict: 'claimed' | 'ended' | 'alive' | 'deferred' | 'paused' | 'contended';
  /** Null when there is no row, which only a pause leaves so. */
  state: string | null;
  reason: string | null;
  detail: string | null;
  stage: string | null;
  attempt: number | null;
  ended_at_ms: number | null;
  /** It ended by this very statement. */
  is_new_end: boolean;
  /** Of another's claim: how long it still holds. */
  lease_left_ms: number | null;
  /** What keeps it back; of `claimed` rows only when this is a repeat, and the hold came after the first claim. */
  hold: HoldState | null;
  /** The shared hold that pauses it; null when its request is paused or cancelled, or nothing keeps it back. */
  hold_id: number | null;
  /** A try before this claim may have left: then it cannot end as never sent. */
  may_have_left: boolean;
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
  /** It waits only for the end of a pause or a shared hold, from which moment on it is due. */
  isPaused: boolean;
  /** Of a paused one: the shared hold; null: its request is paused. */
  holdId: number | null;
  channel: Channel;
  /** It was never tried: its channel is down. */
  awaitsChannel: boolean;
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

/** What keeps a message back. */
export interface Hold {
  state: HoldState;
  /** The shared hold that covers it; null: its request is paused or cancelled. */
  holdId: number | null;
}

/** A hold in force that covers more than one request: a row of `sending_holds`. */
export interface SharedHold {
  holdId: number;
  scope: SharedScope;
  subject: string;
}

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
  awaits_channel: boolean;
  fault_count: number;
  /** Since when it waits, milliseconds since 1970 UTC. */
  since_ms: number;
}
