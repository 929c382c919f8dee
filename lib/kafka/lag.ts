// How many records still wait before consumer groups: what is still in a topic is not lost.
import type { Lane } from '../topics.ts';
import type { Kafka } from './client.ts';
import { withAdmin } from './topic-admin.ts';

const answerWithinMs = 15_000;

/** @returns a count of records, over all lanes @throws DependencyError('kafka'), also when it takes 15 s */
export async function measureLag(kafka: Kafka, lanes: readonly Lane[]): Promise<number> {
  return withAdmin(
    kafka,
    async (admin) => {
      let sum = 0;
      for (const { group, input } of lanes) {
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
