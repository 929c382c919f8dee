// The stored chunks of a driven request: read, published, marked. A chunk that was published before may be published
// again at any time: ids are computed, and the ledger lets nobody through twice.
import { sql } from 'kysely';
import { type Db, withDatabase } from '../../../lib/db/database.ts';
import type { Publisher } from '../../../lib/kafka/publisher.ts';
import type { Topics } from '../../../lib/topics.ts';
import { toPlannedRecord } from '../planned-record.ts';
import type { RequestStore } from '../request-store.ts';
import { type Driven, type StoredChunk, toChunkEvent } from './driven.ts';

export interface ChunkParts {
  db: Db;
  store: Pick<RequestStore, 'markPublished'>;
  publisher: Pick<Publisher, 'publish'>;
  topics: Topics;
}

const perReading = 20;

export async function publishChunks(parts: ChunkParts, request: Driven, chunks: readonly StoredChunk[]): Promise<void> {
  if (chunks.length === 0) return;
  await parts.publisher.publish(chunks.map((chunk) => toPlannedRecord(toChunkEvent(request, chunk), parts.topics)));
  const { requestId } = request;
  await parts.store.markPublished(chunks.map(({ sequence }) => ({ requestId, sequence })));
}

/** What a crash left between storing and marking. */
export async function publishUnpublished(parts: ChunkParts, request: Driven): Promise<void> {
  for (;;) {
    const chunks = await loadUnpublished(parts.db, request.requestId, perReading);
    await publishChunks(parts, request, chunks);
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

export async function loadChunks(db: Db, requestId: string, sequences: readonly number[]): Promise<StoredChunk[]> {
  const { rows } = await withDatabase(() =>
    sql<StoredChunk>`
      select ${chunkColumns()} from chunks c
      where c.request_id = ${requestId} and c.sequence = any(${sequences as number[]}::int[])
      order by c.sequence`.execute(db),
  );
  return rows;
}

function chunkColumns() {
  return sql`c.sequence, c.user_ids as "userIds",
    floor(extract(epoch from c.stored_at) * 1000)::double precision as "storedAtMs"`;
}
