// Ends the wait of records whose delivery has ended, and puts the others off.
import { sql } from 'kysely';
import type { Db } from '../../../lib/db/database.ts';

/** To be called once the outcomes are published: a waiting row is what makes sure that they are. */
export async function leaveWaiting(db: Db, notificationIds: readonly string[]): Promise<void> {
  await sql`
    delete from waiting w using deliveries d
    where w.notification_id = any(${notificationIds}::uuid[])
      and d.notification_id = w.notification_id and d.month = w.month
      and d.state in ('sent', 'failed', 'skipped', 'unknown')
  `.execute(db);
}

/** What could not be tried, or is another's: due again in a while. Sorted, so that two who do this never deadlock. */
export async function postpone(db: Db, items: readonly { notificationId: string; dueInMs: number }[]): Promise<void> {
  await sql`
    update waiting w set lease_until = null, due_at = now() + make_interval(secs => g.due_in / 1000)
    from (
      select * from unnest(
        ${items.map((item) => item.notificationId)}::uuid[],
        ${items.map((item) => item.dueInMs)}::double precision[]
      ) as u(notification_id, due_in) order by notification_id
    ) g
    where w.notification_id = g.notification_id
  `.execute(db);
}
