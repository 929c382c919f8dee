// Deletes records from a topic although nobody may have read them, as retention does, or an operator by mistake.
import type { Kafka } from '../../lib/kafka/client.ts';

/** @param before by partition: the first offset that stays; left out: everything that is there now goes */
export async function truncateTopic(
  kafka: Kafka,
  topic: string,
  before?: Readonly<Record<number, number>>,
): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    // It also makes kafkajs know the topic's leaders.
    const ends = await admin.fetchTopicOffsets(topic);
    const partitions = ends
      .filter(({ partition }) => before === undefined || partition in before)
      .map(({ partition, high }) => ({ partition, offset: String(before?.[partition] ?? high) }));
    await admin.deleteTopicRecords({ topic, partitions });
  } finally {
    await admin.disconnect();
  }
}

/** Records in the topic that a group has not read, over all partitions. */
export async function countUnread(kafka: Kafka, topic: string, group: string): Promise<number> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    const ends = await admin.fetchTopicOffsets(topic);
    const [committed] = await admin.fetchOffsets({ groupId: group, topics: [topic] });
    return ends.reduce((sum, { partition, high, low }) => {
      const stored = Number(committed?.partitions.find((one) => one.partition === partition)?.offset ?? -1);
      return sum + Number(high) - Math.max(stored, Number(low));
    }, 0);
  } finally {
    await admin.disconnect();
  }
}
