// The charts' figures: how many deliveries ended in which minute. Written with the ends themselves, so that they are exact.
import { sql } from 'kysely';
import type { Db } from '../../../lib/db/database.ts';

/**
 * The part of a statement that counts the rows of its `ended (priority, state, reason, is_test)`. Tests are left out: they
 * are nobody's mail.
 *
 * @param worker whose rows these are: nobody else may be writing them at the same time, so that none waits for another
 */
export const addMinutes = (worker: string) => sql`
  insert into delivery_minutes (minute, worker, priority, state, reason, count)
  select date_trunc('minute', now()), ${worker}::uuid, priority, state, reason, count(*) from ended
  where not is_test and state <> 'deferred'
  group by priority, state, reason
  order by priority, state, reason
  on conflict (minute, worker, priority, state, reason) do update set count = delivery_minutes.count + excluded.count
`;

const keptDays = 30;
const batchCount = 2_000;

/**
 * Deletes what is older than 30 days, a batch at a time. Several dispatchers may do it at once.
 * @returns how many rows
 */
export async function deleteOldMinutes(db: Db): Promise<number> {
  for (let total = 0; ; ) {
    const result = await sql<{ count: number }>`
      with old as (
        select ctid from delivery_minutes where minute < now() - make_interval(days => ${keptDays})
        order by minute limit ${batchCount} for update skip locked
      ),
      deleted as (delete from delivery_minutes m using old where m.ctid = old.ctid returning 1)
      select count(*)::integer as count from deleted
    `.execute(db);
    const count = result.rows[0]?.count ?? 0;
    total += count;
    if (count < batchCount) return total;
  }
}
