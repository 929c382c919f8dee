// Asks Kafka once how far topics and groups are: a few small requests a topic and group, all at the same time.
import type { Admin } from '../../../lib/kafka/client.ts';
import { type Lane, recordTopics, stages, type Topics } from '../../../lib/topics.ts';
import type { PartitionRange } from './record-reader.ts';

/** `gone`: the group does not exist (yet). */
export type GroupState = 'stable' | 'empty' | 'rebalancing' | 'gone';

export interface LanePosition {
  lane: Lane;
  /** `<stage>.<lane>`, as in lag_minutes. */
  id: string;
  /** By partition: the first record that is not done yet. */
  positions: ReadonlyMap<number, bigint>;
  /** Records that are not done yet. */
  lag: number;
  /** Known only when groups were asked for as well. */
  group?: { state: GroupState; memberCount: number };
}

export interface Positions {
  atMs: number;
  /** By topic name. */
  topics: ReadonlyMap<string, readonly PartitionRange[]>;
  lanes: readonly LanePosition[];
}

/** All lanes, in the order of the flow. */
export function allLanes(topics: Topics): Lane[] {
  return [...stages.flatMap((stage): Lane[] => topics.lanes[stage]), topics.lanes.outcomes];
}

export function topicNames(topics: Topics): string[] {
  return [...recordTopics(topics), ...Object.values(topics.deadLetters)].map(({ name }) => name);
}

/** @param withGroups also how many members each group has, and what it is doing */
export async function takeSample(admin: Admin, topics: Topics, withGroups: boolean): Promise<Positions> {
  const lanes = allLanes(topics);
  const [ranges, committed, groups] = await Promise.all([
    Promise.all(topicNames(topics).map(async (name) => [name, await fetchRanges(admin, name)] as const)),
    Promise.all(lanes.map(({ group, input }) => admin.fetchOffsets({ groupId: group, topics: [input.name] }))),
    withGroups ? admin.describeGroups(lanes.map(({ group }) => group)) : undefined,
  ]);
  const atMs = Date.now();
  const byTopic = new Map(ranges);
  return {
    atMs,
    topics: byTopic,
    lanes: lanes.map((lane, at) => {
      const offsets = new Map(committed[at]?.[0]?.partitions.map(({ partition, offset }) => [partition, offset]));
      const positions = new Map<number, bigint>();
      let lag = 0n;
      for (const { partition, low, high } of byTopic.get(lane.input.name) ?? []) {
        // Without a commit, or with one that retention has passed, a group begins at the first record.
        const stored = BigInt(offsets.get(partition) ?? -1);
        const position = stored < low ? low : stored;
        positions.set(partition, position);
        if (high > position) lag += high - position;
      }
      const group = groups?.groups.find(({ groupId }) => groupId === lane.group);
      return {
        lane,
        id: `${lane.stage}.${lane.name}`,
        positions,
        lag: Number(lag),
        ...(group && { group: { state: toGroupState(group.state), memberCount: group.members.length } }),
      };
    }),
  };
}

async function fetchRanges(admin: Admin, topic: string): Promise<PartitionRange[]> {
  const found = await admin.fetchTopicOffsets(topic);
  return found
    .map(({ partition, low, high }) => ({ partition, low: BigInt(low), high: BigInt(high) }))
    .sort((a, b) => a.partition - b.partition);
}

function toGroupState(state: string): GroupState {
  if (state === 'Stable') return 'stable';
  if (state === 'Empty') return 'empty';
  return state === 'Dead' ? 'gone' : 'rebalancing';
}
