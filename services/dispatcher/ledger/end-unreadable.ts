// Ends deliveries whose waiting record can never be dispatched. Their record is in the dead letters by then.
import { sql } from 'kysely';
import type { Db } from '../../../lib/db/database.ts';
import type { Ended } from './insert-ended.ts';
import { addMinutes } from './minutes.ts';
import { isLeftBehind, unlessLeft } from './put-aside.ts';

const row = sql`d`;
/** Of its waiting row w. */
const hasNoAnswer = sql<boolean>`w.reason = 'no_answer'`;

/**
 * A delivery that was put off, or left behind by a dead process, ends as failed(dead_lettered), or as unknown(no_answer) when an
 * earlier try may have sent it.
 * One that was never tried has no row to end: it leaves `waiting`, and its request is healed as one of which people are missing.
 *
 * @param month of all these notifications @param worker see minutes.ts
 * @returns what ended
 */
export async function endUnreadable(
  db: Db,
  month: string,
  items: readonly { notificationId: string; detail: string }[],
  worker: string,
): Promise<Ended[]> {
  const sorted = [...items].sort((a, b) => (a.notificationId < b.notificationId ? -1 : 1));
  const result = await sql<Ended>`
    with left_waiting as (
      delete from waiting w using (
        select * from unnest(
          ${sorted.map((one) => one.notificationId)}::uuid[],
          ${sorted.map((one) => one.detail)}::text[]
        ) as g(notification_id, detail)
      ) g
      where w.notification_id = g.notification_id
      returning w.notification_id, g.detail, w.reason
    ),
    changed as (
      update deliveries d set
        state = ${unlessLeft(row, { unknown: 'unknown', ended: sql`'failed'` }, hasNoAnswer)},
        reason = ${unlessLeft(row, { unknown: 'no_answer', ended: sql`'dead_lettered'` }, hasNoAnswer)},
        detail = w.detail, stage = 'dispatcher', token = null, lease_until = null, ended_at = now()
      from left_waiting w
      where d.notification_id = w.notification_id and d.month = ${month}::date
        and (d.state = 'deferred' or ${isLeftBehind(row)})
      returning d.request_id, d.chunk_id, d.priority, d.state, d.reason, d.is_test,
        (select o.state from deliveries o where o.notification_id = d.notification_id and o.month = d.month) as old_state,
        (select o.reason from deliveries o where o.notification_id = d.notification_id and o.month = d.month) as old_reason
    ),
    counted as (
      insert into counters (request_id, chunk_id, state, reason, count)
      select request_id, chunk_id, state, reason, sum(n)
      from (
        select request_id, chunk_id, state, reason, 1 as n from changed
        union all
        select request_id, chunk_id, old_state, old_reason, -1 from changed where old_state = 'deferred'
      ) moves
      group by request_id, chunk_id, state, reason
      order by request_id, chunk_id, state, reason
      on conflict (request_id, chunk_id, state, reason) do update set count = counters.count + excluded.count
    ),
    ended as (select priority, state, reason, is_test from changed),
    minuted as (${addMinutes(worker)})
    select priority, state, reason from changed
  `.execute(db);
  return result.rows;
}
