// Takes what is due from `waiting`. Several dispatchers share the work: nobody waits for another's rows.
import { sql } from 'kysely';
import type { Channel } from '../../../domain/ids.ts';
import type { Db } from '../../../lib/db/database.ts';
import type { Due } from './types.ts';

export interface DueWish {
  channels: readonly Channel[];
  /** Also rows of the release before, of which the channel is not known. */
  withUnknownChannel: boolean;
  /** Only of cancelled requests: these end without a server. */
  onlyCancelled: boolean;
  limit: number;
  /** Of their values together; the first row comes whatever its size. */
  maxBytes: number;
}

/**
 * The lease only keeps two dispatchers from the same work; who may send is still decided by the claim in the ledger.
 * A row whose holder died is due again when the lease ends. Of what waits for its channel (there the key is the person) the
 * first message to a person comes first, and the next one only when that is gone: what was never tried keeps its order.
 */
export async function claimDue(db: Db, priority: string, wish: DueWish & { leaseSeconds: number }): Promise<Due[]> {
  const { channels, withUnknownChannel, onlyCancelled, limit, maxBytes, leaseSeconds } = wish;
  const result = await sql<Due>`
    with due as materialized (
      select w.notification_id, w.due_at, octet_length(w.value) as bytes from waiting w
      where w.priority = ${priority} and w.due_at <= now() and (w.lease_until is null or w.lease_until <= now())
        and (w.channel = any(${channels}::text[]) or ${withUnknownChannel}::boolean and w.channel is null)
        and case when ${onlyCancelled}::boolean
          then exists (select from holds h where h.request_id = w.request_id and h.state = 'cancelled')
          else not w.awaits_channel or not exists (
            select from waiting e
            where e.awaits_channel and e.priority = w.priority and e.channel = w.channel and e.key = w.key
              and e.rendered_offset < w.rendered_offset
          ) end
      order by w.due_at
      limit ${limit}
      for update of w skip locked
    ),
    fitting as (
      select notification_id from (
        select notification_id, sum(bytes) over (order by due_at, notification_id) - bytes as bytes_before from due
      ) summed
      where bytes_before < ${maxBytes}
    )
    update waiting w set lease_until = now() + make_interval(secs => ${leaseSeconds})
    from fitting where w.notification_id = fitting.notification_id
    returning w.notification_id, w.month, w.reason, w.key, w.value, w.traceparent, w.rendered_partition,
      w.rendered_offset::text as rendered_offset, w.awaits_channel, w.fault_count,
      extract(epoch from w.created_at)::double precision * 1000 as since_ms
  `.execute(db);
  return result.rows;
}
