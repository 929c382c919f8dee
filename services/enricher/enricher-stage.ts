// The enricher as a stage: chunks in, one record a person out; the people of a whole slice are fetched in one call.
import type { ChunkPlanned } from '../../lib/events.ts';
import type { Incoming, Outgoing, TransformStage } from '../../lib/kafka/stage.ts';
import type { Lane, Topics } from '../../lib/topics.ts';
import type { UnusableUser, User, UserService } from '../../lib/user-service.ts';
import { enrich, failChunk } from './enrich.ts';

type EnricherStage = TransformStage<'ChunkPlanned', ReadonlyMap<string, User | UnusableUser>, 'NotificationEnriched'>;

export function createEnricherStage(
  lane: Lane<'ChunkPlanned'>,
  outputs: Topics['enriched'],
  userService: UserService,
): EnricherStage {
  return {
    kind: 'transform',
    name: 'enricher',
    lane,
    countPeople: (chunk) => chunk.user_ids.length,
    fail: failChunk,
    load: (slice, signal) => userService.fetchUsers(peopleOf(slice), signal),
    transform({ event, traceparent }, users, now) {
      const { enriched, outcomes } = enrich(event, users, now);
      const forward = enriched.map(
        (notification): Outgoing<'NotificationEnriched'> => ({
          topic: outputs[notification.priority],
          key: notification.user_id,
          event: notification,
          traceparent,
        }),
      );
      return { forward, outcomes };
    },
  };
}

function peopleOf(slice: readonly Incoming<ChunkPlanned>[]): string[] {
  return [...new Set(slice.flatMap(({ event }) => event.user_ids))];
}
