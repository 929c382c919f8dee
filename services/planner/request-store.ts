// Requests and their chunks in Postgres: stored before anything is published, so that a redelivered request goes on
// from where it was, with the template version it had.
import { type Selectable, sql } from 'kysely';
import { type Db, withDatabase } from '../../lib/db/database.ts';
import type { PinnedColumns, RequestsTable } from '../../lib/db/tables.ts';
import type { PlannedRequest } from './plan.ts';

/** A stored request with those of its chunks that are not known to be published. */
export type StoredRequest = PinnedColumns &
  Pick<Selectable<RequestsTable>, 'body_hash' | 'state' | 'detail' | 'requested_at' | 'expires_at'> & {
    unpublished: { sequence: number; user_ids: string[]; stored_at: string }[];
  };

export interface RequestStore {
  /** Stores a slice in one statement. @returns the ids that were new; the others meet their rows in `load` */
  insert(requests: readonly PlannedRequest[]): Promise<Set<string>>;
  load(requestIds: readonly string[]): Promise<StoredRequest[]>;
  markPublished(chunks: readonly { requestId: string; sequence: number }[]): Promise<void>;
}

export function createRequestStore(db: Db): RequestStore {
  return {
    insert: (requests) => withDatabase(() => insertRequests(db, requests)),
    load: (requestIds) => withDatabase(() => loadRequests(db, requestIds)),
    markPublished: (chunks) => withDatabase(() => markPublished(db, chunks)),
  };
}

// One transaction holds a request and all its chunks: a crash leaves both or neither. A rejected request whose record
// comes again (a redrive after its template was made) may be planned after all; no other row is ever replaced.
async function insertRequests(db: Db, requests: readonly PlannedRequest[]): Promise<Set<string>> {
  const requestRows = JSON.stringify(requests.map(toRequestRow));
  const chunkRows = JSON.stringify(
    requests.flatMap((request) =>
      request.chunks.map((chunk) => ({
        request_id: request.requestId,
        sequence: chunk.sequence,
        user_ids: chunk.userIds,
      })),
    ),
  );
  const { rows } = await sql<{ request_id: string }>`
    with stored as (
      insert into requests as r (request_id, body_hash, state, detail, template_id, template_version, template_kind,
        channel, on_no_answer, priority, is_promo, context, user_ids, user_categories, planned, chunk_count,
        planning_complete, requested_at, scheduled_at, expires_at, driven, origin, test_address, api_key_id)
      select n.request_id, decode(n.body_hash, 'hex'), n.state, n.detail, n.template_id, n.template_version,
        n.template_kind, n.channel, n.on_no_answer, n.priority, n.is_promo, n.context, n.user_ids, n.user_categories,
        n.planned, n.chunk_count, n.planning_complete, n.requested_at, n.scheduled_at, n.expires_at,
        n.driven, n.origin, n.test_address, a.api_key_id
      from json_to_recordset(${requestRows}::json) as n (request_id uuid, body_hash text, state text, detail text,
        template_id text, template_version int, template_kind text, channel text, on_no_answer text, priority text,
        is_promo boolean, context text, user_ids text[], user_categories text[], planned int, chunk_count int,
        planning_complete boolean, requested_at timestamptz, scheduled_at timestamptz, expires_at timestamptz,
        driven boolean, origin text, test_address text)
      -- Only ingest writes there, and before the record: a record cannot say whose it is.
      left join accepted a using (request_id)
      order by n.request_id
      on conflict (request_id) do update set state = excluded.state, detail = excluded.detail,
        template_id = excluded.template_id, template_version = excluded.template_version,
        template_kind = excluded.template_kind, channel = excluded.channel, on_no_answer = excluded.on_no_answer,
        context = excluded.context, user_ids = excluded.user_ids, user_categories = excluded.user_categories,
        planned = excluded.planned, chunk_count = excluded.chunk_count, planning_complete = excluded.planning_complete,
        driven = excluded.driven, test_address = excluded.test_address
        where r.state = 'rejected' and excluded.state <> 'rejected' and r.body_hash = excluded.body_hash
      returning request_id
    ), cut as (
      insert into chunks (request_id, sequence, user_ids)
      select c.request_id, c.sequence, c.user_ids
      from json_to_recordset(${chunkRows}::json) as c (request_id uuid, sequence int, user_ids text[])
      join stored using (request_id)
    )
    select request_id from stored`.execute(db);
  return new Set(rows.map((row) => row.request_id));
}

function toRequestRow(request: PlannedRequest) {
  const direct = request.chunks.length > 0;
  return {
    request_id: request.requestId,
    body_hash: request.bodyHash.toString('hex'),
    state: request.state,
    detail: request.detail,
    template_id: request.templateId,
    template_version: request.template?.version ?? null,
    template_kind: request.template?.kind ?? null,
    channel: request.template?.channel ?? null,
    on_no_answer: request.template?.onNoAnswer ?? null,
    priority: request.priority,
    is_promo: request.isPromo,
    context: request.context,
    user_ids: request.userIds,
    user_categories: request.userCategories,
    planned: request.chunks.reduce((sum, chunk) => sum + chunk.userIds.length, 0),
    chunk_count: request.chunks.length,
    planning_complete: direct || request.state === 'rejected',
    requested_at: new Date(request.requestedAtMs),
    scheduled_at: request.scheduledAtMs === null ? null : new Date(request.scheduledAtMs),
    expires_at: request.expiresAtMs === null ? null : new Date(request.expiresAtMs),
    driven: request.driven,
    origin: request.origin,
    test_address: request.testAddress,
  };
}

async function loadRequests(db: Db, requestIds: readonly string[]): Promise<StoredRequest[]> {
  const { rows } = await sql<StoredRequest>`
    select r.request_id, r.body_hash, r.state, r.detail, r.template_id, r.template_version, r.template_kind, r.channel,
      r.on_no_answer, r.priority, r.is_promo, r.context, r.requested_at, r.expires_at, r.test_address,
      coalesce(json_agg(json_build_object('sequence', c.sequence, 'user_ids', c.user_ids, 'stored_at', c.stored_at)
        order by c.sequence) filter (where c.request_id is not null), '[]') as unpublished
    from requests r
    left join chunks c on c.request_id = r.request_id and c.published_at is null
    where r.request_id = any(${requestIds as string[]}::uuid[])
    group by r.request_id`.execute(db);
  return rows;
}

async function markPublished(db: Db, chunks: readonly { requestId: string; sequence: number }[]): Promise<void> {
  await sql`
    update chunks c set published_at = now()
    from unnest(${chunks.map((chunk) => chunk.requestId)}::uuid[], ${chunks.map((chunk) => chunk.sequence)}::int[])
      as p (request_id, sequence)
    where c.request_id = p.request_id and c.sequence = p.sequence and c.published_at is null`.execute(db);
}
