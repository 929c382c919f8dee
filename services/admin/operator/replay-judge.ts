// Who of a record's people would be sent, and why not the others. Pure. The ledger decides again at the claim: what is
// published in error (a row was made meanwhile) is let through by nobody.
import { isErasedId } from '../../../domain/ids.ts';
import type { KnownState } from './replay-ledger.ts';
import type { Person, Subject } from './replay-subject.ts';
import { endStates, type ReplayCounts, type ReplayFilter, type ReplayMode } from './replay-types.ts';

export interface JudgeFacts {
  nowMs: number;
  /** What was requested before cannot be judged. */
  ledgerStartMs: number;
  hold: 'paused' | 'cancelled' | null;
  states: ReadonlyMap<string, KnownState>;
  mode: ReplayMode;
  filter: ReplayFilter;
}

export interface Judged {
  /** They have no row. */
  toSend: Person[];
  /** They have an end, and an admin wants them to get it once more. */
  toResend: Person[];
  /** Everybody else. */
  counts: Partial<Record<keyof ReplayCounts, number>>;
}

export function judge(subject: Pick<Subject, 'people' | 'requestedAtMs' | 'expiresAtMs'>, facts: JudgeFacts): Judged {
  const judged: Judged = { toSend: [], toResend: [], counts: {} };
  for (const person of subject.people) {
    const verdict = judgePerson(
      isErasedId(person.userId) ? 'erased' : facts.states.get(person.notificationId),
      subject,
      facts,
    );
    if (verdict === 'send') judged.toSend.push(person);
    else if (verdict === 'resend') judged.toResend.push(person);
    else judged.counts[verdict] = (judged.counts[verdict] ?? 0) + 1;
  }
  return judged;
}

function judgePerson(
  state: KnownState | undefined,
  { requestedAtMs, expiresAtMs }: Pick<Subject, 'requestedAtMs' | 'expiresAtMs'>,
  { nowMs, ledgerStartMs, hold, mode, filter }: JudgeFacts,
): 'send' | 'resend' | keyof ReplayCounts {
  // First of all: where rows may have been deleted, a missing one says nothing.
  if (requestedAtMs < ledgerStartMs) return 'tooOld';
  if (state === 'erased') return 'erased';
  const isExpired = expiresAtMs !== null && expiresAtMs <= nowMs;
  const end = endStates.find((one) => one === state);
  if (end !== undefined) {
    const isWanted = mode === 'resend' && (filter.ended ?? endStates).includes(end);
    return isWanted && hold === null && !isExpired ? 'resend' : end;
  }
  if (state === 'deferred') return 'waiting';
  if (state !== undefined) return 'inFlight';
  if (hold !== null) return hold;
  return isExpired ? 'expired' : 'send';
}
