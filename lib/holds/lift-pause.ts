// Takes away the pause of a request. What went by while it was paused is published again by the planner, also when no planner
// has seen the pause.
import { type RawBuilder, sql } from 'kysely';
import type { Db } from '../db/database.ts';

/**
 * Records that a dispatcher met meanwhile have passed without a row. A planner that saw the pause has noted the request as
 * paused, and resumes it. One that did not is told so here, by the state that it would have noted; the epoch voids a holder at work.
 * @param which of a row `h` of holds
 * @returns the ids of the requests or mailings that may go on
 */
export async function liftPauses(db: Db, which: RawBuilder<boolean>): Promise<string[]> {
  const { rows } = await sql<{ request_id: string }>`
    with lifted as (
      delete from holds h where ${which} and h.state = 'paused' returning h.request_id
    ), passed as (
      update requests r set state = 'paused', driven = true, epoch = r.epoch + 1, lease_until = null,
        progress_at = coalesce(r.progress_at, now())
      from lifted
      where r.request_id = lifted.request_id and r.ended_at is null and r.state in ('planning', 'running') and r.chunk_count > 0
    )
    select request_id from lifted`.execute(db);
  return rows.map((row) => row.request_id);
}
