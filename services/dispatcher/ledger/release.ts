// Gives claims back whose bodies certainly did not leave: the next one to claim finds them as they were.
import { sql } from 'kysely';
import type { Db } from '../../../lib/db/database.ts';
import type { Held } from './types.ts';

/**
 * No attempt is burnt: the next claim counts the same one again. A row without a token is one that was given back, so
 * its attempt alone never lets a zombie in.
 */
export async function release(db: Db, month: string, claims: readonly Held[]): Promise<void> {
  await sql`
    update deliveries d set state = 'claimed', attempt = d.attempt - 1, token = null, lease_until = null
    from unnest(
      ${claims.map((held) => held.notificationId)}::uuid[],
      ${claims.map((held) => held.attempt)}::integer[],
      ${claims.map((held) => held.token)}::uuid[]
    ) as g(notification_id, attempt, token)
    where d.notification_id = g.notification_id and d.month = ${month}::date
      and case when d.state in ('claimed', 'sending') then d.attempt end = g.attempt and d.token = g.token
  `.execute(db);
}
