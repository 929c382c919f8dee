// What Postgres knows of an id that is followed: the request, its chunks, the notification. All by key.
import { sql } from 'kysely';
import type { Channel } from '../../../domain/ids.ts';
import { type RequestState, type SaidState, toRequestState } from '../../../domain/request-state.ts';
import { type Db, withDatabase } from '../../../lib/db/database.ts';
import type { DeliveryState, RequestOrigin } from '../../../lib/db/tables.ts';
import { requestHold } from '../../../lib/holds/covers.ts';
import type { Priority, StageName } from '../../../lib/topics.ts';

export interface FollowedRequest {
  requestId: string;
  /** As its row says; `said` is what people are told. */
  state: RequestState;
  said: SaidState;
  detail: string;
  hold: 'paused' | 'cancelled' | null;
  origin: RequestOrigin;
  templateId: string;
  channel: Channel | null;
  priority: Priority;
  planned: number;
  chunkCount: number;
  planningComplete: boolean;
  /** At most two, which is enough to know whether it is for one person. */
  userIds: string[];
  categoryCount: number;
  requestedAt: Date;
  scheduledAt: Date | null;
  storedAt: Date;
  startedAt: Date | null;
  endedAt: Date | null;
  counts: { state: string; count: number }[];
}

export async function findFollowedRequest(db: Db, requestId: string): Promise<FollowedRequest | undefined> {
  const { rows } = await withDatabase(() =>
    sql<Omit<FollowedRequest, 'said'>>`
      select r.request_id as "requestId", r.state, r.detail, ${requestHold} as hold, r.origin, r.template_id as "templateId",
        r.channel, r.priority, r.planned, r.chunk_count as "chunkCount", r.planning_complete as "planningComplete",
        r.user_ids[1:2] as "userIds", cardinality(r.user_categories) as "categoryCount",
        r.requested_at as "requestedAt", r.scheduled_at as "scheduledAt", r.stored_at as "storedAt",
        r.started_at as "startedAt", r.ended_at as "endedAt",
        coalesce((select json_agg(c) from (select state, sum(count)::int as count from counters
          where request_id = r.request_id group by state having sum(count) <> 0 order by state) c), '[]') as counts
      from requests r left join holds h on h.request_id = r.request_id
      where r.request_id = ${requestId}`.execute(db),
  );
  const [row] = rows;
  if (!row) return undefined;
  const ended = row.counts.reduce((sum, { state, count }) => (state === 'deferred' ? sum : sum + count), 0);
  const isBalanced = row.planningComplete && ended === row.planned;
  return { ...row, said: toRequestState({ state: row.state, hold: row.hold, isBalanced, isConfirmed: false }) };
}

/** Of a request that the planner has not stored yet. */
export async function findAcceptedAt(db: Db, requestId: string): Promise<Date | undefined> {
  const { rows } = await withDatabase(() =>
    sql<{ at: Date }>`select accepted_at as at from accepted where request_id = ${requestId}`.execute(db),
  );
  return rows[0]?.at;
}

export interface FollowedChunk {
  sequence: number;
  peopleCount: number;
  /** The first ones, to follow. */
  someUserIds: string[];
  storedAt: Date;
  publishedAt: Date | null;
}

export async function listFollowedChunks(
  db: Db,
  requestId: string,
  from: number,
  limit: number,
): Promise<FollowedChunk[]> {
  const { rows } = await withDatabase(() =>
    sql<FollowedChunk>`
      select sequence, cardinality(user_ids) as "peopleCount", user_ids[1:10] as "someUserIds",
        stored_at as "storedAt", published_at as "publishedAt"
      from chunks where request_id = ${requestId} and sequence >= ${from} order by sequence limit ${limit}`.execute(db),
  );
  return rows;
}

/** The chunk that a person of this request is in. Reads the request's chunks: 2,000 for a million people. */
export async function findSequenceOf(db: Db, requestId: string, userId: string): Promise<number | undefined> {
  const { rows } = await withDatabase(() =>
    sql<{ sequence: number }>`select sequence from chunks
      where request_id = ${requestId} and ${userId} = any (user_ids) limit 1`.execute(db),
  );
  return rows[0]?.sequence;
}

export interface FollowedDelivery {
  notificationId: string;
  requestId: string;
  chunkId: string;
  userId: string;
  templateId: string;
  priority: Priority;
  state: DeliveryState;
  reason: string;
  stage: StageName;
  requestedAt: Date;
  plannedAt: Date | null;
  enrichedAt: Date | null;
  renderedAt: Date | null;
  endedAt: Date | null;
  renderedPartition: number | null;
  renderedOffset: number | null;
}

const deliveryColumns = sql`notification_id as "notificationId", request_id as "requestId", chunk_id as "chunkId",
  user_id as "userId", template_id as "templateId", priority, state, reason, stage, requested_at as "requestedAt",
  planned_at as "plannedAt", enriched_at as "enrichedAt", rendered_at as "renderedAt", ended_at as "endedAt",
  rendered_partition as "renderedPartition", rendered_offset as "renderedOffset"`;

export async function findFollowedDelivery(db: Db, notificationId: string): Promise<FollowedDelivery | undefined> {
  const { rows } = await withDatabase(() =>
    sql<FollowedDelivery>`select ${deliveryColumns} from deliveries where notification_id = ${notificationId}`.execute(
      db,
    ),
  );
  return rows[0];
}

/** Some of a request, in the order of their ids, which is as good as by chance. */
export async function listSomeDeliveries(db: Db, requestId: string, limit: number): Promise<FollowedDelivery[]> {
  const { rows } = await withDatabase(() =>
    sql<FollowedDelivery>`select ${deliveryColumns} from deliveries where request_id = ${requestId}
      order by notification_id limit ${limit}`.execute(db),
  );
  return rows;
}
