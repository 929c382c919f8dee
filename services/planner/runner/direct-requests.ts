// Requests that only name people, hundreds at a time: unlike mailings, no planner holds one of them while it is under way.
import { sql } from 'kysely';
import { type Db, withDatabase } from '../../../lib/db/database.ts';
import { type ChunkParts, publishChunks } from './chunks.ts';
import { countPeople, type Driven, drivenColumns } from './driven.ts';
import { cutFitting } from './fitting.ts';
import { findMissing } from './missing-people.ts';

/** Read into memory together; `bytes` of their contexts. */
const atOnce = { count: 500, people: 10_000, bytes: 8 * 1024 * 1024 };

/**
 * Publishes the chunks of these requests again, each with those of its people alone who are not in the ledger: for
 * requests whose records were lost, or were passed over during a hold that has ended. A request that has ended, has no
 * chunks, or is paused or cancelled itself is left out. It may be repeated at any time, by several planners as well: ids
 * are computed, and the ledger lets nobody through twice. It writes nothing to `requests`.
 * @param requestIds any number of them
 * @returns how many people were published
 * @throws DependencyError of Postgres and Kafka; then some may be published already
 */
export async function republishMissingOf(parts: ChunkParts, requestIds: readonly string[]): Promise<number> {
  let count = 0;
  for await (const requests of loadOpen(parts.db, requestIds)) {
    for await (const portions of findMissing(parts.db, requests)) {
      await publishChunks(parts, portions);
      count += countPeople(portions);
    }
  }
  return count;
}

/** Those of them that may have people on their way, some at a time. */
export async function* loadOpen(db: Db, requestIds: readonly string[]): AsyncGenerator<Driven[]> {
  for (let left = await measureOpen(db, requestIds); left.length > 0; ) {
    const some = cutFitting(left, atOnce);
    left = left.slice(some.length);
    const { rows } = await withDatabase(() =>
      sql<Driven>`
        select ${drivenColumns()} from requests r
        where r.request_id = any(${some.map(({ requestId }) => requestId)}::uuid[])
        order by r.stored_at, r.requested_at, r.request_id`.execute(db),
    );
    yield rows;
  }
}

async function measureOpen(db: Db, requestIds: readonly string[]) {
  const { rows } = await withDatabase(() =>
    sql<{ requestId: string; people: number; bytes: number }>`
      select r.request_id as "requestId", r.planned as people, octet_length(r.context) as bytes
      from requests r
      where r.request_id = any(${requestIds as string[]}::uuid[]) and r.ended_at is null and r.chunk_count > 0
        and not exists (select from holds h where h.request_id = r.request_id)
      order by r.stored_at, r.requested_at, r.request_id`.execute(db),
  );
  return rows;
}
