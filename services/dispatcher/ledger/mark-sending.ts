// For templates that park: the last thing written before a body may leave.
import { sql } from 'kysely';
import type { Db } from '../../../lib/db/database.ts';
import type { Held } from './types.ts';

/**
 * After a kill, `claimed` of such a template was certainly not sent and is retried; `sending` may have been, and becomes
 * unknown. So a body leaves only for rows that this returned.
 * @returns the ids that are marked now; the others are no longer ours
 */
export async function markSending(db: Db, month: string, claims: readonly Held[]): Promise<string[]> {
  const result = await sql<{ notification_id: string }>`
    update deliveries d set state = 'sending'
    from unnest(
      ${claims.map((held) => held.notificationId)}::uuid[],
      ${claims.map((held) => held.attempt)}::integer[],
      ${claims.map((held) => held.token)}::uuid[]
    ) as g(notification_id, attempt, token)
    where d.notification_id = g.notification_id and d.month = ${month}::date
      and case when d.state in ('claimed', 'sending') then d.attempt end = g.attempt and d.token = g.token
      and d.lease_until > now()
    returning d.notification_id
  `.execute(db);
  return result.rows.map((row) => row.notification_id);
}
