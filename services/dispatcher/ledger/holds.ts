// What people want of requests that may not go on, and which shared holds are in force. The claim reads both as well, in
// its own statement.
import { sql } from 'kysely';
import type { Db } from '../../../lib/db/database.ts';
import type { HoldState, SharedHold } from './types.ts';

/** @returns the holds on these requests; one that may go on is not in it */
export async function readHolds(db: Db, requestIds: readonly string[]): Promise<Map<string, HoldState>> {
  const result = await sql<{ request_id: string; state: HoldState }>`
    select request_id, state from holds where request_id = any(${requestIds}::uuid[])
  `.execute(db);
  return new Map(result.rows.map(({ request_id, state }) => [request_id, state]));
}

/** @returns the holds in force that cover more than one request: a few, nearly always none */
export async function readSharedHolds(db: Db): Promise<SharedHold[]> {
  const result = await sql<SharedHold>`
    select hold_id as "holdId", scope, subject from sending_holds where lifted_at is null
  `.execute(db);
  return result.rows;
}

/** So many rows in one statement; there may be more. */
export const wakeCount = 2_000;
/** Of what waits for a shared hold, in one look: so many messages a second come back from each dispatcher, not all at once. */
const letGoCount = 500;
/** A hold's time is that of the transaction that wrote it, which is seen only when that has ended. */
const overlapSeconds = 60;

/**
 * Makes due what waits only for the end of a pause or of a shared hold that is over, and all that waits of what was
 * cancelled. Rows that somebody has locked are left for the next look. Costs next to nothing while there is nothing to do:
 * one step through an index for each paused request and each shared hold of which something waits, and the latest holds.
 *
 * @param since when this was last done, by Postgres's clock; undefined for a first look at everything
 * @returns how many rows are due now, and when it was done
 */
export async function wake(db: Db, since: string | undefined): Promise<{ count: number; at: string }> {
  const result = await sql<{ count: number; at: string }>`
    with recursive put_off as (
      (
        select request_id from waiting where resume_at is not null and hold_id is null order by request_id limit 1
      )
      union all
      select (
        select w.request_id from waiting w
        where w.resume_at is not null and w.hold_id is null and w.request_id > p.request_id
        order by w.request_id limit 1
      )
      from put_off p where p.request_id is not null
    ),
    held as (
      (select hold_id from waiting where hold_id is not null order by hold_id limit 1)
      union all
      select (select w.hold_id from waiting w where w.hold_id > p.hold_id order by w.hold_id limit 1)
      from held p where p.hold_id is not null
    ),
    -- Each request's rows by its index, whatever Postgres thinks of tables that nobody has analysed yet.
    resumed as (
      select w.notification_id, case when h.state = 'cancelled' then now() else w.resume_at end as due_at
      from put_off p
      left join holds h on h.request_id = p.request_id
      cross join lateral (
        select notification_id, resume_at from waiting
        where request_id = p.request_id and resume_at is not null and hold_id is null limit ${wakeCount} for update skip locked
      ) w
      where h.state is distinct from 'paused'
      limit ${wakeCount}
    ),
    let_go as (
      select w.notification_id, greatest(w.resume_at, now()) as due_at
      from held p
      cross join lateral (
        select notification_id, resume_at from waiting
        where hold_id = p.hold_id order by due_at limit ${letGoCount} for update skip locked
      ) w
      where not exists (select from sending_holds s where s.hold_id = p.hold_id and s.lifted_at is null)
      limit ${letGoCount}
    ),
    cancelled as (
      select w.notification_id, now() as due_at
      from holds h
      cross join lateral (
        select notification_id from waiting
        where request_id = h.request_id and due_at > now() and (resume_at is null or hold_id is not null)
        limit ${wakeCount} for update skip locked
      ) w
      where h.state = 'cancelled'
        and h.changed_at > coalesce(${since ?? null}::timestamptz - make_interval(secs => ${overlapSeconds}), '-infinity')
      limit ${wakeCount}
    ),
    woken as (
      update waiting w set due_at = f.due_at, resume_at = null, hold_id = null
      from (
        -- A cancelled one that a shared hold keeps back as well is found twice.
        select notification_id, min(due_at) as due_at
        from (select * from resumed union all select * from let_go union all select * from cancelled) all_found
        group by notification_id
      ) f
      where w.notification_id = f.notification_id
      returning 1
    )
    select count(*)::integer as count, now()::text as at from woken
  `.execute(db);
  return result.rows[0] ?? { count: 0, at: new Date().toISOString() };
}
