// Takes what is due from `waiting`. Several dispatchers share the work: nobody waits for another's rows.
import { sql } from 'kysely';
import type { Db } from '../../../lib/db/database.ts';
import type { Due } from './types.ts';

/**
 * The lease only keeps two dispatchers from the same work; who may send is still decided by the claim in the ledger.
 * A row whose holder died is due again when the lease ends.
 */
export async function claimDue(
  db: Db,
  priority: string,
  options: { limit: number; leaseSeconds: number },
): Promise<Due[]> {
  const result = await sql<Due>`
    with due as (
      select notification_id from waiting
      where priority = ${priority} and due_at <= now() and (lease_until is null or lease_until <= now())
      order by due_at
      limit ${options.limit}
      for update skip locked
    )
    update waiting w set lease_until = now() + make_interval(secs => ${options.leaseSeconds})
    from due where w.notification_id = due.notification_id
    returning w.notification_id, w.month, w.reason, w.key, w.value, w.traceparent, w.rendered_partition,
      w.rendered_offset::text as rendered_offset,
      extract(epoch from w.created_at)::double precision * 1000 as since_ms
  `.execute(db);
  return result.rows;
}
