// Wires the enricher: one lane a priority; the people of a whole slice are fetched in one call.
import type { Records } from '../../lib/events.ts';
import type { Incoming, Outgoing, TransformStage } from '../../lib/kafka/stage.ts';
import type { Running, ServiceContext } from '../../lib/lifecycle.ts';
import { startStageProcess } from '../../lib/stage-process.ts';
import type { Lane, Topics } from '../../lib/topics.ts';
import { createUserService, type UnusableUser, type User, type UserService } from '../../lib/user-service.ts';
import type { EnricherConfig } from './config.ts';
import { enrich, failChunk } from './enrich.ts';

type EnricherStage = TransformStage<'ChunkPlanned', ReadonlyMap<string, User | UnusableUser>, 'NotificationEnriched'>;

export function startEnricher(config: EnricherConfig, context: ServiceContext): Promise<Running> {
  const userService = createUserService(config.userService);
  return startStageProcess('enricher', config, context, ({ topics }) => ({
    stages: topics.lanes.enricher.map((lane) => createEnricherStage(lane, topics.enriched, userService)),
  }));
}

function createEnricherStage(
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

function peopleOf(slice: readonly Incoming<Records['ChunkPlanned']>[]): string[] {
  return [...new Set(slice.flatMap(({ event }) => event.user_ids))];
}
