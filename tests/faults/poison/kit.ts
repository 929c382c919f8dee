// What poison is made with: our own codec, and schema ids that belong elsewhere.
import type { Topic } from '../../../lib/topics.ts';
import type { ForeignProducer } from '../harness/foreign-producer.ts';
import type { Random } from '../harness/random.ts';
import type { World } from '../harness/world.ts';
import type { PoisonKit } from './kinds.ts';

export async function createPoisonKit(world: World, producer: ForeignProducer, random: Random): Promise<PoisonKit> {
  const { topics } = world;
  const idOf = async ({ subject }: Topic): Promise<number> => {
    const registryUrl = world.launched.env.SCHEMA_REGISTRY_URL;
    const answer = await fetch(`${registryUrl}/subjects/${encodeURIComponent(subject)}/versions/latest`);
    return ((await answer.json()) as { id: number }).id;
  };
  const [ofOutcomes, ofRequests] = await Promise.all([idOf(topics.outcomes), idOf(topics.requests)]);
  return {
    topics,
    codec: producer.codec,
    random,
    foreignSchemaId: (topic) => (topic === topics.outcomes ? ofRequests : ofOutcomes),
  };
}
