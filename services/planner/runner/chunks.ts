// The stored chunks of requests: read, published, marked. A chunk that was published before may be published
// again at any time: ids are computed, and the ledger lets nobody through twice.
import { sql } from 'kysely';
import { type Db, withDatabase } from '../../../lib/db/database.ts';
import type { Publisher } from '../../../lib/kafka/publisher.ts';
import type { Topics } from '../../../lib/topics.ts';
import { toPlannedRecord } from '../planned-record.ts';
import type { RequestStore } from '../request-store.ts';
import { type Driven, type Portion, type StoredChunk, toChunkEvent } from './driven.ts';

export interface ChunkParts {
  db: Db;
  store: Pick<RequestStore, 'markPublished'>;
  publisher: Pick<Publisher, 'publish'>;
  topics: Topics;
}

const perReading = 20;

export async function publishChunks(parts: ChunkParts, portions: readonly Portion[]): Promise<void> {
  const chosen = portions.flatMap(({ request, chunks }) => chunks.map((chunk) => ({ request, chunk })));
  if (chosen.length === 0) return;
  await parts.publisher.publish(
    chosen.map(({ request, chunk }) => toPlannedRecord(toChunkEvent(request, chunk), parts.topics)),
  );
  await parts.store.markPublished(
    chosen.map(({ request, chunk }) => ({ requestId: request.requestId, sequence: chunk.sequence })),
  );
}

/** What a crash left between storing and marking. */
export async function publishUnpublished(parts: ChunkParts, request: Driven): Promise<void> {
  for (;;) {
    const chunks = await loadUnpublished(parts.db, request.requestId, perReading);
    await publishChunks(parts, [{ request, chunks }]);
    if (chunks.length < perReading) return;
  }
}

async function loadUnpublished(db: Db, requestId: string, limit: number): Promise<StoredChunk[]> {
  const { rows } = await withDatabase(() =>
    sql<StoredChunk>`
      select ${chunkColumns()} from chunks c
      where c.request_id = ${requestId} and c.published_at is null
      order by c.sequence limit ${limit}`.execute(db),
  );
  return rows;
}

export interface ChunkPlace {
  requestId: string;
  sequence: number;
}

/** By `requestId`, each in the order of its chunks. */
export async function loadChunks(db: Db, places: readonly ChunkPlace[]): Promise<Map<string, StoredChunk[]>> {
  const { rows } = await withDatabase(() =>
    sql<StoredChunk & { requestId: string }>`
      select c.request_id as "requestId", ${chunkColumns()}
      from unnest(${places.map(({ requestId }) => requestId)}::uuid[], ${places.map(({ sequence }) => sequence)}::int[])
        as p (request_id, sequence)
      join chunks c using (request_id, sequence)
      order by c.sequence`.execute(db),
  );
  return Map.groupBy(rows, ({ requestId }) => requestId);
}

function chunkColumns() {
  return sql`c.sequence, c.user_ids as "userIds",
    floor(extract(epoch from c.stored_at) * 1000)::double precision as "storedAtMs"`;
}
