// What two looks at Kafka say together: rates, and in a plain word how a lane is doing. Pure.
import { recordTopics, stages, type Topics } from '../../../lib/topics.ts';
import type { PartitionRange } from './record-reader.ts';
import type { GroupState, LanePosition, Positions } from './take-sample.ts';

/** quiet: nothing to do. working: done within a minute. behind: later. unread: work, and nobody who does it. */
export type LaneWord = 'quiet' | 'working' | 'behind' | 'unread';

export interface TopicFacts {
  name: string;
  /** The Avro record it carries; null for dead letters. */
  record: string | null;
  /** Of dead letters: the stage that put them aside. */
  stage: string | null;
  partitionCount: number;
  /** Records that it keeps. */
  keptCount: number;
  /** Records appended a second; null before the second look. */
  ratePerS: number | null;
}

export interface LaneFacts {
  id: string;
  stage: string;
  name: string;
  group: string;
  topic: string;
  lag: number;
  /** Records done a second; null before the second look. */
  ratePerS: number | null;
  /** Until it has caught up at this rate; null when it does not move or has nothing to do. */
  leftMs: number | null;
  state: GroupState | null;
  memberCount: number | null;
  word: LaneWord;
}

export interface LagFacts {
  atMs: number;
  topics: TopicFacts[];
  lanes: LaneFacts[];
}

const minuteMs = 60_000;

/** @param before an earlier look; rates are means over the time between the two */
export function toLagFacts(topics: Topics, now: Positions, before: Positions | undefined): LagFacts {
  const seconds = before ? (now.atMs - before.atMs) / 1_000 : 0;
  const rate = (moved: bigint): number => Math.max(0, Number(moved) / seconds);

  function toTopic(name: string, record: string | null, stage: string | null): TopicFacts {
    const ranges = now.topics.get(name) ?? [];
    const earlier = before?.topics.get(name);
    return {
      name,
      record,
      stage,
      partitionCount: ranges.length,
      keptCount: Number(ranges.reduce((sum, { low, high }) => sum + high - low, 0n)),
      ratePerS: earlier && seconds > 0 ? rate(sumHigh(ranges) - sumHigh(earlier)) : null,
    };
  }

  function toLane({ lane, id, lag, positions, group }: LanePosition): LaneFacts {
    const earlier = before?.lanes.find((one) => one.id === id);
    const ratePerS = earlier && seconds > 0 ? rate(sum(positions.values()) - sum(earlier.positions.values())) : null;
    const leftMs = lag > 0 && ratePerS ? (lag / ratePerS) * 1_000 : null;
    const memberCount = group?.memberCount ?? null;
    return {
      id,
      stage: lane.stage,
      name: lane.name,
      group: lane.group,
      topic: lane.input.name,
      lag,
      ratePerS,
      leftMs,
      state: group?.state ?? null,
      memberCount,
      word: toWord(lag, ratePerS, leftMs, memberCount),
    };
  }

  return {
    atMs: now.atMs,
    topics: [
      ...recordTopics(topics).map(({ name, record }) => toTopic(name, record, null)),
      ...stages.map((stage) => toTopic(topics.deadLetters[stage].name, null, stage)),
    ],
    lanes: now.lanes.map(toLane),
  };
}

function toWord(lag: number, ratePerS: number | null, leftMs: number | null, memberCount: number | null): LaneWord {
  if (lag === 0) return 'quiet';
  if (memberCount === 0) return 'unread';
  // At the first look nothing is known of its speed yet.
  if (ratePerS === null || (leftMs !== null && leftMs < minuteMs)) return 'working';
  return 'behind';
}

function sumHigh(ranges: readonly PartitionRange[]): bigint {
  return sum(ranges.map(({ high }) => high));
}

function sum(numbers: Iterable<bigint>): bigint {
  let total = 0n;
  for (const number of numbers) total += number;
  return total;
}
