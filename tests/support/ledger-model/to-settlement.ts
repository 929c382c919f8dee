// What a worker of the model writes down about an answer: as #conclude in lane.ts, with the real decision.
import { decide, type Judged } from '../../../services/dispatcher/dispatch.ts';
import type { Settlement } from '../../../services/dispatcher/ledger/types.ts';
import { type Claimed, toParked } from '../../../services/dispatcher/messages.ts';

export function toSettlement(claim: Claimed, judged: Judged, isCancelled: boolean): Settlement {
  const { message, notificationId, month, attempt, token, mayHaveLeft } = claim;
  const { on_no_answer: onNoAnswer, expires_at: expiresAt, requested_at: requestedAtMs } = message.event;
  const now = Date.now();
  const about = { attempt, onNoAnswer, expiresAt, waitsSince: message.waitsSince, mayHaveLeft, isCancelled };
  const trial = { ...about, othersGot: false, crowd: 0 };
  const consequence = decide(judged, trial, now, 0.5);
  const { reason, detail } = consequence;
  const common = { notificationId, month, attempt, token, requestedAtMs, endedAtMs: now, reason, detail };
  if (consequence.state === 'deferred') {
    const { waitingReason, dueInMs } = consequence;
    const parked = toParked(message, Buffer.from('payload'), { reason: waitingReason, dueInMs, attempt });
    return { ...common, state: 'deferred', suppress: false, parked };
  }
  const { state, suppress } = consequence;
  return { ...common, state, suppress, tries: judged.kind === 'cancelled' ? attempt - 1 : attempt };
}
