// What the overview's charts show: ends and lag over time, summed up to at most 500 points by Postgres.
import { sql } from 'kysely';
import { type EndState, reasons } from '../../../domain/reasons.ts';
import { type Db, withDatabase } from '../../../lib/db/database.ts';
import { type StageName, stages } from '../../../lib/topics.ts';

export const ranges = {
  hour: { title: 'last hour', minutes: 60, step: 1 },
  day: { title: 'last day', minutes: 24 * 60, step: 5 },
  month: { title: 'last 30 days', minutes: 30 * 24 * 60, step: 120 },
} as const;
export type Range = keyof typeof ranges;

export interface Series {
  /** Where each point begins, in seconds since 1970 UTC. */
  at: number[];
  /** Ends a minute, on the mean over the point. */
  ends: Record<EndState, number[]>;
  /** The highest lags of each stage's lanes within the point, added up; null where nobody looked. */
  lag: Record<StageName, (number | null)[]>;
}

/** The sums that a series is made of. */
export interface Points {
  ends: EndRow[];
  lags: LagRow[];
  /** The first second that may still change. */
  openS: number;
}

const endStates = (Object.keys(reasons) as (keyof typeof reasons)[]).filter((state) => state !== 'deferred');
/** Ends are written within their minute; after so long a point is final. */
const settledAfterS = 120;

/**
 * Up to the last full minute: the one that runs would look like a fall.
 * @param kept what was read before: 30 days are a million rows, of which only the last points can have changed
 */
export async function readSeries(
  db: Db,
  range: Range,
  nowMs: number,
  kept?: Points,
): Promise<{ series: Series; points: Points }> {
  const { minutes, step } = ranges[range];
  const stepS = step * 60;
  const endS = Math.floor(nowMs / 60_000) * 60;
  const firstS = Math.ceil((endS - minutes * 60) / stepS) * stepS;
  const fromS = Math.max(firstS, kept?.openS ?? 0);
  const [ends, lags] = await Promise.all([readEnds(db, fromS, endS, stepS), readLag(db, fromS, endS, stepS)]);
  const isKept = ({ s }: { s: number }) => s >= firstS && s < fromS;
  const points = {
    ends: [...(kept?.ends.filter(isKept) ?? []), ...ends],
    lags: [...(kept?.lags.filter(isKept) ?? []), ...lags],
    openS: Math.floor((endS - settledAfterS) / stepS) * stepS,
  };
  return { series: toSeries(points, firstS, endS, stepS), points };
}

function toSeries({ ends, lags }: Points, firstS: number, endS: number, stepS: number): Series {
  const at: number[] = [];
  for (let s = firstS; s < endS; s += stepS) at.push(s);
  const series: Series = {
    at,
    ends: byName(endStates, () => at.map(() => 0)),
    lag: byName(stages, () => at.map(() => null as number | null)),
  };
  for (const { s, state, count } of ends) {
    // Of the last point only a part may have passed.
    const pastMinutes = Math.min(stepS, endS - s) / 60;
    series.ends[state][(s - firstS) / stepS] = count / pastMinutes;
  }
  for (const { s, stage, lag } of lags) {
    if (stage in series.lag) series.lag[stage][(s - firstS) / stepS] = lag;
  }
  return series;
}

interface EndRow {
  s: number;
  state: EndState;
  count: number;
}

async function readEnds(db: Db, firstS: number, endS: number, stepS: number): Promise<EndRow[]> {
  const { rows } = await withDatabase(() =>
    sql<EndRow>`
      select extract(epoch from point)::bigint as s, state, count from (
        select date_bin(make_interval(secs => ${stepS}::int), minute, timestamptz 'epoch') as point, state, sum(count)::bigint as count
        from delivery_minutes
        where minute >= to_timestamp(${firstS}) and minute < to_timestamp(${endS})
        group by 1, 2
      ) points`.execute(db),
  );
  return rows;
}

interface LagRow {
  s: number;
  stage: StageName;
  lag: number;
}

async function readLag(db: Db, firstS: number, endS: number, stepS: number): Promise<LagRow[]> {
  const { rows } = await withDatabase(() =>
    sql<LagRow>`
      select extract(epoch from point)::bigint as s, split_part(lane, '.', 1) as stage, sum(lag)::bigint as lag from (
        select date_bin(make_interval(secs => ${stepS}::int), minute, timestamptz 'epoch') as point, lane, max(lag) as lag
        from lag_minutes
        where minute >= to_timestamp(${firstS}) and minute < to_timestamp(${endS})
        group by 1, 2
      ) highest group by 1, 2`.execute(db),
  );
  return rows;
}

function byName<N extends string, T>(names: readonly N[], make: () => T): Record<N, T> {
  return Object.fromEntries(names.map((name) => [name, make()])) as Record<N, T>;
}
