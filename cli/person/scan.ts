// Chunks and requests that name a person. Lists of ids are in no index, for they are written a million times and searched
// once: so all are looked through, a few thousand at a time.
import { sql } from 'kysely';
import type { Db } from '../../lib/db/database.ts';

const perPage = 5_000;
const firstId = '00000000-0000-0000-0000-000000000000';

export interface ChunkHit {
  requestId: string;
  sequence: number;
}

export async function* findChunks(db: Db, userId: string): AsyncGenerator<ChunkHit> {
  for (let after: ChunkHit | undefined = { requestId: firstId, sequence: -1 }; after; ) {
    const { rows }: { rows: (ChunkHit & { isHit: boolean })[] } = await sql<ChunkHit & { isHit: boolean }>`
      select request_id as "requestId", sequence, ${userId} = any(user_ids) as "isHit" from chunks
      where (request_id, sequence) > (${after.requestId}::uuid, ${after.sequence}::integer)
      order by request_id, sequence limit ${perPage}`.execute(db);
    for (const row of rows) if (row.isHit) yield row;
    after = rows.length === perPage ? rows.at(-1) : undefined;
  }
}

export async function* findRequests(db: Db, userId: string): AsyncGenerator<string> {
  for (let after: string | undefined = firstId; after; ) {
    const { rows }: { rows: { requestId: string; isHit: boolean }[] } = await sql<{
      requestId: string;
      isHit: boolean;
    }>`
      select request_id as "requestId", ${userId} = any(user_ids) as "isHit" from requests
      where request_id > ${after}::uuid order by request_id limit ${perPage}`.execute(db);
    for (const row of rows) if (row.isHit) yield row.requestId;
    after = rows.length === perPage ? rows.at(-1)?.requestId : undefined;
  }
}
