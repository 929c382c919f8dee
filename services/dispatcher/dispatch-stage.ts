// The lane as the stage runtime sees it: slices of rendered records in, nothing out that the runtime would write.
import type { PosthornError } from '../../lib/errors.ts';
import type { NotificationRendered } from '../../lib/events.ts';
import type { Incoming, SinkStage } from '../../lib/kafka/stage.ts';
import type { Lane as LaneTopic } from '../../lib/topics.ts';
import type { Lane } from './lane.ts';
import { failRendered, findFault, type Message } from './messages.ts';

export function createDispatchStage(
  laneTopic: LaneTopic<'NotificationRendered'>,
  lane: Pick<Lane, 'dispatch'>,
  maxPeople = Number.POSITIVE_INFINITY,
): SinkStage<'NotificationRendered'> {
  return {
    kind: 'sink',
    name: 'dispatcher',
    lane: laneTopic,
    fail: failRendered,
    maxPeople,
    async handle({ incoming, signal, heartbeat }) {
      const refused: { incoming: Incoming<NotificationRendered>; error: PosthornError }[] = [];
      // A record that came twice is one message: the second finds it under way, and what is told is told once.
      const messages = new Map<string, Message>();
      for (const one of incoming) {
        const error = findFault(one.event);
        if (error) refused.push({ incoming: one, error });
        else if (!messages.has(one.event.notification_id)) messages.set(one.event.notification_id, toMessage(one));
      }
      await lane.dispatch([...messages.values()], { fromWaiting: false, signal, progressed: () => void heartbeat() });
      return { refused };
    },
  };
}

function toMessage({ event, key, traceparent, partition, offset }: Incoming<NotificationRendered>): Message {
  // Whoever wrote the record chose its key; Postgres, where it may have to wait, holds no NUL.
  const soundKey = key === null || key.includes('\0') ? event.user_id : key;
  return { event, key: soundKey, traceparent, partition, offset, waitsSince: null, mayHaveLeft: false };
}
