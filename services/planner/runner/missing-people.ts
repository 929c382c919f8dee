// Finds the people of stored chunks whom the ledger does not know. Chunks whose numbers are whole are passed over by
// their counters alone; only the others are compared with the ledger, some thousands of people at a time.
import { sql } from 'kysely';
import { chunkId, isErasedId, notificationId } from '../../../domain/ids.ts';
import { type Db, toMonth, withDatabase } from '../../../lib/db/database.ts';
import { loadChunks } from './chunks.ts';
import type { Driven, StoredChunk } from './driven.ts';

const chunksAtOnce = 10;
/** A claim whose lease ended so long ago has nobody left: its record is needed again, and the ledger judges it. */
const abandonedAfterMinutes = 5;

/** Chunks with the people who are missing, a few chunks at a time, in their order. */
export async function* findMissing(db: Db, request: Driven): AsyncGenerator<StoredChunk[]> {
  const sequences = await findUnbalanced(db, request.requestId);
  for (let start = 0; start < sequences.length; start += chunksAtOnce) {
    const chunks = await loadChunks(db, request.requestId, sequences.slice(start, start + chunksAtOnce));
    const known = await findKnown(db, request, chunks);
    const missing = chunks.map((chunk) => ({
      ...chunk,
      userIds: chunk.userIds.filter(
        (id) => !isErasedId(id) && !known.has(notificationId(request.requestId, id, request.channel)),
      ),
    }));
    const left = missing.filter((chunk) => chunk.userIds.length > 0);
    if (left.length > 0) yield left;
  }
}

/** Who waits for a retry has a row, and is in the counters as deferred. */
async function findUnbalanced(db: Db, requestId: string): Promise<number[]> {
  const [chunks, counted] = await withDatabase(() =>
    Promise.all([
      sql<{ sequence: number; people: number }>`
        select sequence, cardinality(user_ids) as people from chunks where request_id = ${requestId}
        order by sequence`.execute(db),
      sql<{ chunk_id: string; count: number }>`
        select chunk_id, sum(count) as count from counters where request_id = ${requestId} group by chunk_id`.execute(
        db,
      ),
    ]),
  );
  const countOf = new Map(counted.rows.map((row) => [row.chunk_id, row.count]));
  return chunks.rows
    .filter(({ sequence, people }) => (countOf.get(chunkId(requestId, sequence)) ?? 0) < people)
    .map(({ sequence }) => sequence);
}

async function findKnown(db: Db, request: Driven, chunks: readonly StoredChunk[]): Promise<Set<string>> {
  const ids = chunks.flatMap(({ userIds }) =>
    userIds.map((id) => notificationId(request.requestId, id, request.channel)),
  );
  const { rows } = await withDatabase(() =>
    sql<{ notification_id: string }>`
      select notification_id from deliveries
      where month = ${toMonth(request.requestedAtMs)}::date and notification_id = any(${ids}::uuid[])
        and (state not in ('claimed', 'sending') or lease_until is null
          or lease_until > now() - make_interval(mins => ${abandonedAfterMinutes}))`.execute(db),
  );
  return new Set(rows.map((row) => row.notification_id));
}
