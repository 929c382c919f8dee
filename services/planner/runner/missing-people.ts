// Finds the people of stored chunks whom the ledger does not know. Chunks whose numbers are whole are passed over by
// their counters alone; only the others are compared with the ledger, some thousands of people at a time.
import { sql } from 'kysely';
import { chunkId, isErasedId, notificationId } from '../../../domain/ids.ts';
import { type Db, toMonth, withDatabase } from '../../../lib/db/database.ts';
import { type ChunkPlace, loadChunks } from './chunks.ts';
import type { Driven, Portion, StoredChunk } from './driven.ts';
import { cutFitting } from './fitting.ts';

/** Each chunk that is published carries the context. */
const atOnce = { count: 500, people: 5_000, bytes: 8 * 1024 * 1024 };
/** A claim whose lease ended so long ago has nobody left: its record is needed again, and the ledger judges it. */
const abandonedAfterMinutes = 5;

/** Chunks with the people who are missing, a few thousand people at a time, in the order of the requests and chunks. */
export async function* findMissing(db: Db, requests: readonly Driven[]): AsyncGenerator<Portion[]> {
  const places = await findUnbalanced(db, requests);
  for (let left = places; left.length > 0; ) {
    const some = cutFitting(left, atOnce);
    left = left.slice(some.length);
    const missing = await findMissingIn(db, requests, some);
    if (missing.length > 0) yield missing;
  }
}

type Unbalanced = ChunkPlace & { people: number; bytes: number };

/** Who waits for a retry has a row, and is in the counters as deferred. */
async function findUnbalanced(db: Db, requests: readonly Driven[]): Promise<Unbalanced[]> {
  const ids = requests.map(({ requestId }) => requestId);
  const [chunks, counted] = await withDatabase(() =>
    Promise.all([
      sql<ChunkPlace & { people: number }>`
        select request_id as "requestId", sequence, cardinality(user_ids) as people from chunks
        where request_id = any(${ids}::uuid[]) order by sequence`.execute(db),
      sql<{ chunk_id: string; count: number }>`
        select chunk_id, sum(count) as count from counters where request_id = any(${ids}::uuid[])
        group by chunk_id`.execute(db),
    ]),
  );
  const countOf = new Map(counted.rows.map((row) => [row.chunk_id, row.count]));
  const chunksOf = Map.groupBy(chunks.rows, ({ requestId }) => requestId);
  return requests.flatMap(({ requestId, context }) => {
    const bytes = Buffer.byteLength(context);
    return (chunksOf.get(requestId) ?? [])
      .filter(({ sequence, people }) => (countOf.get(chunkId(requestId, sequence)) ?? 0) < people)
      .map((chunk) => ({ ...chunk, bytes }));
  });
}

async function findMissingIn(db: Db, requests: readonly Driven[], places: readonly ChunkPlace[]): Promise<Portion[]> {
  const chunksOf = await loadChunks(db, places);
  const portions = requests.flatMap((request): Portion[] => {
    const chunks = chunksOf.get(request.requestId);
    return chunks ? [{ request, chunks }] : [];
  });
  const known = await findKnown(db, portions);
  const isMissing = (request: Driven, userId: string) => !isErasedId(userId) && !known.has(toId(request, userId));
  const withoutKnown = (request: Driven, chunk: StoredChunk) => ({
    ...chunk,
    userIds: chunk.userIds.filter((userId) => isMissing(request, userId)),
  });
  return portions
    .map(({ request, chunks }) => ({
      request,
      chunks: chunks.map((chunk) => withoutKnown(request, chunk)).filter(({ userIds }) => userIds.length > 0),
    }))
    .filter(({ chunks }) => chunks.length > 0);
}

/** One question a month: each is a partition of its own, and only a single value leaves the others out. */
async function findKnown(db: Db, portions: readonly Portion[]): Promise<Set<string>> {
  const known = new Set<string>();
  const byMonth = Map.groupBy(portions, ({ request }) => toMonth(request.requestedAtMs));
  for (const [month, ofMonth] of byMonth) {
    const ids = ofMonth.flatMap(({ request, chunks }) =>
      chunks.flatMap(({ userIds }) => userIds.map((userId) => toId(request, userId))),
    );
    const { rows } = await withDatabase(() =>
      sql<{ notification_id: string }>`
        select notification_id from deliveries
        where month = ${month}::date and notification_id = any(${ids}::uuid[])
          and (state not in ('claimed', 'sending') or lease_until is null
            or lease_until > now() - make_interval(mins => ${abandonedAfterMinutes}))
        union all
        -- What waits for a channel that is down was never claimed.
        select notification_id from waiting where notification_id = any(${ids}::uuid[])`.execute(db),
    );
    for (const row of rows) known.add(row.notification_id);
  }
  return known;
}

function toId({ requestId, channel }: Driven, userId: string): string {
  return notificationId(requestId, userId, channel);
}
