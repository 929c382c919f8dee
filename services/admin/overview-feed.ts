// What everybody who has the overview open looks at: asked for once however many look, every few seconds.

import { guardAuthor } from '../../domain/holds.ts';
import type { EndState } from '../../domain/reasons.ts';
import type { Db } from '../../lib/db/database.ts';
import { describeError } from '../../lib/errors.ts';
import { listPauses, listSharedHolds } from '../../lib/holds/list-holds.ts';
import { within } from '../../lib/kafka/within.ts';
import { stages } from '../../lib/topics.ts';
import type { LaneFacts, LaneWord } from './kafka/lag.ts';
import type { LagSampler, LagView } from './kafka/lag-sampler.ts';
import { countDone, type LetterPlace } from './queries/dead-letters.ts';
import { listStandingStill, type OpenRequest } from './queries/open-requests.ts';
import { countEndsToday, isUntouched, listRunning, type RunningMailing } from './queries/overview.ts';
import { type Points, type Range, readSeries, type Series } from './queries/overview-series.ts';
import { type ShownHold, toShownHold, toShownPause } from './shown-holds.ts';

export interface StageFacts {
  name: string;
  lag: number;
  word: LaneWord;
  lanes: LaneFacts[];
  /** To decide on: without those that were sent back or discarded. */
  deadLetterCount: number;
}

export interface Overview {
  today: Record<EndState, { all: number; high: number }>;
  running: RunningMailing[];
  /** Of each priority the oldest request that stands still, if any does. */
  standingStill: OpenRequest[];
  /** In force: all that cover more than one request, and what the guard has paused. */
  holds: ShownHold[];
  /** As they last were while Kafka does not answer, and then `fault` says so; empty when they were never known. */
  stages: StageFacts[];
  fault: string | undefined;
  isUntouched: boolean;
}

export interface OverviewFeed {
  /** At most 2 s old. @throws DependencyError('postgres') */
  now(): Promise<Overview>;
  /** @throws DependencyError('postgres') */
  series(range: Range): Promise<Series>;
}

const freshForMs = 2_000;
const kafkaWithinMs = 1_500;
const seriesFreshForMs = 10_000;
/** From the least to what needs somebody most. */
const wordOrder: readonly LaneWord[] = ['quiet', 'working', 'behind', 'unread'];

export function createOverviewFeed(parts: { db: Db; lag: LagSampler; now: () => number }): OverviewFeed {
  const { db, lag, now } = parts;
  let touched = false;

  async function read(): Promise<Overview> {
    // The page shows what Postgres knows, however long Kafka takes.
    const view = within(kafkaWithinMs, lag.current()).then(
      (found) => ({ found, fault: undefined }),
      (error: unknown) => ({ found: lag.last(), fault: describeError(error) }),
    );
    const [ends, running, standingStill, shared, pauses, untouched] = await Promise.all([
      countEndsToday(db),
      listRunning(db),
      listStandingStill(db),
      listSharedHolds(db),
      listPauses(db),
      touched ? false : isUntouched(db),
    ]);
    touched ||= !untouched;
    const today = { sent: count(), failed: count(), skipped: count(), unknown: count() };
    for (const { isHigh, state, count: ended } of ends) {
      today[state].all += ended;
      if (isHigh) today[state].high += ended;
    }
    const { found, fault } = await view;
    const stages = found ? toStages(found, await countDone(db, toLowest(found))) : [];
    const byGuard = pauses.filter(({ author }) => author === guardAuthor);
    const holds = [...shared.map(toShownHold), ...byGuard.map(toShownPause)];
    return { today, running, standingStill, holds, stages, fault, isUntouched: untouched };
  }

  const keptPoints = new Map<Range, Points>();
  async function readRange(range: Range): Promise<Series> {
    const { series, points } = await readSeries(db, range, now(), keptPoints.get(range));
    keptPoints.set(range, points);
    return series;
  }

  const seriesOf = {
    hour: shared(seriesFreshForMs, () => readRange('hour')),
    day: shared(seriesFreshForMs, () => readRange('day')),
    month: shared(seriesFreshForMs, () => readRange('month')),
  };
  return { now: shared(freshForMs, read), series: (range) => seriesOf[range]() };
}

const count = () => ({ all: 0, high: 0 });

/** Of every partition that holds dead letters: where those begin that it still keeps. */
function toLowest({ facts, positions }: LagView): LetterPlace[] {
  return facts.topics
    .filter(({ stage }) => stage !== null)
    .flatMap(({ name }) =>
      (positions.topics.get(name) ?? []).map(({ partition, low }) => ({ topic: name, partition, offset: Number(low) })),
    );
}

/** @param done dead letters that were sent back or discarded, by topic */
function toStages({ facts }: LagView, done: ReadonlyMap<string, number>): StageFacts[] {
  return stages.map((name) => {
    const lanes = facts.lanes.filter((lane) => lane.stage === name);
    const deadLetters = facts.topics.find(({ stage }) => stage === name);
    const worst = Math.max(...lanes.map(({ word }) => wordOrder.indexOf(word)));
    return {
      name,
      lag: lanes.reduce((sum, lane) => sum + lane.lag, 0),
      word: wordOrder[worst] ?? 'quiet',
      lanes,
      deadLetterCount: Math.max(0, (deadLetters?.keptCount ?? 0) - (done.get(deadLetters?.name ?? '') ?? 0)),
    };
  });
}

/** The same answer for all who ask within the time, and one asking for all who ask at once. */
function shared<T>(forMs: number, ask: () => Promise<T>): () => Promise<T> {
  let asked: { answer: Promise<T>; atMs: number } | undefined;
  return () => {
    if (!asked || Date.now() - asked.atMs > forMs) {
      const begun = { answer: ask(), atMs: Date.now() };
      asked = begun;
      begun.answer.catch(() => {
        if (asked === begun) asked = undefined;
      });
    }
    return asked.answer;
  };
}
