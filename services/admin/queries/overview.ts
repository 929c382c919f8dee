// The numbers of the overview. All from rows by the minute and sums of counters: nothing here counts deliveries.
import { sql } from 'kysely';
import type { EndState } from '../../../domain/reasons.ts';
import type { RequestState } from '../../../domain/request-state.ts';
import { type Db, withDatabase } from '../../../lib/db/database.ts';
import { requestHold } from '../../../lib/holds/covers.ts';

export interface EndCount {
  isHigh: boolean;
  state: EndState;
  count: number;
}

/** Since midnight UTC. */
export async function countEndsToday(db: Db): Promise<EndCount[]> {
  const { rows } = await withDatabase(() =>
    sql<EndCount>`select priority = 'high' as "isHigh", state, sum(count)::bigint as count from delivery_minutes
      where minute >= date_trunc('day', now(), 'UTC') group by 1, 2`.execute(db),
  );
  return rows;
}

export interface RunningMailing {
  id: string;
  title: string;
  state: RequestState;
  hold: 'paused' | 'cancelled' | null;
  /** How many people it is said to go to; null where nobody confirmed a number. */
  expected: number | null;
  planned: number;
  planningComplete: boolean;
  sent: number;
  ended: number;
  startedAt: Date | null;
}

const maxRunning = 10;

/** Requests with an audience that the mailing runner drives now, the newest first. Their number is small by nature. */
export async function listRunning(db: Db): Promise<RunningMailing[]> {
  const { rows } = await withDatabase(() =>
    sql<RunningMailing>`
      with running as materialized (
        select * from requests
        where (origin in ('mailing', 'series') or user_categories <> '{}') and driven and ended_at is null
          and state in ('planning', 'running', 'paused')
        order by stored_at desc limit ${maxRunning}
      )
      select r.request_id as id, coalesce(m.title, r.template_id) as title, r.state, ${requestHold} as hold,
        m.confirmed_count as expected, r.planned, r.planning_complete as "planningComplete",
        coalesce(c.sent, 0) as sent, coalesce(c.ended, 0) as ended, r.started_at as "startedAt"
      from running r
      left join mailings m on m.mailing_id = coalesce(r.series_id, r.request_id)
      left join holds h on h.request_id = r.request_id
      left join lateral (
        select sum(count) filter (where state = 'sent')::int as sent,
          sum(count) filter (where state in ('sent', 'failed', 'skipped', 'unknown'))::int as ended
        from counters where request_id = r.request_id
      ) c on true
      order by r.stored_at desc`.execute(db),
  );
  return rows;
}

/** Whether nothing was ever asked for: then the overview tells how to begin. */
export async function isUntouched(db: Db): Promise<boolean> {
  const { rows } = await withDatabase(() =>
    sql<{ untouched: boolean }>`select not exists (select from requests) and not exists (select from accepted)
      and not exists (select from delivery_minutes) as untouched`.execute(db),
  );
  return rows[0]?.untouched ?? false;
}
