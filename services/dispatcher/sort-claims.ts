// What follows from a claim for each message of a slice, without I/O: ours to send, already ended, another's, or waiting.
import type { ClaimRow } from './ledger/types.ts';
import { type Claimed, type End, type Message, monthOf, type Told, toTold } from './messages.ts';

export interface Sorted {
  claimed: Claimed[];
  /** To be told (again): a record that meets an ended row republishes its outcome and is done. */
  outcomes: Told[];
  /** Those of them that this claim itself ended: expired, suppressed, or a send without an answer. */
  newEnds: End[];
  /** Another's claim is alive: to be looked at again when it ends. */
  held: { message: Message; leaseLeftMs: number }[];
  /** A pause or a shared hold keeps it back, and it has a row: to be looked at again when that is over. */
  paused: { message: Message; holdId: number | null }[];
  /** A pause or a shared hold keeps it back, and it has no row: when that is over the planner publishes it again. */
  passed: Message[];
}

/** A claim of which is only known that somebody just made it. */
const wholeLeaseMs = 60_000;

export function sortClaims(messages: readonly Message[], rows: ReadonlyMap<string, ClaimRow>, token: string): Sorted {
  const sorted: Sorted = { claimed: [], outcomes: [], newEnds: [], held: [], paused: [], passed: [] };
  for (const message of messages) {
    const row = rows.get(message.event.notification_id);
    switch (row?.verdict) {
      case 'claimed':
        sorted.claimed.push(toClaimed(message, row, token));
        break;
      case 'ended': {
        const end = toEnd(row);
        sorted.outcomes.push(toTold(message, end));
        if (row.is_new_end) sorted.newEnds.push(end);
        break;
      }
      case 'deferred':
        // It is in `waiting`, which will send it and tell of it.
        break;
      case 'paused':
        // What waits is told apart by its lane: it waits on.
        if (row.state === null && message.waitsSince === null) sorted.passed.push(message);
        else sorted.paused.push({ message, holdId: row.hold_id });
        break;
      default:
        sorted.held.push({ message, leaseLeftMs: row?.lease_left_ms ?? wholeLeaseMs });
    }
  }
  return sorted;
}

function toClaimed(message: Message, row: ClaimRow, token: string): Claimed {
  const { attempt: claimedAttempt, may_have_left } = row;
  const hold = row.hold && { state: row.hold, holdId: row.hold_id };
  const attempt = claimedAttempt ?? 1;
  const { notification_id: notificationId } = message.event;
  const mayHaveLeft = message.mayHaveLeft || may_have_left;
  const month = monthOf(message);
  return { notificationId, month, attempt, token, message, stage: 'open', mayHaveLeft, hold, lost: false };
}

function toEnd(row: ClaimRow): End {
  return {
    state: row.state as End['state'],
    reason: row.reason ?? '',
    detail: row.detail ?? '',
    stage: row.stage ?? 'dispatcher',
    attempt: row.attempt ?? 0,
    endedAtMs: row.ended_at_ms ?? 0,
  };
}
