// The enricher as a stage: chunks in, one record a person out; the people of a whole slice are fetched in one call, and
// who of them has unsubscribed in one statement; whoever was erased and is still asked for gets nothing.
import type { ChunkPlanned } from '../../lib/events.ts';
import type { Incoming, Outgoing, TransformStage } from '../../lib/kafka/stage.ts';
import type { KnownAddress } from '../../lib/known-addresses.ts';
import type { Lane, Topics } from '../../lib/topics.ts';
import type { UserService } from '../../lib/user-service.ts';
import {
  asksForConsent,
  enrich,
  type Facts,
  failChunk,
  findChunkFault,
  isOfExamplePerson,
  listAddressesOfEnded,
} from './enrich.ts';
import { type Erased, nobodyErased } from './erased.ts';
import type { Unsubscribes } from './unsubscribes.ts';

type EnricherStage = TransformStage<'ChunkPlanned', Facts, 'NotificationEnriched'>;

export function createEnricherStage(
  lane: Lane<'ChunkPlanned'>,
  outputs: Topics['enriched'],
  userService: UserService,
  unsubscribes: Unsubscribes,
  erasedPeople: Erased,
  remember: (known: readonly KnownAddress[]) => Promise<void>,
): EnricherStage {
  return {
    kind: 'transform',
    name: 'enricher',
    lane,
    countPeople: (chunk) => chunk.user_ids.length,
    fail: failChunk,
    async load(slice, signal) {
      const sound = slice.filter(({ event }) => !findChunkFault(event));
      const promotional = sound.filter(({ event }) => asksForConsent(event));
      const [users, unsubscribed, isAnybodyErased] = await Promise.all([
        userService.fetchUsers(peopleOf(sound), signal),
        unsubscribes.find(peopleOf(promotional)),
        erasedPeople.isAny(),
      ]);
      const erased = isAnybodyErased ? await erasedPeople.find(users.values()) : nobodyErased;
      const facts = { users, unsubscribed, erased };
      // Before their outcomes are published: whoever reads one there finds the person by the address.
      await remember(sound.flatMap(({ event }) => listAddressesOfEnded(event, facts, Date.now())));
      return facts;
    },
    transform({ event, traceparent }, facts, now) {
      const fault = findChunkFault(event);
      if (fault) throw fault;
      const { enriched, outcomes } = enrich(event, facts, now);
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

/** The example person of a test is nobody whom the user service knows. */
function peopleOf(slice: readonly Incoming<ChunkPlanned>[]): string[] {
  return [...new Set(slice.flatMap(({ event }) => (isOfExamplePerson(event) ? [] : event.user_ids)))];
}
