// What of a slice has to wait, why, and for how long; without I/O.
import type { WaitingReason } from './ledger/types.ts';
import type { Claimed, Message } from './messages.ts';
import type { Sorted } from './sort-claims.ts';

export interface Wait {
  reason: WaitingReason;
  dueInMs: number;
  /** Only because its request is paused or a shared hold covers it. */
  isPaused?: boolean;
  /** Of a paused one: the shared hold; null: its request is paused. */
  holdId?: number | null;
}

/** For what only its lease kept from being sent. */
export const shortWaitMs = 1_000;
/** The end of a pause or hold is told to what waits for it (wake-loop.ts); this is how often it looks by itself. */
const pausedWaitMs = 5 * 60_000;

/** @param claimed once nothing of it is under way any more */
export function listWaits(
  { held, paused }: Pick<Sorted, 'held' | 'paused'>,
  claimed: readonly Claimed[],
): { message: Message; wait: Wait }[] {
  const untilResumed = (holdId: number | null) => ({ dueInMs: pausedWaitMs, isPaused: true, holdId });
  return [
    ...held.map(({ message, leaseLeftMs }) => toHeld(message, leaseLeftMs)),
    ...paused.map(({ message, holdId }) => ({ message, wait: { reason: 'held' as const, ...untilResumed(holdId) } })),
    ...claimed.flatMap((claim) => {
      const { message, stage } = claim;
      if (stage === 'late') return [{ message, wait: { reason: reasonOf(claim), dueInMs: shortWaitMs } }];
      if (stage !== 'paused') return [];
      return [{ message, wait: { reason: reasonOf(claim), ...untilResumed(claim.hold?.holdId ?? null) } }];
    }),
  ];
}

/** Somebody has a claim on it, or had one. */
export function toHeld(message: Message, dueInMs: number): { message: Message; wait: Wait } {
  return { message, wait: { reason: 'held', dueInMs } };
}

export const reasonOf = ({ mayHaveLeft }: Claimed): WaitingReason => (mayHaveLeft ? 'no_answer' : 'held');
