// Requests that only name people and whose time has come: hundreds at a time, as many may be due in the same minute.
import { sql } from 'kysely';
import { type Db, withDatabase } from '../../../lib/db/database.ts';
import { cutChunks } from '../plan.ts';
import { toPlannedRecord } from '../planned-record.ts';
import type { ChunkParts } from './chunks.ts';
import { type Driven, drivenColumns, type StoredChunk, toChunkEvent } from './driven.ts';
import { cutFitting } from './fitting.ts';
import { leaseSeconds } from './leases.ts';
import { type AsideParts, isNotAside, runBatch } from './set-aside.ts';

export const maxDueRequests = 500;
/** Of one round. */
const atOnce = { count: maxDueRequests, people: 10_000, bytes: 8 * 1024 * 1024 };

interface Planned {
  request: Driven;
  chunks: StoredChunk[];
}

/**
 * Claims, stores, publishes, marks; nothing but one look where none is due. Afterwards they are like requests that were
 * never scheduled. What a crash leaves in between keeps its lease until that runs out, and is then published again with
 * the same chunks.
 * @returns how many there were
 */
export async function planDue(parts: ChunkParts & AsideParts, now: Date): Promise<number> {
  const findFirst = async () => (await withDatabase(() => lockDue(parts.db, now, 1)))[0];
  if ((await findFirst()) === undefined) return 0;
  return runBatch(parts, 'due', { limit: maxDueRequests, run: (limit) => planSome(parts, now, limit), findFirst });
}

async function planSome(parts: ChunkParts, now: Date, limit: number): Promise<number> {
  const planned = await withDatabase(() => storeDue(parts.db, now, limit));
  if (planned.length === 0) return 0;
  const records = planned.flatMap(({ request, chunks }) =>
    chunks.map((chunk) => toPlannedRecord(toChunkEvent(request, chunk), parts.topics)),
  );
  await parts.publisher.publish(records);
  await withDatabase(() =>
    markLeft(
      parts.db,
      planned.map(({ request }) => request),
    ),
  );
  return planned.length;
}

/** One transaction: a request has all its chunks and its numbers, or is as it was. */
async function storeDue(db: Db, now: Date, limit: number): Promise<Planned[]> {
  return db.transaction().execute(async (transaction) => {
    const ids = await lockDue(transaction, now, limit);
    if (ids.length === 0) return [];
    const requests = await takeLeases(transaction, ids);
    const cut = requests.flatMap((request) => (request.chunkCount > 0 ? [] : cutRequest(request)));
    if (cut.length > 0) await insertChunks(transaction, cut);
    const chunks = await loadAll(transaction, ids);
    return requests.map((request) => ({ request, chunks: chunks.get(request.requestId) ?? [] }));
  });
}

// What is urgent first; then in the order of their times. Those that a crash has left behind are read apart, by the index
// of what is under way.
async function lockDue(db: Db, now: Date, limit: number): Promise<string[]> {
  const { rows } = await sql<{ request_id: string; people: number; bytes: number }>`
    with due as (
      select d.request_id, p.rank
      from (values ('high', 1), ('medium', 2), ('low', 3)) as p (priority, rank)
      cross join lateral (
        select r.request_id from requests r
        where r.state = 'scheduled' and r.priority = p.priority and r.driven and r.scheduled_at <= ${now}
          and r.user_categories = '{}' and r.people_from is null
          and not exists (select from holds h where h.request_id = r.request_id) and ${isNotAside(sql`r.request_id`)}
        order by r.scheduled_at limit ${limit}
        for update of r skip locked
      ) d
    ), left_behind as (
      select r.request_id, 0 as rank from requests r
      where r.driven and r.ended_at is null and r.state = 'planning' and r.user_categories = '{}' and r.people_from is null
        and (r.lease_until is null or r.lease_until <= now())
        and not exists (select from holds h where h.request_id = r.request_id) and ${isNotAside(sql`r.request_id`)}
      limit ${limit}
      for update of r skip locked
    )
    select r.request_id, cardinality(r.user_ids) as people,
      octet_length(r.context) * ceil(cardinality(r.user_ids) / 500.0)::int as bytes
    from (select * from left_behind union all select * from due) f join requests r using (request_id)
    order by f.rank, r.scheduled_at, r.stored_at limit ${limit}`.execute(db);
  return cutFitting(rows, atOnce).map((row) => row.request_id);
}

async function takeLeases(db: Db, ids: readonly string[]): Promise<Driven[]> {
  const { rows } = await sql<Driven>`
    update requests r set state = 'planning', epoch = r.epoch + 1, progress_at = now(),
      started_at = coalesce(r.started_at, now()), lease_until = now() + make_interval(secs => ${leaseSeconds})
    where r.request_id = any(${ids as string[]}::uuid[])
    returning ${drivenColumns()}`.execute(db);
  const placeOf = new Map(ids.map((id, place) => [id, place]));
  return rows.sort((a, b) => (placeOf.get(a.requestId) ?? 0) - (placeOf.get(b.requestId) ?? 0));
}

function cutRequest({ requestId, userIds }: Driven) {
  return cutChunks(userIds).map((chunk) => ({
    request_id: requestId,
    sequence: chunk.sequence,
    user_ids: chunk.userIds,
  }));
}

async function insertChunks(db: Db, chunks: readonly { request_id: string; user_ids: string[] }[]): Promise<void> {
  await sql`
    with cut as (
      insert into chunks (request_id, sequence, user_ids)
      select * from json_to_recordset(${JSON.stringify(chunks)}::json) as c (request_id uuid, sequence int, user_ids text[])
      returning request_id, cardinality(user_ids) as people
    )
    update requests r set planned = c.people, chunk_count = c.chunks, planning_complete = true
    from (select request_id, sum(people) as people, count(*) as chunks from cut group by request_id) c
    where r.request_id = c.request_id`.execute(db);
}

async function loadAll(db: Db, ids: readonly string[]): Promise<Map<string, StoredChunk[]>> {
  const { rows } = await sql<StoredChunk & { requestId: string }>`
    select request_id as "requestId", sequence, user_ids as "userIds",
      floor(extract(epoch from stored_at) * 1000)::double precision as "storedAtMs"
    from chunks where request_id = any(${ids as string[]}::uuid[]) and published_at is null
    order by request_id, sequence`.execute(db);
  return Map.groupBy(rows, (row) => row.requestId);
}

async function markLeft(db: Db, requests: readonly Driven[]): Promise<void> {
  await sql`
    with ours as (
      update requests r set state = 'running', driven = false, lease_until = null
      from unnest(${requests.map(({ requestId }) => requestId)}::uuid[], ${requests.map(({ epoch }) => epoch)}::int[])
        as g (request_id, epoch)
      where r.request_id = g.request_id and r.epoch = g.epoch and r.state = 'planning'
      returning r.request_id
    )
    update chunks c set published_at = now() from ours
    where c.request_id = ours.request_id and c.published_at is null`.execute(db);
}
