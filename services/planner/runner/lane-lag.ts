// How many records wait before the stages of one priority. Asked only when a mailing seems to stand still: what is still
// in a topic is not lost.
import type { Kafka } from '../../../lib/kafka/client.ts';
import { withAdmin } from '../../../lib/kafka/topic-admin.ts';
import type { Lane, Priority, Topics } from '../../../lib/topics.ts';

const answerWithinMs = 15_000;

/** @throws DependencyError('kafka') */
export async function measureLag(kafka: Kafka, topics: Topics, priority: Priority): Promise<number> {
  const { enricher, renderer, dispatcher, outcomes } = topics.lanes;
  const lanes: Lane[] = [...enricher, ...renderer, ...dispatcher].filter(({ name }) => name === priority);
  return withAdmin(
    kafka,
    async (admin) => {
      let sum = 0;
      for (const { group, input } of [...lanes, outcomes]) {
        const [ends, committed] = await Promise.all([
          admin.fetchTopicOffsets(input.name),
          admin.fetchOffsets({ groupId: group, topics: [input.name] }),
        ]);
        for (const { partition, low, high } of ends) {
          const stored = Number(committed[0]?.partitions.find((one) => one.partition === partition)?.offset ?? -1);
          sum += Math.max(0, Number(high) - Math.max(stored, Number(low)));
        }
      }
      return sum;
    },
    answerWithinMs,
  );
}
