// The statements of the sweep: a look at the next open requests of each priority, and the end of those whose numbers balance.
import { sql } from 'kysely';
import { type Db, withDatabase } from '../../../lib/db/database.ts';
import { openSince, requestIsHeld, requestIsOpen } from '../../../lib/db/open-requests.ts';
import type { Priority } from '../../../lib/topics.ts';
import { isNotAside } from './set-aside.ts';
import { endedState } from './take-progress.ts';

/** Where a priority's walk goes on: after this request. Times as Postgres writes them, with all their digits. */
export interface Place {
  since: string;
  requestId: string;
}

export interface LookedAt {
  priority: Priority;
  first: Place;
  last: Place;
  /** There are more after `last`. */
  hasMore: boolean;
  /** Named people alone, and all of them have an end. */
  balanced: string[];
  /** Named people alone; nothing was heard of some of them for long, and nobody holds them. */
  quiet: string[];
  /** Since when the oldest one has been open that stands still and nobody wants it to, milliseconds since 1970 UTC. */
  oldestMs: number | null;
}

export const perPriority = 500;
/** Whose ends are read at once; the first request is always taken. */
const maxPeople = 20_000;
/** A driven request whose numbers moved so lately does not stand still. */
const movedLatelySeconds = 300;

/** @returns the priorities of which something is open after their places */
export async function lookAtOpen(
  db: Db,
  after: ReadonlyMap<Priority, Place>,
  healAfterMs: number,
): Promise<LookedAt[]> {
  const from = [...after].map(([priority, place]) => ({ priority, ...place }));
  const { rows } = await withDatabase(() =>
    sql<LookedAt>`
      with looked as materialized (
        select * from (
          select o.*, count(*) over (partition by o.priority) as found,
            sum(o.planned) over (partition by o.priority order by o.since, o.request_id) - o.planned as before
          from json_to_recordset(${JSON.stringify(from)}::json) as p (priority text, since timestamptz, "requestId" uuid)
          cross join lateral (
            select r.request_id, r.priority, ${openSince} as since, r.planned, r.planning_complete,
              not r.driven and r.state = 'running' as is_direct,
              coalesce(r.driven and r.progress_at > now() - make_interval(secs => ${movedLatelySeconds}), false) as is_moving,
              coalesce(r.progress_at, r.stored_at) <= now() - make_interval(secs => ${healAfterMs / 1000}) as is_quiet
            from requests r
            where r.priority = p.priority and ${requestIsOpen}
              and (${openSince}, r.request_id) > (p.since, p."requestId")
            order by ${openSince}, r.request_id limit ${perPriority}
          ) o
        ) taken where before < ${maxPeople}
      ), counted as materialized (
        select l.*, l.planning_complete and coalesce(c.ended, 0) = l.planned as is_balanced,
          l.planning_complete and coalesce(c.known, 0) >= l.planned as are_all_known
        from looked l
        left join lateral (
          select sum(count) filter (where state <> 'deferred') as ended, sum(count) as known
          from counters where request_id = l.request_id
        ) c on true
      ), judged as materialized (
        select c.*, not c.are_all_known and not c.is_moving and not (
          select ${requestIsHeld} from requests r where r.request_id = c.request_id) as stands_still,
          not ${isNotAside(sql`c.request_id`)} as is_aside
        from counted c
      )
      select priority, max(found) = ${perPriority} or count(*) < max(found) as "hasMore",
        (array_agg(json_build_object('since', since, 'requestId', request_id) order by since, request_id))[1] as first,
        (array_agg(json_build_object('since', since, 'requestId', request_id)
          order by since desc, request_id desc))[1] as last,
        coalesce(array_agg(request_id) filter (where is_direct and is_balanced and not is_aside), '{}') as balanced,
        coalesce(array_agg(request_id order by since, request_id)
          filter (where is_direct and is_quiet and stands_still and not is_aside), '{}') as quiet,
        floor(extract(epoch from min(since) filter (where stands_still)) * 1000)::double precision as "oldestMs"
      from judged group by priority`.execute(db),
  );
  return rows;
}

/**
 * A request of one person was written once until here, and is written once more now, hundreds together; of what is on its
 * way nothing is written. `ended_at` is the end of its last person, so that a request closed months later is not young.
 * @param requestIds whose numbers balance
 * @returns how many were closed
 */
export async function closeBalanced(db: Db, requestIds: readonly string[]): Promise<number> {
  if (requestIds.length === 0) return 0;
  const { numAffectedRows } = await withDatabase(() =>
    sql`
      with locked as (
        select r.request_id from requests r
        where r.request_id = any(${requestIds as string[]}::uuid[])
          and not r.driven and r.state = 'running' and r.ended_at is null
        order by r.request_id
        for update of r skip locked
      )
      update requests r set state = ${endedState}, ended_at = coalesce((
          select max(d.ended_at) from deliveries d
          where d.request_id = r.request_id
            and d.month = date_trunc('month', r.requested_at at time zone 'UTC')::date
        ), now())
      from locked where r.request_id = locked.request_id`.execute(db),
  );
  return Number(numAffectedRows ?? 0n);
}
