import { describe, expect, it } from 'vitest';
import { noCounts, type Replay, type ReplayCounts } from './replay-types.ts';
import { summarize, toCountLines, toProgress } from './replay-words.ts';

const replay = (given: Partial<Replay> & { counts?: ReplayCounts }) => ({
  state: 'done' as const,
  mode: 'dry_run' as const,
  detail: '',
  counts: noCounts,
  ...given,
});
const counts = (given: Partial<ReplayCounts>): ReplayCounts => ({ ...noCounts, ...given });

describe('the words of a replay', () => {
  const sums = [
    [{}, 'Nobody is missing: it would send nothing.'],
    [{ counts: counts({ toSend: 1 }) }, 'It would send to 1 person. Nothing was sent.'],
    [
      { counts: counts({ toSend: 1_200, uncountedRequests: 2 }) },
      'It would send to 1,200 people and the categories of 2 requests. Nothing was sent.',
    ],
    [{ mode: 'execute' }, 'Nobody was missing: nothing was sent.'],
    [{ mode: 'execute', counts: counts({ published: 1 }) }, '1 person was published again.'],
    [{ mode: 'execute', counts: counts({ published: 3 }), state: 'paused' }, 'So far 3 people were published again.'],
    [{ state: 'running' }, 'It counts; nothing is sent.'],
    [{ state: 'running', detail: 'Kafka is away' }, 'It waits and tries again: Kafka is away'],
    [
      { state: 'cancelled', mode: 'execute', counts: counts({ published: 2 }) },
      'It was cancelled. 2 people were published again.',
    ],
    [{ state: 'failed', detail: 'a bug.' }, 'It failed: a bug. Nothing was sent.'],
    [{ state: 'wanted' }, 'It waits for the admin service to take it up.'],
  ] as const;
  it.each(sums.map(([given, sentence]) => ({ given, sentence })))('sum up: $sentence', ({ given, sentence }) => {
    expect(summarize(replay(given as Partial<Replay>))).toBe(sentence);
  });

  it('always name those to send, and of the others what there is', () => {
    const names = (given: Partial<Replay>) => toCountLines(replay(given)).map(({ name }) => name);
    expect(names({})).toEqual(['toSend']);
    expect(names({ mode: 'execute', counts: counts({ sent: 4 }) })).toEqual(['toSend', 'published', 'sent']);
    // A number without a word would be hidden from whoever decides by them.
    const all = Object.fromEntries(Object.keys(noCounts).map((name) => [name, 1])) as unknown as ReplayCounts;
    expect(names({ counts: all }).toSorted()).toEqual(Object.keys(noCounts).toSorted());
  });

  it('tell how far it is over all partitions', () => {
    const range = { from: { 0: '10', 1: '0' }, until: { 0: '20', 1: '5' } };
    expect(toProgress({ ...range, cursor: { next: {} } })).toEqual({ doneCount: 0, allCount: 15 });
    expect(toProgress({ ...range, cursor: { next: { 0: '20', 1: '2' } } })).toEqual({ doneCount: 12, allCount: 15 });
  });
});
