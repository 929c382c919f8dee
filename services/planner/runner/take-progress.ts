// Looks at the numbers of requests that are wholly planned, and ends those that balance.
import { sql } from 'kysely';
import { type Db, withDatabase } from '../../../lib/db/database.ts';

export interface EndedRequest {
  requestId: string;
  state: string;
  planned: number;
}

/**
 * Of a row `r` whose numbers balance: what was cancelled so early that somebody got nothing for it is cancelled, even when
 * the dispatcher had ended all of them before the planner took it up.
 */
export const endedState = sql`case when r.state = 'cancelled' or (
    exists (select from holds h where h.request_id = r.request_id and h.state = 'cancelled') and exists (
      select from counters c where c.request_id = r.request_id and c.state = 'skipped' and c.reason = 'cancelled' and c.count > 0)
  ) then 'cancelled' else 'done' end`;

/**
 * Done is what balances, whether it ran or was paused; what was cancelled stays so. The counters are asked for those
 * whose numbers have moved lately, and for all of them only now and then: some wait a day for their last retry.
 */
export async function takeProgress(db: Db, everything: boolean): Promise<EndedRequest[]> {
  const { rows } = await withDatabase(() =>
    sql<EndedRequest>`
      with looked as (
        select r.request_id, coalesce(c.ended, 0)::int as ended, coalesce(c.ended, 0) = r.planned as is_balanced
        from requests r
        left join lateral (
          select sum(count) as ended from counters where request_id = r.request_id and state <> 'deferred'
        ) c on true
        where r.driven and r.ended_at is null and r.planning_complete and r.state in ('running', 'paused', 'cancelled')
          and (${everything}::boolean or r.progress_at > now() - interval '10 seconds')
      ), changed as (
        select r.request_id, l.ended, l.is_balanced from requests r join looked l using (request_id)
        where r.ended_at is null and (r.progress_count <> l.ended or l.is_balanced)
        order by r.request_id
        for update of r skip locked
      )
      update requests r set progress_count = c.ended,
        progress_at = case when r.progress_count <> c.ended then now() else r.progress_at end,
        heal_rounds = case when r.progress_count <> c.ended then 0 else r.heal_rounds end,
        state = case when c.is_balanced then ${endedState} else r.state end,
        ended_at = case when c.is_balanced then now() end,
        lease_until = case when c.is_balanced then null else r.lease_until end
      from changed c where r.request_id = c.request_id
      returning case when c.is_balanced then r.request_id end as "requestId", r.state, r.planned`.execute(db),
  );
  return rows.filter((row) => row.requestId !== null);
}
