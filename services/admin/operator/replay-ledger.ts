// What a replay asks of the tables before it judges: the rows of the ledger by their keys, the requests with what people
// want of them, and stored chunks. It reads only.
import { sql } from 'kysely';
import { type Channel, isErasedId } from '../../../domain/ids.ts';
import type { RequestState } from '../../../domain/request-state.ts';
import { type Db, toMonth, withDatabase } from '../../../lib/db/database.ts';
import type { DeliveryState, OnNoAnswer, RequestOrigin } from '../../../lib/db/tables.ts';
import type { Priority } from '../../../lib/topics.ts';

export interface RequestFacts {
  requestId: string;
  hold: 'paused' | 'cancelled' | null;
  /** Null: the planner has never stored it. */
  state: RequestState | null;
  templateId: string;
  templateVersion: number | null;
  templateKind: string | null;
  channel: Channel | null;
  onNoAnswer: OnNoAnswer | null;
  priority: Priority;
  isPromo: boolean;
  /** Empty in a dry run. */
  context: string;
  origin: RequestOrigin;
  chunkCount: number;
  planningComplete: boolean;
  requestedAtMs: number;
  expiresAtMs: number | null;
}

export interface StoredChunk {
  requestId: string;
  sequence: number;
  userIds: string[];
  storedAtMs: number;
}

const dayMs = 24 * 60 * 60 * 1000;
/** The ledger is kept for 90 days (docs/operations.md). */
const keptMs = 90 * dayMs;

/** @returns what was requested before this moment (milliseconds since 1970 UTC) may have lost its row: the ledger cannot judge it */
export async function findLedgerStart(db: Db): Promise<number> {
  const { rows } = await withDatabase(() =>
    sql<{ month: string | null; now_ms: number }>`
      select min(to_date(substring(c.relname from '^deliveries_(\\d{4}_\\d{2})$'), 'YYYY_MM'))::text as month,
        extract(epoch from now())::double precision * 1000 as now_ms
      from pg_inherits i join pg_class c on c.oid = i.inhrelid
      where i.inhparent = 'deliveries'::regclass`.execute(db),
  );
  const { month, now_ms: nowMs } = rows[0] ?? { month: null, now_ms: Date.now() };
  return Math.max(nowMs - keptMs, month ? Date.parse(`${month}T00:00:00Z`) : Number.NEGATIVE_INFINITY);
}

/** The row of somebody who was erased says no more of them. */
export type KnownState = DeliveryState | 'erased';

/** @returns the state of those that have a row, by notification id */
export async function findDeliveries(
  db: Db,
  wanted: readonly { notificationId: string; requestedAtMs: number }[],
): Promise<Map<string, KnownState>> {
  const byMonth = Map.groupBy(wanted, ({ requestedAtMs }) => toMonth(requestedAtMs));
  const found = new Map<string, KnownState>();
  for (const [month, people] of byMonth) {
    const ids = [...new Set(people.map(({ notificationId }) => notificationId))];
    // One look-up by key each, whatever Postgres thinks of a partition that nobody has analysed yet (as in the claim).
    const { rows } = await withDatabase(() =>
      sql<{ notification_id: string; user_id: string; state: DeliveryState }>`
        select d.notification_id, d.user_id, d.state from unnest(${ids}::uuid[]) as g(notification_id)
        cross join lateral (
          select notification_id, user_id, state from deliveries
          where notification_id = g.notification_id and month = ${month}::date limit 1
        ) d`.execute(db),
    );
    for (const row of rows) found.set(row.notification_id, isErasedId(row.user_id) ? 'erased' : row.state);
  }
  return found;
}

/** @returns a row for every id, known or not */
export async function findRequests(
  db: Db,
  requestIds: readonly string[],
  withContext: boolean,
): Promise<Map<string, RequestFacts>> {
  if (requestIds.length === 0) return new Map();
  const { rows } = await withDatabase(() =>
    sql<RequestFacts>`
      select g.request_id as "requestId", h.state as hold, r.state, coalesce(r.template_id, '') as "templateId",
        r.template_version as "templateVersion", r.template_kind as "templateKind", r.channel,
        r.on_no_answer as "onNoAnswer", coalesce(r.priority, 'medium') as priority,
        coalesce(r.is_promo, false) as "isPromo", ${withContext ? sql`coalesce(r.context, '')` : sql`''`} as context,
        coalesce(r.origin, 'request') as origin, coalesce(r.chunk_count, 0) as "chunkCount",
        coalesce(r.planning_complete, false) as "planningComplete",
        coalesce(floor(extract(epoch from r.requested_at) * 1000), 0)::double precision as "requestedAtMs",
        floor(extract(epoch from r.expires_at) * 1000)::double precision as "expiresAtMs"
      from unnest(${[...new Set(requestIds)]}::uuid[]) as g(request_id)
      left join requests r using (request_id)
      left join holds h using (request_id)`.execute(db),
  );
  return new Map(rows.map((row) => [row.requestId, row]));
}

/** All chunks of these requests, in their order. */
export async function findAllChunks(db: Db, requestIds: readonly string[]): Promise<Map<string, StoredChunk[]>> {
  if (requestIds.length === 0) return new Map();
  const { rows } = await withDatabase(() =>
    sql<StoredChunk>`
      select ${chunkColumns} from chunks where request_id = any(${[...new Set(requestIds)]}::uuid[])
      order by request_id, sequence`.execute(db),
  );
  return Map.groupBy(rows, ({ requestId }) => requestId);
}

/** The chunks of one request from this sequence on. */
export async function findChunksFrom(
  db: Db,
  requestId: string,
  sequence: number,
  limit: number,
): Promise<StoredChunk[]> {
  const { rows } = await withDatabase(() =>
    sql<StoredChunk>`
      select ${chunkColumns} from chunks where request_id = ${requestId} and sequence >= ${sequence}
      order by sequence limit ${limit}`.execute(db),
  );
  return rows;
}

const chunkColumns = sql`request_id as "requestId", sequence, user_ids as "userIds",
  floor(extract(epoch from stored_at) * 1000)::double precision as "storedAtMs"`;
