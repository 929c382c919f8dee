// Stores a page of people as chunks, together with the cursor to go on from.
import { sql } from 'kysely';
import { type Db, withDatabase } from '../../../lib/db/database.ts';
import type { PlannedChunk } from '../plan.ts';
import type { Driven } from './driven.ts';

export interface PageToStore {
  /** Chunks of the request before it. */
  chunkCount: number;
  chunks: readonly PlannedChunk[];
  cursor: string;
  atEnd: boolean;
}

/**
 * One statement, guarded by the epoch and the number of chunks: the page is stored whole and once, or, when somebody else
 * has taken the request meanwhile, or it was stored before, not at all. So the same person is never in two chunks, whoever crashes when.
 * @returns when it was stored, in milliseconds since 1970 UTC; undefined when it was not
 */
export async function storePage(
  db: Db,
  request: Pick<Driven, 'requestId' | 'epoch'>,
  page: PageToStore,
): Promise<number | undefined> {
  const { chunks } = page;
  const people = chunks.reduce((sum, chunk) => sum + chunk.userIds.length, 0);
  const { rows } = await withDatabase(() =>
    sql<{ stored_at_ms: number }>`
      with moved as (
        update requests set cursor = ${page.cursor}, planned = planned + ${people},
          chunk_count = chunk_count + ${chunks.length}, planning_complete = ${page.atEnd}, state = 'running',
          started_at = coalesce(started_at, now()), progress_at = now()
        where request_id = ${request.requestId} and epoch = ${request.epoch} and chunk_count = ${page.chunkCount}
          and not planning_complete and ended_at is null
        returning request_id
      ), cut as (
        insert into chunks (request_id, sequence, user_ids)
        select moved.request_id, c.sequence, c.user_ids
        from moved, json_to_recordset(${toJson(chunks)}::json) as c (sequence int, user_ids text[])
      )
      select floor(extract(epoch from now()) * 1000)::double precision as stored_at_ms from moved`.execute(db),
  );
  return rows[0]?.stored_at_ms;
}

function toJson(chunks: readonly PlannedChunk[]): string {
  return JSON.stringify(chunks.map((chunk) => ({ sequence: chunk.sequence, user_ids: chunk.userIds })));
}
