// How one request is going: the planner's row, what is wanted of it, and the dispatcher's counters. Never counts
// deliveries.
import { sql } from 'kysely';
import type { RequestState } from '../../../domain/request-state.ts';
import { type Db, withDatabase } from '../../../lib/db/database.ts';
import { requestHold } from '../../../lib/holds/covers.ts';
import type { ActiveHold } from '../../../lib/holds/list-holds.ts';
import { listHoldsOnRequest } from './holds.ts';

export interface Counted {
  state: 'sent' | 'failed' | 'skipped' | 'unknown' | 'deferred';
  reason: string;
  count: number;
}

export interface NumbersRow {
  /** Null: nothing has come of it yet. */
  state: RequestState | null;
  detail: string;
  /** What is wanted of it, also by a shared hold. */
  hold: 'paused' | 'cancelled' | null;
  /** What is wanted of it alone. */
  ownHold: 'paused' | 'cancelled' | null;
  driven: boolean;
  planned: number;
  planningComplete: boolean;
  startedAt: Date | null;
  endedAt: Date | null;
  counts: Counted[];
  /** People who unsubscribed by a link of it, and still are. */
  unsubscribed: number;
  /** When the first and the last of those who wait are tried again. */
  waitingFrom: Date | null;
  waitingUntil: Date | null;
  /** Why the planner leaves it alone for now. */
  aside: string | null;
  /** What keeps it back, with who and why. */
  holds: ActiveHold[];
}

/** Longer than it takes to find that it is still so. */
const asideShownSeconds = 120;

/** Of a request, or of a mailing that is none yet. */
export async function readNumbers(db: Db, requestId: string): Promise<NumbersRow> {
  const holds = listHoldsOnRequest(db, requestId);
  const numbers = withDatabase(() =>
    sql<Omit<NumbersRow, 'holds'>>`
      with counted as materialized (
        select state, reason, sum(count)::int as count from counters where request_id = ${requestId}
        group by state, reason having sum(count) <> 0
      ), waits as materialized (select exists (select from counted where state = 'deferred') as any)
      select r.state, coalesce(r.detail, '') as detail, ${requestHold} as hold, h.state as "ownHold", coalesce(r.driven, true) as driven,
        coalesce(r.planned, 0) as planned, coalesce(r.planning_complete, false) as "planningComplete",
        r.started_at as "startedAt", r.ended_at as "endedAt",
        coalesce((select json_agg(c order by c.state, c.count desc) from counted c), '[]') as counts,
        (select count(*)::int from unsubscribes where request_id = ${requestId}) as unsubscribed,
        case when waits.any then (select min(due_at) from waiting
          where request_id = ${requestId} and resume_at is null) end as "waitingFrom",
        case when waits.any then (select max(due_at) from waiting
          where request_id = ${requestId} and resume_at is null) end as "waitingUntil",
        (select a.reason from set_aside a where a.subject_id = ${requestId}
          and a.set_aside_until > now() - make_interval(secs => ${asideShownSeconds})) as aside
      from waits
      left join requests r on r.request_id = ${requestId}
      left join holds h on h.request_id = ${requestId}`.execute(db),
  );
  const [{ rows }, found] = await Promise.all([numbers, holds]);
  const [row] = rows;
  if (!row) throw new Error('a query that always gives one row gave none');
  return { ...row, holds: found };
}
