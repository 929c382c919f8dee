// Leaves alone, for a while, a request or mailing whose statements come to no end (or that the user service cannot answer
// for), so that the others go on. Its page says why. Nothing of it is lost: it is taken up again when the time is over.
import { type RawBuilder, sql } from 'kysely';
import { type Db, StatementUndoneError, withDatabase } from '../../../lib/db/database.ts';
import { type DependencyError, describeError } from '../../../lib/errors.ts';
import type { Logger } from '../../../lib/logger.ts';
import type { PlannerMetrics } from '../planner-metrics.ts';

export interface AsideParts {
  db: Db;
  logger: Logger;
  metrics?: Pick<PlannerMetrics, 'setAside'>;
}

/** At what it happened, a label of the metric. */
export type AsideWork = 'adopt' | 'fire' | 'due' | 'drive' | 'close' | 'heal';

/** The first time; each further one is twice as long. Each try of statements that come to no end takes a connection for 30 s. */
const undoneSeconds = { first: 60, longest: 1_800 };
const unansweredSeconds = { first: 10, longest: 60 };
/** In a row, in one batch; then it may be the state of Postgres. */
const maxAsideInARow = 3;

/** @param id an expression: a request, or a mailing that is none yet */
export function isNotAside(id: RawBuilder<unknown>): RawBuilder<boolean> {
  return sql<boolean>`not exists (select from set_aside a where a.subject_id = ${id} and a.set_aside_until > now())`;
}

export async function setAside(
  { db, logger, metrics }: AsideParts,
  work: AsideWork,
  subjectId: string,
  error: DependencyError,
): Promise<void> {
  const isUndone = error instanceof StatementUndoneError;
  const { first, longest } = isUndone ? undoneSeconds : unansweredSeconds;
  const reason = isUndone ? 'A statement in Postgres does not come to its end' : error.message;
  await withDatabase(() =>
    sql`
      insert into set_aside as a (subject_id, reason, set_aside_until)
      values (${subjectId}, ${reason}, now() + make_interval(secs => ${first}))
      on conflict (subject_id) do update set reason = excluded.reason, times = a.times + 1,
        set_aside_until = now() + make_interval(secs => least(${longest}, ${first} * 2 ^ least(a.times, 20)))`.execute(
      db,
    ),
  );
  metrics?.setAside(work);
  logger.warn({ subjectId, work, reason: describeError(error) }, 'left alone for a while, the others go on');
}

/** Its work has come to an end again. */
export async function endAside(db: Db, subjectId: string): Promise<void> {
  await withDatabase(() => sql`delete from set_aside where subject_id = ${subjectId}`.execute(db));
}

/** Of requests that ended, or mailings that were taken back, while they were set aside. */
export async function forgetOldAsides(db: Db): Promise<void> {
  await withDatabase(() => sql`delete from set_aside where set_aside_until < now() - interval '1 day'`.execute(db));
}

/**
 * Work on a batch. When its statements come to no end it is done for one subject after the other, and the subjects for
 * which they still do not are set aside.
 * @param batch.run works on as many as `limit`, the first ones first; findFirst names the first one
 * @returns how many were worked on
 */
export async function runBatch(
  parts: AsideParts,
  work: AsideWork,
  batch: { limit: number; run(limit: number): Promise<number>; findFirst(): Promise<string | undefined> },
): Promise<number> {
  try {
    return await batch.run(batch.limit);
  } catch (error) {
    if (!(error instanceof StatementUndoneError)) throw error;
  }
  async function* firstOnes(): AsyncGenerator<string> {
    for (let count = 0; count < batch.limit; count++) {
      const first = await batch.findFirst();
      if (first === undefined) return;
      yield first;
    }
  }
  return runEach(parts, work, firstOnes(), () => batch.run(1));
}

/** @returns how many were worked on; after some in a row that were set aside the rest is left for the next time */
export async function runEach(
  parts: AsideParts,
  work: AsideWork,
  subjectIds: Iterable<string> | AsyncIterable<string>,
  run: (subjectId: string) => Promise<number>,
): Promise<number> {
  let count = 0;
  let asideInARow = 0;
  for await (const subjectId of subjectIds) {
    if (asideInARow === maxAsideInARow) break;
    const isDone = await orAside(parts, work, subjectId, async () => {
      count += await run(subjectId);
    });
    asideInARow = isDone ? 0 : asideInARow + 1;
  }
  return count;
}

/** @returns false when the statements came to no end, and the subject was set aside */
export async function orAside(
  parts: AsideParts,
  work: AsideWork,
  subjectId: string,
  run: () => Promise<unknown>,
): Promise<boolean> {
  try {
    await run();
    return true;
  } catch (error) {
    if (!(error instanceof StatementUndoneError)) throw error;
    await setAside(parts, work, subjectId, error);
    return false;
  }
}
