// The lane that reads notifications.outcomes: what ended at an earlier stage gets its row in the ledger, so that every
// person planned has exactly one.
import type { PosthornError } from '../../lib/errors.ts';
import type { NotificationOutcome } from '../../lib/events.ts';
import type { Incoming, SinkStage } from '../../lib/kafka/stage.ts';
import type { Lane } from '../../lib/topics.ts';
import type { DispatcherMetrics } from './dispatcher-metrics.ts';
import type { Ledger } from './ledger.ts';
import { findFault } from './messages.ts';

export function createOutcomesStage(
  lane: Lane<'NotificationOutcome'>,
  { ledger, metrics }: { ledger: Pick<Ledger, 'insertEnded'>; metrics: DispatcherMetrics },
): SinkStage<'NotificationOutcome'> {
  return {
    kind: 'sink',
    name: 'dispatcher',
    lane,
    // An outcome that cannot be read has nobody left to tell.
    fail: () => [],
    async handle({ incoming }) {
      const refused: { incoming: Incoming<NotificationOutcome>; error: PosthornError }[] = [];
      const fresh = new Map<string, NotificationOutcome>();
      for (const one of incoming) {
        if (!concernsLedger(one.event)) continue;
        const error = findFault(one.event);
        if (error) refused.push({ incoming: one, error });
        else if (!fresh.has(one.event.notification_id)) fresh.set(one.event.notification_id, one.event);
      }
      for (const { priority, state, reason } of await ledger.insertEnded([...fresh.values()])) {
        metrics.ended(priority, state, reason);
      }
      return { refused };
    },
  };
}

/** The dispatcher's own ends are in the ledger before they are told; but for records that it put aside. */
function concernsLedger({ stage, reason }: NotificationOutcome): boolean {
  return stage !== 'dispatcher' || reason === 'dead_lettered' || reason === 'too_large';
}
