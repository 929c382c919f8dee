// Makes kafkajs say when a group cannot go on where it was: its offset is no longer in the topic, for records were deleted
// before they were read. kafkajs 2.2.4 only warns, without topic or offset, and reads on at the beginning. A group that has
// no offset yet gets one here when it joins: otherwise records that are deleted before its first commit vanish unseen.
import { createRequire } from 'node:module';

export interface OffsetJump {
  group: string;
  memberId: string;
  topic: string;
  partition: number;
  /** Where the group wanted to go on; null when it had no offset. */
  from: bigint | null;
  /** Where it goes on: the topic's first record; 0 when a group begins with all there ever was. */
  to: bigint;
}

type Listener = (jump: OffsetJump) => void;
const listeners = new Map<string, Set<Listener>>();

/** @returns to be called when the consumer is gone */
export function onOffsetJump(group: string, listener: Listener): () => void {
  const ofGroup = listeners.get(group) ?? new Set();
  listeners.set(group, ofGroup.add(listener));
  return () => {
    ofGroup.delete(listener);
    if (ofGroup.size === 0) listeners.delete(group);
  };
}

interface Place {
  topic: string;
  partition: number;
}
type Offsets = { topic: string; partitions: { partition: number; offset: string }[] }[];

/** What is used of kafkajs's OffsetManager; one serves one membership of one consumer. */
interface OffsetManager {
  groupId: string;
  memberId: string;
  generationId: number;
  topics: string[];
  memberAssignment: Record<string, number[]>;
  topicConfigurations: Record<string, { fromBeginning: boolean }>;
  cluster: {
    fetchTopicsOffset(
      topics: { topic: string; partitions: { partition: number }[]; fromBeginning: boolean }[],
    ): Promise<Offsets>;
  };
  committedOffsets(): Record<string, Record<number, string | undefined>>;
  nextOffset(topic: string, partition: number): { toString(): string };
  clearOffsets(place: Place): void;
  getCoordinator(): Promise<{
    offsetFetch(asked: { groupId: string; topics: object[] }): Promise<{ responses: Offsets }>;
    offsetCommit(given: {
      groupId: string;
      memberId: string;
      groupGenerationId: number;
      topics: Offsets;
    }): Promise<void>;
  }>;
}

interface Prototype {
  setDefaultOffset: ((this: OffsetManager, place: Place) => Promise<void>) & { guarded?: true };
  resolveOffsets(this: OffsetManager): Promise<void>;
}

export function reportOffsetJumps(): void {
  const require = createRequire(import.meta.url);
  const { prototype } = require('kafkajs/src/consumer/offsetManager') as { prototype: Prototype };
  const { setDefaultOffset, resolveOffsets } = prototype;
  if (setDefaultOffset.guarded) return;

  const jump = async function (this: OffsetManager, place: Place): Promise<void> {
    if (!listeners.has(this.groupId)) return setDefaultOffset.call(this, place);
    const from = BigInt(this.nextOffset(place.topic, place.partition).toString());
    const to = await readStart(this, place);
    report(this, { ...place, from, to });
    // kafkajs would commit "the beginning", wherever that will be by then.
    await commit(this, [{ topic: place.topic, partitions: [{ partition: place.partition, offset: String(to) }] }]);
    this.clearOffsets(place);
  };
  prototype.setDefaultOffset = Object.assign(jump, { guarded: true as const });

  prototype.resolveOffsets = async function (this: OffsetManager): Promise<void> {
    const places = listeners.has(this.groupId) ? findUnresolved(this) : [];
    await resolveOffsets.call(this);
    if (places.length > 0) await keepFirstOffsets(this, places);
  };
}

function findUnresolved(manager: OffsetManager): Place[] {
  const known = manager.committedOffsets();
  return manager.topics.flatMap((topic) =>
    (manager.memberAssignment[topic] ?? [])
      .filter((partition) => known[topic]?.[partition] === undefined)
      .map((partition) => ({ topic, partition })),
  );
}

/** Commits where the group begins, for partitions of which Kafka knows no offset of it. */
async function keepFirstOffsets(manager: OffsetManager, places: readonly Place[]): Promise<void> {
  const { groupId } = manager;
  const topics = toTopics(places);
  const { responses } = await (await manager.getCoordinator()).offsetFetch({ groupId, topics });
  const without = responses.flatMap(({ topic, partitions }) =>
    partitions.filter(({ offset }) => BigInt(offset) < 0n).map(({ partition }) => ({ topic, partition })),
  );
  if (without.length === 0) return;
  const firsts = toTopics(without).map(({ topic, partitions }) => ({
    topic,
    partitions: partitions.map(({ partition }) => ({
      partition,
      offset: manager.committedOffsets()[topic]?.[partition] ?? '0',
    })),
  }));
  for (const { topic, partitions } of firsts) {
    for (const { partition, offset } of partitions) {
      report(manager, { topic, partition, from: null, to: BigInt(offset) });
    }
  }
  // A rebalance that is under way refuses it; the next membership tries again.
  await commit(manager, firsts).catch(() => {});
}

function toTopics(places: readonly Place[]) {
  const byTopic = Map.groupBy(places, ({ topic }) => topic);
  return [...byTopic].map(([topic, ofTopic]) => ({
    topic,
    partitions: ofTopic.map(({ partition }) => ({ partition })),
  }));
}

async function readStart(
  { cluster, topicConfigurations }: OffsetManager,
  { topic, partition }: Place,
): Promise<bigint> {
  const fromBeginning = topicConfigurations[topic]?.fromBeginning ?? true;
  const [found] = await cluster.fetchTopicsOffset([{ topic, partitions: [{ partition }], fromBeginning }]);
  return BigInt(found?.partitions[0]?.offset ?? 0);
}

async function commit(manager: OffsetManager, topics: Offsets): Promise<void> {
  const { groupId, memberId, generationId } = manager;
  const coordinator = await manager.getCoordinator();
  await coordinator.offsetCommit({ groupId, memberId, groupGenerationId: generationId, topics });
}

function report({ groupId, memberId }: OffsetManager, jump: Omit<OffsetJump, 'group' | 'memberId'>): void {
  for (const listener of listeners.get(groupId) ?? []) listener({ group: groupId, memberId, ...jump });
}
