// Takes away the pause of a request. The planner is told so: what went by while it was paused is published again, also when
// no planner has seen the pause (services/planner/runner/apply-holds.ts).
import { type RawBuilder, sql } from 'kysely';
import type { Db } from '../db/database.ts';

/**
 * @param which of a row `h` of holds
 * @returns the ids of the requests or mailings that may go on
 */
export async function liftPauses(db: Db, which: RawBuilder<boolean>): Promise<string[]> {
  const { rows } = await sql<{ request_id: string }>`
    with lifted as (
      delete from holds h where ${which} and h.state = 'paused' returning h.request_id
    ), noted as (
      insert into lifted_pauses (request_id) select request_id from lifted on conflict do nothing
    )
    select request_id from lifted`.execute(db);
  return rows.map((row) => row.request_id);
}
