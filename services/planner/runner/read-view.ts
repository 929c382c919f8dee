// How a driven request is right now: what is wanted of it, and its numbers.
import { sql } from 'kysely';
import { type Db, withDatabase } from '../../../lib/db/database.ts';
import { requestHold } from '../../../lib/holds/covers.ts';
import type { Driven } from './driven.ts';
import type { View } from './next-step.ts';

export interface DrivenView extends View {
  /** Where its planning stands. Read anew each time: whether a page was stored is not known when its answer is lost. */
  cursor: string;
  chunkCount: number;
  healRounds: number;
}

/** Notes as well that the numbers have moved. @returns undefined when the request is no longer ours, or has ended */
export async function readView(db: Db, { requestId, epoch }: Driven): Promise<DrivenView | undefined> {
  const { rows } = await withDatabase(() =>
    sql<DrivenView & { hasMoved: boolean }>`
      select r.state, ${requestHold} as hold, r.cursor, r.chunk_count as "chunkCount", r.planned, r.planning_complete as "planningComplete", r.heal_rounds as "healRounds",
        coalesce(c.ended, 0) as ended, coalesce(c.deferred, 0) as deferred,
        coalesce(c.ended, 0) <> r.progress_count as "hasMoved",
        coalesce(extract(epoch from now() - r.progress_at) * 1000, 0)::double precision as "quietMs"
      from requests r
      left join holds h using (request_id)
      left join lateral (
        select sum(count) filter (where state <> 'deferred') as ended,
          sum(count) filter (where state = 'deferred') as deferred
        from counters where request_id = r.request_id
      ) c on true
      where r.request_id = ${requestId} and r.epoch = ${epoch} and r.ended_at is null`.execute(db),
  );
  const [row] = rows;
  if (!row?.hasMoved) return row;
  await withDatabase(() =>
    sql`
      update requests set progress_at = now(), progress_count = ${row.ended}, heal_rounds = 0
      where request_id = ${requestId} and epoch = ${epoch}`.execute(db),
  );
  return { ...row, quietMs: 0, healRounds: 0 };
}

/** What is wanted of a request; asked again and again during work that takes long. */
export async function readHold(db: Db, requestId: string): Promise<View['hold']> {
  const { rows } = await withDatabase(() =>
    sql<Pick<View, 'hold'>>`
      select ${requestHold} as hold from requests r left join holds h using (request_id)
      where r.request_id = ${requestId}`.execute(db),
  );
  return rows[0]?.hold ?? null;
}
