// What the metrics tell of tables: what waits, and what operators have asked for. Bounded, for it is asked all the time.
import { sql } from 'kysely';
import { type Db, withDatabase } from '../../../lib/db/database.ts';
import { priorities } from '../../../lib/topics.ts';
import type { OperatorWork, WaitingNow } from '../metrics.ts';

/** More are not counted: the payloads stand in the rows, and reading a million of them for a number is too dear. */
const countedAtMost = 10_000;

/** Rows that wait for the end of a pause are not overdue: their time is that of the request. */
export async function countWaiting(db: Db): Promise<WaitingNow[]> {
  const { rows } = await withDatabase(() =>
    sql<WaitingNow>`
      select p.priority, w.rows, w."pausedRows", w."overdueSeconds", w."oldestSeconds"
      from unnest(${[...priorities]}::text[]) as p(priority)
      cross join lateral (
        select count(*) filter (where resume_at is null)::integer as rows,
          count(*) filter (where resume_at is not null)::integer as "pausedRows",
          coalesce(extract(epoch from greatest(now() - min(due_at) filter (where resume_at is null), interval '0')),
            0)::double precision as "overdueSeconds",
          coalesce(extract(epoch from now() - min(created_at) filter (where resume_at is null)),
            0)::double precision as "oldestSeconds"
        from (
          select due_at, resume_at, created_at from waiting
          where waiting.priority = p.priority order by due_at limit ${countedAtMost}
        ) first
      ) w`.execute(db),
  );
  return rows;
}

export async function countOperatorWork(db: Db): Promise<OperatorWork[]> {
  const { rows } = await withDatabase(() =>
    sql<OperatorWork>`
      select action as kind, state, count(*)::integer as count from dead_letter_actions
      where state = 'wanted' group by action, state
      union all
      select 'replay', state, count(*)::integer from replays
      where state in ('wanted', 'running', 'paused') group by state`.execute(db),
  );
  return rows;
}
