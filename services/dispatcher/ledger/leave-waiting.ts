// Ends the wait of records whose delivery has ended, and puts the others off.
import { sql } from 'kysely';
import type { Db } from '../../../lib/db/database.ts';
import type { Parked } from './types.ts';

/** To be called once the outcomes are published: a waiting row is what makes sure that they are. */
export async function leaveWaiting(db: Db, notificationIds: readonly string[]): Promise<void> {
  await sql`
    delete from waiting w using deliveries d
    where w.notification_id = any(${notificationIds}::uuid[])
      and d.notification_id = w.notification_id and d.month = w.month
      and d.state in ('sent', 'failed', 'skipped', 'unknown')
  `.execute(db);
}

/** What is put off, for how long, and whether only because its request is paused or a shared hold covers it. */
export type PutOff = Pick<Parked, 'notificationId' | 'dueInMs'> &
  Partial<Pick<Parked, 'requestId' | 'isPaused' | 'holdId'>> & {
    /** It was this row's own fault. */
    isFault?: boolean;
  };

/**
 * What could not be tried, or is another's: due again in a while. What is paused remembers when it would have been due.
 * Sorted, so that two who do this never deadlock.
 */
export async function postpone(db: Db, items: readonly PutOff[]): Promise<void> {
  await sql`
    update waiting w set lease_until = null, due_at = now() + make_interval(secs => g.due_in / 1000),
      request_id = coalesce(g.request_id, w.request_id),
      resume_at = case when g.is_paused then coalesce(w.resume_at, w.due_at) end,
      hold_id = case when g.is_paused then g.hold_id end,
      fault_count = w.fault_count + g.is_fault::integer
    from (
      select * from unnest(
        ${items.map((item) => item.notificationId)}::uuid[],
        ${items.map((item) => item.requestId ?? null)}::uuid[],
        ${items.map((item) => item.dueInMs)}::double precision[],
        ${items.map((item) => item.isPaused ?? false)}::boolean[],
        ${items.map((item) => item.holdId ?? null)}::integer[],
        ${items.map((item) => item.isFault ?? false)}::boolean[]
      ) as u(notification_id, request_id, due_in, is_paused, hold_id, is_fault) order by notification_id
    ) g
    where w.notification_id = g.notification_id
  `.execute(db);
}
