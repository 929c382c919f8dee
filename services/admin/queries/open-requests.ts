// Requests with people on their way, the oldest first: which stands still, and which take long. By the index of what is open.
import { sql } from 'kysely';
import type { RequestState } from '../../../domain/request-state.ts';
import { type Db, withDatabase } from '../../../lib/db/database.ts';
import { openSince, requestIsHeld, requestIsOpen } from '../../../lib/db/open-requests.ts';
import type { Priority } from '../../../lib/topics.ts';

export interface OpenRequest {
  id: string;
  title: string;
  /** It has a page of its own among the mailings. */
  isMailing: boolean;
  priority: Priority;
  state: RequestState;
  since: Date;
  planned: number;
  planningComplete: boolean;
  ended: number;
  waiting: number;
  /** When the next of those who wait is tried again. */
  dueAt: Date | null;
  /** Its numbers moved within the last minutes. */
  isMoving: boolean;
}

/** The oldest ones of each priority that are looked at; of a hundred thousand that wait the planner's gauge knows more. */
const lookedAt = 500;
const movedLatelySeconds = 300;

/** Of each priority the oldest that stands still: neither held, nor moving, nor waiting for retries alone. */
export async function listStandingStill(db: Db): Promise<OpenRequest[]> {
  return readOpen(db, {
    isOld: sql`true`,
    limit: lookedAt,
    chosen: sql`not are_all_known and not "isMoving"`,
    chosenLimit: 1,
  });
}

/** Open for longer than that, whatever for; what is held is not among them. @returns at most `limit` of each priority */
export async function listLongOpen(db: Db, hours: number, limit: number): Promise<OpenRequest[]> {
  const isOld = sql`${openSince} < now() - make_interval(hours => ${hours})`;
  return readOpen(db, { isOld, limit, chosen: sql`true`, chosenLimit: limit });
}

async function readOpen(
  db: Db,
  wanted: { isOld: ReturnType<typeof sql>; limit: number; chosen: ReturnType<typeof sql>; chosenLimit: number },
): Promise<OpenRequest[]> {
  const { rows } = await withDatabase(() =>
    sql<OpenRequest>`
      select f.*, coalesce(m.title, t.title, f.template_id) as title,
        case when f.waiting > 0 then (
          select min(due_at) from waiting where request_id = f.id and resume_at is null) end as "dueAt"
      from (values ('high'), ('medium'), ('low')) p (priority)
      cross join lateral (
        select * from (
          select o.*, coalesce(c.ended, 0)::int as ended, coalesce(c.waiting, 0)::int as waiting,
            o."planningComplete" and coalesce(c.ended, 0) + coalesce(c.waiting, 0) >= o.planned as are_all_known
          from (
            select r.request_id as id, r.series_id, r.template_id, r.priority, r.state, ${openSince} as since, r.planned,
              r.planning_complete as "planningComplete",
              r.origin in ('mailing', 'series') or r.user_categories <> '{}' as "isMailing",
              coalesce(r.driven and r.progress_at > now() - make_interval(secs => ${movedLatelySeconds}), false)
                as "isMoving"
            from requests r
            where r.priority = p.priority and ${requestIsOpen} and ${wanted.isOld} and not ${requestIsHeld}
            order by ${openSince}, r.request_id limit ${wanted.limit}
          ) o
          left join lateral (
            select sum(count) filter (where state <> 'deferred') as ended,
              sum(count) filter (where state = 'deferred') as waiting
            from counters where request_id = o.id
          ) c on true
        ) counted
        where ${wanted.chosen} order by since, id limit ${wanted.chosenLimit}
      ) f
      left join mailings m on m.mailing_id = coalesce(f.series_id, f.id)
      left join templates t on t.template_id = f.template_id
      order by f.since, f.id`.execute(db),
  );
  return rows;
}
