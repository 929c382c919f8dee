// Whether everything that was on its way through some lanes at one moment has come through. Unlike "no lag" this also comes
// true under traffic that never ends.
import type { Lane } from '../topics.ts';
import type { Kafka } from './client.ts';
import { withAdmin } from './topic-admin.ts';

const answerWithinMs = 15_000;

export interface Passage {
  /** When it began, by performance.now(). */
  readonly startedAtMs: number;
  /**
   * Looks how far the groups are. @returns whether all that was there when the passage began has been read, and so has what
   * came of it in the lanes behind. @throws DependencyError('kafka'), also when it takes 15 s
   */
  check(): Promise<boolean>;
}

/** @param steps lanes in the order of the flow; what a step has read is in the next one's topics by then */
export function startPassage(kafka: Kafka, steps: readonly (readonly Lane[])[]): Passage {
  const startedAtMs = performance.now();
  let step = 0;
  /** By topic and partition: offsets that the step under way has to reach. */
  let ends: Map<string, bigint> | undefined;

  async function check(): Promise<boolean> {
    return withAdmin(
      kafka,
      async (admin) => {
        for (let lanes = steps[step]; lanes; lanes = steps[step]) {
          const isFirstLook = ends === undefined;
          ends ??= new Map();
          for (const { group, input } of lanes) {
            const [known, [committed]] = await Promise.all([
              admin.fetchTopicOffsets(input.name),
              admin.fetchOffsets({ groupId: group, topics: [input.name] }),
            ]);
            for (const { partition, low, high } of known) {
              const name = `${input.name} ${partition}`;
              if (isFirstLook) ends.set(name, BigInt(high));
              const stored = BigInt(committed?.partitions.find((one) => one.partition === partition)?.offset ?? -1);
              const reached = stored < BigInt(low) ? BigInt(low) : stored;
              // A topic that was made anew has no more than it has.
              const end = ends.get(name) ?? BigInt(high);
              if (reached < (end < BigInt(high) ? end : BigInt(high))) return false;
            }
          }
          step++;
          ends = undefined;
        }
        return true;
      },
      answerWithinMs,
    );
  }

  return { startedAtMs, check };
}
