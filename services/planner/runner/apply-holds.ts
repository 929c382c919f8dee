// What content managers and the API want (holds), applied to requests that nobody is at work on. Each is one statement over
// all of them, and does nothing the second time: several planners may run it at once.
import { sql } from 'kysely';
import { type Db, withDatabase } from '../../../lib/db/database.ts';
import { coversRequest, requestIsCovered } from '../../../lib/holds/covers.ts';

/** @returns whether anything here, the numbers or the leases can have changed: one look that spares the others at rest */
export async function hasWork(db: Db, now: Date): Promise<boolean> {
  const { rows } = await withDatabase(() =>
    sql<{ has_work: boolean }>`
      select exists (select from requests r where r.driven and r.ended_at is null and r.state <> 'scheduled')
        or exists (select from holds h where h.changed_at > now() - interval '10 minutes')
        or exists (select from lifted_pauses)
        or exists (
          select from requests r
          where r.state = 'scheduled' and r.driven and r.scheduled_at <= ${now}
            and (r.user_categories <> '{}' or r.people_from is not null)) as has_work`.execute(db),
  );
  return rows[0]?.has_work ?? false;
}

/**
 * Pauses, and cancels what has no chunks yet. A request that went its way directly and is paused or cancelled itself is
 * driven from here on: somebody has to publish again what a pause has let pass, and to end what a cancel has left. A
 * shared hold pauses driven requests only, for it may cover a million of the others: resume-held.ts goes through those.
 * @param everything false: only holds of the last ten minutes, for those cancelled stay for ever
 */
export async function applyHolds(db: Db, everything: boolean): Promise<void> {
  await withDatabase(() =>
    sql`
      with wanted as (
        select r.request_id, h.state = 'cancelled' and r.chunk_count = 0 as ends, h.state
        from holds h join requests r using (request_id)
        where (${everything}::boolean or h.changed_at > now() - interval '10 minutes')
          and r.ended_at is null and (r.lease_until is null or r.lease_until <= now())
          and case
            when h.state = 'paused' then r.state in ('scheduled', 'planning', 'running')
            when r.chunk_count = 0 then r.state in ('scheduled', 'planning', 'paused')
            else r.state = 'running' and not r.driven
          end
        order by r.request_id
        for update of r skip locked
      ), covered as (
        select r.request_id, false as ends, 'paused' as state
        from sending_holds s join requests r on ${coversRequest}
        where s.released_at is null and r.driven and r.ended_at is null and r.state in ('planning', 'running')
          and (r.lease_until is null or r.lease_until <= now())
          and not exists (select from holds h where h.request_id = r.request_id)
        order by r.request_id
        for update of r skip locked
      )
      update requests r set driven = true,
        state = case when w.ends then 'cancelled' when w.state = 'paused' then 'paused' else r.state end,
        planning_complete = r.planning_complete or w.ends,
        progress_at = coalesce(r.progress_at, now()),
        ended_at = case when w.ends then now() end,
        lease_until = null
      from (select * from wanted union select * from covered) w where r.request_id = w.request_id`.execute(db),
  );
}

/**
 * Lets those go on that were paused before anything of them was planned; also the late ones that somebody released: a
 * mailing by its own release, a firing of a series by one after its time.
 */
export async function liftHolds(db: Db, now: Date): Promise<void> {
  await withDatabase(() =>
    sql`
      with free as (
        select r.request_id from requests r
        where r.driven and r.ended_at is null and r.state = 'paused' and r.chunk_count = 0
          and (r.lease_until is null or r.lease_until <= now())
          and not exists (select from holds h where h.request_id = r.request_id) and not ${requestIsCovered}
          and (r.detail <> 'late' or exists (
            select from mailings m
            where m.mailing_id = coalesce(r.series_id, r.request_id) and m.released_at is not null
              and (r.series_id is null or m.released_at >= r.scheduled_at)))
        order by r.request_id
        for update of r skip locked
      )
      update requests r set detail = '',
        state = case when r.scheduled_at > ${now} or (r.user_categories = '{}' and r.people_from is null)
          then 'scheduled' else 'planning' end
      from free where r.request_id = free.request_id`.execute(db),
  );
}

/**
 * Records that a dispatcher met during a pause have passed without a row. A planner that saw the pause has noted the request
 * as paused, and resumes it; when none did, it is noted here, so that it is resumed as well. The epoch voids a holder at work.
 */
export async function noteLifted(db: Db): Promise<void> {
  await withDatabase(() =>
    sql`
      with passed as (
        select r.request_id from lifted_pauses l join requests r using (request_id)
        where r.ended_at is null and r.state in ('planning', 'running') and r.chunk_count > 0
        order by r.request_id
        for update of r skip locked
      ), noted as (
        update requests r set state = 'paused', driven = true, epoch = r.epoch + 1, lease_until = null,
          progress_at = coalesce(r.progress_at, now())
        from passed where r.request_id = passed.request_id
      )
      delete from lifted_pauses l
      where l.request_id in (select request_id from passed) or not exists (
        select from requests r where r.request_id = l.request_id
          and r.ended_at is null and r.state in ('planning', 'running') and r.chunk_count > 0)`.execute(db),
  );
}

/** Requests with an audience whose time has come are taken up from here on. @param now of the planner: when they are due */
export async function comeDue(db: Db, now: Date): Promise<void> {
  await withDatabase(() =>
    sql`
      with due as (
        select r.request_id from requests r
        where r.state = 'scheduled' and r.driven and r.scheduled_at <= ${now}
          and (r.user_categories <> '{}' or r.people_from is not null)
          and not exists (select from holds h where h.request_id = r.request_id) and not ${requestIsCovered}
        order by r.request_id
        for update of r skip locked
      )
      update requests r set state = 'planning' from due where r.request_id = due.request_id`.execute(db),
  );
}

/** A planner of the release before, beside this one, stores what waits without saying that it is to be driven. */
export async function driveStrays(db: Db): Promise<void> {
  await withDatabase(() =>
    sql`
      update requests set driven = true
      where request_id in (
        select request_id from requests where state in ('scheduled', 'planning') and not driven
        order by request_id for update skip locked)`.execute(db),
  );
}
