// GET /api/v1/notifications and …/{id}: what one person got or did not get, from the ledger. Read only.
import { type RawBuilder, sql } from 'kysely';
import type { Channel } from '../../domain/ids.ts';
import { type Db, toMonth, withDatabase } from '../../lib/db/database.ts';
import type { DeliveriesTable, DeliveryState } from '../../lib/db/tables.ts';
import { type JourneyFeedback, toJourney } from '../../lib/journey.ts';
import { maskAddress } from '../../lib/masked-address.ts';
import { isPlace, type Place, toPlace } from '../../lib/people-of-request/candidates.ts';
import { listPeople, type WantedRequest } from '../../lib/people-of-request/list-people.ts';
import { findPlanned, type Planned } from '../../lib/requests-of-person/find-planned.ts';

type Row = Pick<
  DeliveriesTable,
  'notification_id' | 'request_id' | 'chunk_id' | 'user_id' | 'channel' | 'address' | 'template_id' | 'template_version'
> &
  Pick<DeliveriesTable, 'priority' | 'state' | 'requested_at' | 'planned_at' | 'enriched_at' | 'rendered_at'> &
  Pick<DeliveriesTable, 'claimed_at' | 'ended_at'> & {
    reason: string;
    detail: string;
    stage: string;
    attempt: number;
    due_at: Date | null;
  };

export interface NotificationSummary {
  notification_id: string;
  request_id: string;
  user_id: string;
  channel: string;
  /** Masked. */
  address: string | null;
  template_id: string;
  template_version: number;
  priority: string;
  state: DeliveryState;
  reason: string | null;
  attempts: number;
  requested_at: string;
  ended_at: string | null;
}

/** It has no row in the ledger yet. */
export interface PlannedSummary extends Omit<NotificationSummary, 'state' | 'template_version'> {
  state: 'planned';
  /** Null: a mailing whose time has not come. */
  template_version: number | null;
  last_seen: { stage: string; outcome: string; at: string };
  /** Sentences. */
  waits_for: string;
}

export interface JourneyStep {
  stage: string;
  at: string;
  outcome: string;
  reason: string | null;
  detail: string | null;
}

export interface Notification extends NotificationSummary {
  chunk_id: string;
  detail: string | null;
  /** When a deferred one is tried again. */
  next_attempt_at: string | null;
  journey: JourneyStep[];
}

export interface PageQuery {
  requestId: string | undefined;
  userId: string | undefined;
  state: DeliveryState | 'planned' | undefined;
  after: Cursor | undefined;
  limit: number;
}

/** Of what has a row in the ledger. */
type RowQuery = PageQuery & { state: DeliveryState | undefined };

/** The last row of the page before; or where in a large request the people of one state go on. */
export type Cursor = { requestedAtMs: number; notificationId: string } | Place;

export interface NotificationPage {
  notifications: (NotificationSummary | PlannedSummary)[];
  /** For `after`; null on the last page. */
  next: string | null;
  /** On the first page of a person: whether all open requests could be looked through for what is planned. */
  all_planned?: boolean;
}

const columns = sql`d.notification_id, d.request_id, d.chunk_id, d.user_id, d.channel, d.address, d.template_id,
  d.template_version, d.priority, d.state, d.reason, d.detail, d.stage, d.attempt, d.requested_at, d.planned_at,
  d.enriched_at, d.rendered_at, d.claimed_at, d.ended_at`;

/** @throws DependencyError('postgres') */
export async function findNotification(db: Db, notificationId: string): Promise<Notification | undefined> {
  const found = await withDatabase(() =>
    sql<Row>`select ${columns}, w.due_at from deliveries d left join waiting w using (notification_id)
             where d.notification_id = ${notificationId}`.execute(db),
  );
  const row = found.rows[0];
  return row && toNotification(row, await findFeedback(db, notificationId));
}

/** In the order in which it happened. */
async function findFeedback(db: Db, notificationId: string): Promise<JourneyFeedback[]> {
  const found = await withDatabase(() =>
    sql<JourneyFeedback>`select type, status, happened_at from feedback
                         where notification_id = ${notificationId} order by happened_at, feedback_id`.execute(db),
  );
  return found.rows;
}

/** @throws DependencyError('postgres') */
export async function listNotifications(db: Db, query: PageQuery): Promise<NotificationPage> {
  const { state } = query;
  if (state === 'planned') return listPlanned(db, query);
  const page = await listRows(db, { ...query, state });
  if (query.userId === undefined || query.after || state !== undefined) return page;
  // What is on its way is newer than nearly all that the ledger has: it goes before, and does not count for the limit.
  const { notifications, all_planned } = await listPlanned(db, query);
  return { ...page, notifications: [...notifications, ...page.notifications], all_planned };
}

async function listPlanned(db: Db, { userId = '', requestId }: PageQuery): Promise<Required<NotificationPage>> {
  const { planned, unsearched, isCutShort } = await findPlanned(db, userId, { only: requestId });
  return {
    notifications: planned.map((one) => toPlannedSummary(one, userId)),
    next: null,
    all_planned: unsearched.length === 0 && !isCutShort,
  };
}

async function listRows(db: Db, query: RowQuery): Promise<NotificationPage> {
  const request = await findLargeRequest(db, query);
  if (request) return listByState(db, request, query);
  const found = await withDatabase(() => selectPage(query).execute(db));
  const rows = found.rows.slice(0, query.limit);
  const last = rows.at(-1);
  return {
    notifications: rows.map(toSummary),
    next: found.rows.length > query.limit && last ? writeCursor(last) : null,
  };
}

/**
 * A person's newest first, by the index (user_id, requested_at); a request's in the order of their ids, by the index
 * (request_id, notification_id): every page costs as much as its own rows, however deep it is. One row more than the
 * limit tells whether there is a next page.
 */
export function selectPage(query: RowQuery): RawBuilder<Row> {
  const { requestId, userId, state, after, limit } = query;
  const conditions: RawBuilder<unknown>[] = [];
  if (requestId !== undefined) conditions.push(sql`d.request_id = ${requestId}`);
  if (userId !== undefined) conditions.push(sql`d.user_id = ${userId}`);
  if (state !== undefined) conditions.push(sql`d.state = ${state}`);
  const byUser = userId !== undefined;
  if (after && 'sequence' in after) {
    // A cursor of another query: its first page then.
  } else if (after && byUser) {
    const at = new Date(after.requestedAtMs);
    conditions.push(sql`(d.requested_at, d.notification_id) < (${at}::timestamptz, ${after.notificationId}::uuid)`);
  } else if (after) conditions.push(sql`d.notification_id > ${after.notificationId}::uuid`);
  const order = byUser ? sql`d.requested_at desc, d.notification_id desc` : sql`d.notification_id`;
  return sql<Row>`select ${columns}, null as due_at from deliveries d where ${sql.join(conditions, sql` and `)}
                  order by ${order} limit ${limit + 1}`;
}

/** Its people in one state are looked for by the counters; a smaller one is walked through. */
const largeCount = 5_000;

async function findLargeRequest(db: Db, query: RowQuery): Promise<WantedRequest | undefined> {
  const { requestId, userId, state, after } = query;
  if (requestId === undefined || userId !== undefined || state === undefined) return undefined;
  // A page that began before this release was rolled out goes on as it began.
  if (after && !('sequence' in after)) return undefined;
  const { rows } = await withDatabase(() =>
    sql<{ channel: Channel; chunkCount: number; requestedAt: Date }>`
      select channel, chunk_count as "chunkCount", requested_at as "requestedAt" from requests
      where request_id = ${requestId} and channel is not null and planned > ${largeCount}`.execute(db),
  );
  return rows[0] && { requestId, ...rows[0] };
}

/**
 * People of one state in a large request, however rare the state is: by the counters of its chunks (lib/people-of-request).
 * A page may be short, and even empty, where they are few: `next` says whether there are more.
 */
async function listByState(db: Db, request: WantedRequest, query: RowQuery): Promise<NotificationPage> {
  const { after, limit, state } = query;
  const place = after && 'sequence' in after ? after : { sequence: 0, position: 0 };
  const { people, next } = await listPeople(db, request, { state, reason: undefined }, place, limit);
  const ids = people.map(({ notificationId }) => notificationId);
  const { rows } = await withDatabase(() =>
    sql<Row>`select ${columns}, null as due_at from deliveries d
      where d.month = ${toMonth(request.requestedAt.getTime())}::date and d.notification_id = any(${ids}::uuid[])
        and d.state = ${state}`.execute(db),
  );
  const byId = new Map(rows.map((row) => [row.notification_id, row]));
  return {
    notifications: ids.flatMap((id) => byId.get(id) ?? []).map(toSummary),
    next: next ? `${next.sequence}_${next.position}` : null,
  };
}

function writeCursor(row: Row): string {
  return `${row.requested_at.getTime()}.${row.notification_id}`;
}

/** Undefined when it is not one that a page ended with. */
export function readCursor(text: string): Cursor | undefined {
  if (isPlace(text)) return toPlace(text);
  const match = /^(\d{1,15})\.([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/.exec(text);
  if (!match?.[1] || !match[2]) return undefined;
  return { requestedAtMs: Number(match[1]), notificationId: match[2] };
}

function toSummary(row: Row): NotificationSummary {
  return {
    notification_id: row.notification_id,
    request_id: row.request_id,
    user_id: row.user_id,
    channel: row.channel,
    address: row.address === null ? null : maskAddress(row.address),
    template_id: row.template_id,
    template_version: row.template_version,
    priority: row.priority,
    state: row.state,
    reason: row.reason || null,
    attempts: row.attempt,
    requested_at: row.requested_at.toISOString(),
    ended_at: row.ended_at?.toISOString() ?? null,
  };
}

function toPlannedSummary(one: Planned, userId: string): PlannedSummary {
  const { where, at, whatNext, lastSeen } = one.place;
  return {
    notification_id: one.notificationId,
    request_id: one.requestId,
    user_id: userId,
    channel: one.channel,
    address: null,
    template_id: one.templateId,
    template_version: one.templateVersion,
    priority: one.priority,
    state: 'planned',
    reason: null,
    attempts: 0,
    requested_at: one.requestedAt.toISOString(),
    ended_at: null,
    last_seen: { ...lastSeen, at: lastSeen.at.toISOString() },
    waits_for: [at ? `${where} ${at.toISOString()}.` : where, whatNext].join(' ').trim(),
  };
}

function toNotification(row: Row, feedback: readonly JourneyFeedback[]): Notification {
  return {
    ...toSummary(row),
    chunk_id: row.chunk_id,
    detail: row.detail || null,
    next_attempt_at: row.due_at?.toISOString() ?? null,
    journey: toJourney(row, feedback).map((step) => ({ ...step, at: step.at.toISOString() })),
  };
}
