// Looks at the whole system for the metrics, and looks again. The numbers of a stage stand on the stage's own port; what
// nobody would tell when a stage is gone stands here.
import type { Db } from '../../lib/db/database.ts';
import { countHolds } from '../../lib/holds/list-holds.ts';
import type { Logger } from '../../lib/logger.ts';
import { type Sampling, startSampling } from '../../lib/sampling.ts';
import { stages } from '../../lib/topics.ts';
import type { LagSampler } from './kafka/lag-sampler.ts';
import type { AdminMetrics, Whole } from './metrics.ts';
import { countOperatorWork, countWaiting } from './queries/watch-counts.ts';

export interface Watching extends Sampling {
  /** What the pages cannot do without and do not have. Without Kafka most of them answer. */
  waitingFor(): string[];
}

/** @param options.everyMs between two looks at what operators asked for, by which a lost Postgres is noticed */
export function startWatching(options: {
  db: Db;
  lag: Pick<LagSampler, 'current'>;
  metrics: Pick<AdminMetrics, 'whole' | 'waiting' | 'operatorWork' | 'holds'>;
  logger: Logger;
  everyMs?: number;
}): Watching {
  const { db, lag, metrics, logger, everyMs = 5_000 } = options;
  let hasDatabase = true;

  /** While there is no answer there is no number: an old one would look like a quiet system. */
  function watch<T>(
    what: string,
    times: number,
    read: () => Promise<T>,
    show: (seen: T | undefined) => void,
  ): Sampling {
    const look = async () => {
      try {
        show(await read());
      } catch (error) {
        show(undefined);
        throw error;
      }
    };
    return startSampling({ what, look, logger, everyMs: everyMs * times });
  }

  const samplings = [
    watch('the lag of the lanes', 4, () => readWhole(lag), metrics.whole),
    watch('what is on hold', 2, () => countHolds(db), metrics.holds),
    watch('what waits', 4, () => countWaiting(db), metrics.waiting),
    watch(
      'what operators have asked for',
      1,
      () => countOperatorWork(db),
      (work) => {
        hasDatabase = work !== undefined;
        metrics.operatorWork(work);
      },
    ),
  ];
  return {
    waitingFor: () => (hasDatabase ? [] : ['postgres']),
    stop() {
      for (const sampling of samplings) sampling.stop();
    },
  };
}

async function readWhole(lag: Pick<LagSampler, 'current'>): Promise<Whole> {
  const { facts, positions } = await lag.current();
  return {
    lanes: positions.lanes.map(({ lane, lag: count, group }) => ({
      stage: lane.stage,
      name: lane.name,
      lag: count,
      memberCount: group?.memberCount ?? null,
    })),
    deadLetters: stages.map((stage) => ({
      stage,
      keptCount: facts.topics.find((topic) => topic.stage === stage)?.keptCount ?? 0,
    })),
  };
}
