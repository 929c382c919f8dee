// The dead letters of a world: how many there are, and of which records.
import { type DeadLetterCause, readDeadLetterCause } from '../../../lib/kafka/headers.ts';
import { withAdmin } from '../../../lib/kafka/topic-admin.ts';
import { stages } from '../../../lib/topics.ts';
import { eventually } from '../../support/eventually.ts';
import { startTail } from './topic-tail.ts';
import type { World } from './world.ts';

export interface FoundLetter extends DeadLetterCause {
  key: string | null;
}

/** By its topic, only of topics that have any. */
export async function countDeadLetters({ kafka, topics }: World): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  await withAdmin(kafka, async (admin) => {
    for (const stage of stages) {
      const { name } = topics.deadLetters[stage];
      const offsets = await admin.fetchTopicOffsets(name);
      const count = offsets.reduce((sum, { low, high }) => sum + Number(high) - Number(low), 0);
      if (count > 0) counts[name] = count;
    }
  });
  return counts;
}

/** All there are now, in no order. A record of the topic that tells no cause is left out. */
export async function readDeadLetters(world: World): Promise<FoundLetter[]> {
  const counts = await countDeadLetters(world);
  const wanted = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const letters: FoundLetter[] = [];
  let readCount = 0;
  const tail = await startTail(world, Object.keys(counts), (_topic, message) => {
    readCount += 1;
    const cause = readDeadLetterCause(message.headers);
    if (cause) letters.push({ ...cause, key: message.key?.toString() ?? null });
  });
  try {
    await eventually(() => readCount >= wanted, `${wanted} dead letters are read`, 120_000);
  } finally {
    await tail.stop();
  }
  return letters;
}
