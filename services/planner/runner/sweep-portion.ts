// The statement of the sweep: looks at the next open requests of each priority, ends those that only name people and whose
// numbers balance, and tells which of the others stand still.
import { sql } from 'kysely';
import { type Db, withDatabase } from '../../../lib/db/database.ts';
import { openSince, requestIsHeld, requestIsOpen } from '../../../lib/db/open-requests.ts';
import type { Priority } from '../../../lib/topics.ts';
import { endedState } from './take-progress.ts';

/** Where a priority's walk goes on: after this request. Times as Postgres writes them, with all their digits. */
export interface Place {
  since: string;
  requestId: string;
}

export interface LookedAt {
  priority: Priority;
  looked: number;
  /** There are more after `last`. */
  hasMore: boolean;
  closed: number;
  first: Place | null;
  last: Place | null;
  /** Since when the oldest one has been open that stands still and nobody wants it to, milliseconds since 1970 UTC. */
  oldestMs: number | null;
  /** Named people alone; nothing was heard of some of them for long, and nobody holds them. */
  quiet: string[];
}

export const perPriority = 500;
/** Whose ends are read at once; the first request is always taken. */
const maxPeople = 20_000;
/** A driven request whose numbers moved so lately does not stand still. */
const movedLatelySeconds = 300;

/**
 * A request of one person was written once until here, and is written once more now, hundreds together; of what is on its
 * way nothing is written. `ended_at` is the end of its last person, so that a request closed months later is not young.
 */
export async function sweepPortion(db: Db, after: Record<Priority, Place>, healAfterMs: number): Promise<LookedAt[]> {
  const from = Object.entries(after).map(([priority, place]) => ({ priority, ...place }));
  const { rows } = await withDatabase(() =>
    sql<LookedAt>`
      with looked as materialized (
        select * from (
          select o.*, count(*) over (partition by o.priority) as found,
            sum(o.planned) over (partition by o.priority order by o.since, o.request_id) - o.planned as before
          from json_to_recordset(${JSON.stringify(from)}::json) as p (priority text, since timestamptz, "requestId" uuid)
          cross join lateral (
            select r.request_id, r.priority, ${openSince} as since, r.planned, r.planning_complete, r.driven,
              r.driven and r.progress_at > now() - make_interval(secs => ${movedLatelySeconds}) as is_moving,
              coalesce(r.progress_at, r.stored_at) <= now() - make_interval(secs => ${healAfterMs / 1000}) as is_quiet
            from requests r
            where r.priority = p.priority and ${requestIsOpen}
              and (${openSince}, r.request_id) > (p.since, p."requestId")
            order by ${openSince}, r.request_id limit ${perPriority}
          ) o
        ) taken where before < ${maxPeople}
      ), counted as materialized (
        select l.*, coalesce(c.ended, 0) = l.planned and l.planning_complete as is_balanced,
          coalesce(c.known, 0) >= l.planned and l.planning_complete as are_all_known
        from looked l
        left join lateral (
          select sum(count) filter (where state <> 'deferred') as ended, sum(count) as known
          from counters where request_id = l.request_id
        ) c on true
      ), locked as (
        select r.request_id from requests r join counted c using (request_id)
        where c.is_balanced and not r.driven and r.state = 'running' and r.ended_at is null
        order by r.request_id
        for update of r skip locked
      ), closed as (
        update requests r set state = ${endedState}, ended_at = coalesce((
            select max(d.ended_at) from deliveries d
            where d.request_id = r.request_id
              and d.month = date_trunc('month', r.requested_at at time zone 'UTC')::date
          ), now())
        from locked where r.request_id = locked.request_id
        returning r.request_id
      ), still as materialized (
        select c.priority, c.request_id, c.since, c.is_quiet and not c.driven as is_quiet
        from counted c join requests r using (request_id)
        where not c.are_all_known and not coalesce(c.is_moving, false) and not ${requestIsHeld}
      )
      select l.priority, count(*)::int as looked,
        max(l.found) = ${perPriority} or count(*) < max(l.found) as "hasMore",
        (select count(*)::int from closed join looked using (request_id) where priority = l.priority) as closed,
        (array_agg(json_build_object('since', l.since, 'requestId', l.request_id)
          order by l.since, l.request_id))[1] as first,
        (array_agg(json_build_object('since', l.since, 'requestId', l.request_id)
          order by l.since desc, l.request_id desc))[1] as last,
        (select floor(extract(epoch from min(since)) * 1000)::double precision from still
          where priority = l.priority) as "oldestMs",
        coalesce((select array_agg(request_id order by since, request_id) from still
          where priority = l.priority and is_quiet), '{}') as quiet
      from looked l group by l.priority`.execute(db),
  );
  return rows;
}
