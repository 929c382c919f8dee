// What people want of requests that may not go on. The claim reads it as well, in its own statement.
import { sql } from 'kysely';
import type { Db } from '../../../lib/db/database.ts';
import type { HoldState } from './types.ts';

/** @returns the holds on these requests; one that may go on is not in it */
export async function readHolds(db: Db, requestIds: readonly string[]): Promise<Map<string, HoldState>> {
  const result = await sql<{ request_id: string; state: HoldState }>`
    select request_id, state from holds where request_id = any(${requestIds}::uuid[])
  `.execute(db);
  return new Map(result.rows.map(({ request_id, state }) => [request_id, state]));
}

/** So many rows in one statement; there may be more. */
export const wakeCount = 2_000;
/** A hold's time is that of the transaction that wrote it, which is seen only when that has ended. */
const overlapSeconds = 60;

/**
 * Makes due what waits only for the end of a pause that is over, and all that waits of what was cancelled. Rows that
 * somebody has locked are left for the next look. Costs next to nothing while there is nothing to do: one step through an
 * index for each paused request of which something waits, and the latest holds.
 *
 * @param since when this was last done, by Postgres's clock; undefined for a first look at everything
 * @returns how many rows are due now, and when it was done
 */
export async function wake(db: Db, since: string | undefined): Promise<{ count: number; at: string }> {
  const result = await sql<{ count: number; at: string }>`
    with recursive put_off as (
      (select request_id from waiting where resume_at is not null order by request_id limit 1)
      union all
      select (
        select w.request_id from waiting w where w.resume_at is not null and w.request_id > p.request_id
        order by w.request_id limit 1
      )
      from put_off p where p.request_id is not null
    ),
    -- Each request's rows by its index, whatever Postgres thinks of tables that nobody has analysed yet.
    resumed as (
      select w.notification_id, case when h.state = 'cancelled' then now() else w.resume_at end as due_at
      from put_off p
      left join holds h on h.request_id = p.request_id
      cross join lateral (
        select notification_id, resume_at from waiting
        where request_id = p.request_id and resume_at is not null limit ${wakeCount} for update skip locked
      ) w
      where h.state is distinct from 'paused'
      limit ${wakeCount}
    ),
    cancelled as (
      select w.notification_id, now() as due_at
      from holds h
      cross join lateral (
        select notification_id from waiting
        where request_id = h.request_id and due_at > now() and resume_at is null limit ${wakeCount} for update skip locked
      ) w
      where h.state = 'cancelled'
        and h.changed_at > coalesce(${since ?? null}::timestamptz - make_interval(secs => ${overlapSeconds}), '-infinity')
      limit ${wakeCount}
    ),
    woken as (
      update waiting w set due_at = f.due_at, resume_at = null
      from (select * from resumed union all select * from cancelled) f
      where w.notification_id = f.notification_id
      returning 1
    )
    select count(*)::integer as count, now()::text as at from woken
  `.execute(db);
  return result.rows[0] ?? { count: 0, at: new Date().toISOString() };
}
