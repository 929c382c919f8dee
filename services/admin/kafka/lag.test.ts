import { describe, expect, it } from 'vitest';
import { createTopics } from '../../../lib/topics.ts';
import { type LaneFacts, toLagFacts } from './lag.ts';
import { allLanes, type Positions, topicNames } from './take-sample.ts';

const topics = createTopics();

/** One partition everywhere; the renderer's low lane is what the tests are about. */
function look(atMs: number, at: { done: bigint; high: bigint; memberCount?: number }): Positions {
  const range = { partition: 0, low: 10n, high: at.high };
  return {
    atMs,
    topics: new Map(topicNames(topics).map((name) => [name, [range]])),
    lanes: allLanes(topics).map((lane) => ({
      lane,
      id: `${lane.stage}.${lane.name}`,
      positions: new Map([[0, at.done]]),
      lag: Number(at.high - at.done),
      group: { state: 'stable', memberCount: at.memberCount ?? 1 },
    })),
  };
}

function laneOf(now: Positions, before?: Positions): LaneFacts | undefined {
  return toLagFacts(topics, now, before).lanes.find(({ id }) => id === 'renderer.low');
}

describe('the facts of a lane', () => {
  it('are its lag, how fast it goes, and when it will have caught up', () => {
    const lane = laneOf(look(10_000, { done: 300n, high: 500n }), look(0, { done: 100n, high: 200n }));
    expect(lane).toMatchObject({ lag: 200, ratePerS: 20, leftMs: 10_000, word: 'working' });
  });

  it.each([
    ['quiet', 'nothing is left to do', { done: 500n, high: 500n }, { done: 0n, high: 0n }],
    ['working', 'it will be done within a minute', { done: 300n, high: 500n }, { done: 100n, high: 500n }],
    ['behind', 'it will take longer', { done: 110n, high: 50_000n }, { done: 100n, high: 500n }],
    ['behind', 'it does not move', { done: 100n, high: 500n }, { done: 100n, high: 500n }],
    ['unread', 'its group has no members', { done: 100n, high: 500n, memberCount: 0 }, { done: 100n, high: 500n }],
  ])('say %s when %s', (word, _why, now, before) => {
    expect(laneOf(look(10_000, now), look(0, before))?.word).toBe(word);
  });

  it('say nothing of speed at the first look', () => {
    expect(laneOf(look(0, { done: 100n, high: 500n }))).toMatchObject({
      ratePerS: null,
      leftMs: null,
      word: 'working',
    });
  });

  it('never go backwards when an offset was set back by hand', () => {
    expect(laneOf(look(1_000, { done: 0n, high: 500n }), look(0, { done: 400n, high: 500n }))?.ratePerS).toBe(0);
  });
});

it('counts what a topic keeps, and what comes in', () => {
  const facts = toLagFacts(topics, look(10_000, { done: 0n, high: 110n }), look(0, { done: 0n, high: 60n }));
  expect(facts.topics[0]).toMatchObject({ name: 'notifications.requests', keptCount: 100, ratePerS: 5, stage: null });
  expect(facts.topics.filter(({ stage }) => stage !== null).map(({ stage }) => stage)).toEqual([
    ...['planner', 'enricher', 'renderer', 'dispatcher'],
  ]);
});
