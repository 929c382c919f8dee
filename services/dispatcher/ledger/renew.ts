// Keeps a slice's claims while it is still being sent.
import { sql } from 'kysely';
import type { Db } from '../../../lib/db/database.ts';
import type { Held } from './types.ts';

/**
 * A lease that ran out is renewed as well, as long as nobody took the row over: the row's lock decides who was first.
 * @returns the ids that are still ours, with a whole lease from now on
 */
export async function renew(db: Db, month: string, claims: readonly Held[], leaseSeconds: number): Promise<string[]> {
  const result = await sql<{ notification_id: string }>`
    update deliveries d set lease_until = now() + make_interval(secs => ${leaseSeconds})
    from unnest(
      ${claims.map((held) => held.notificationId)}::uuid[],
      ${claims.map((held) => held.attempt)}::integer[],
      ${claims.map((held) => held.token)}::uuid[]
    ) as g(notification_id, attempt, token)
    where d.notification_id = g.notification_id and d.month = ${month}::date
      and case when d.state in ('claimed', 'sending') then d.attempt end = g.attempt and d.token = g.token
    returning d.notification_id
  `.execute(db);
  return result.rows.map((row) => row.notification_id);
}
