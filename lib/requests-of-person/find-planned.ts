// What is planned for a person, or names them, and has no row in the ledger yet. Lists of people are in no index, for they are
// written a million times and searched once: requests for one person are found by an index of their own (requests_of_one),
// of the others the open ones are looked through, the small ones first, and no more than so much of them.
import { type RawBuilder, sql } from 'kysely';
import { type Channel, notificationId } from '../../domain/ids.ts';
import { type Place, type PlannedChunk, placeOnItsWay } from '../../domain/place-on-its-way.ts';
import { type RequestState, toRequestState } from '../../domain/request-state.ts';
import { type Db, toMonth, withDatabase } from '../db/database.ts';
import { requestHold } from '../holds/covers.ts';
import type { Priority } from '../topics.ts';

export interface Planned {
  notificationId: string;
  requestId: string;
  channel: Channel;
  templateId: string;
  templateTitle: string | null;
  templateVersion: number | null;
  priority: Priority;
  mailingTitle: string | null;
  requestedAt: Date;
  place: Place;
}

export interface PlannedOfPerson {
  /** Newest first. */
  planned: Planned[];
  /** Open requests with so many people that they were not looked through. */
  unsearched: { requestId: string; title: string }[];
  /** More open requests than these were not even counted. */
  isCutShort: boolean;
  /** Open requests for their category that have not come to all of it: they may be in it. */
  perhaps: { requestId: string; title: string }[];
}

export const maxPlanned = 100;
/** Open requests for many, the newest ones. */
const maxRequests = 500;
/** A million people: some tenths of a second. */
const maxChunks = 2_000;

interface OpenRequest {
  requestId: string;
  state: RequestState;
  hold: 'paused' | 'cancelled' | null;
  channel: Channel;
  priority: Priority;
  templateId: string;
  templateTitle: string | null;
  templateVersion: number | null;
  mailingTitle: string | null;
  requestedAt: Date;
  scheduledAt: Date | null;
  planningComplete: boolean;
  chunkCount: number;
  /** They are among its explicit people, and planning has not ended. */
  isNamed: boolean;
  hasCategory: boolean;
  asideReason: string | null;
  asideUntil: Date | null;
}

/**
 * @param only one request; undefined: all that are open
 * @param category of the person; undefined where it is not known
 * @throws DependencyError('postgres')
 */
export async function findPlanned(
  db: Db,
  userId: string,
  { only, category }: { only?: string | undefined; category?: string | undefined } = {},
): Promise<PlannedOfPerson> {
  // One after the other: ingest has few connections for whoever reads.
  const ofOne = await listOpen(db, userId, category, isForOne(userId), only, maxPlanned + 1);
  const ofMany = await listOpen(db, userId, category, isForMany, only, maxRequests + 1);
  const waiting = await listConfirmed(db, userId, category, only);
  const listed = ofMany.slice(0, maxRequests);
  const searched = only === undefined ? takeSmallest(listed) : new Set(listed.map(({ requestId }) => requestId));
  const chunks = await findChunks(db, userId, [...ofOne.map(({ requestId }) => requestId), ...searched]);
  const found = [...ofOne, ...listed, ...waiting].filter((one) => one.isNamed || chunks.has(one.requestId));
  const inLedger = await findInLedger(db, found, userId);
  const title = (one: OpenRequest) => ({
    requestId: one.requestId,
    title: one.mailingTitle ?? one.templateTitle ?? one.templateId,
  });
  return {
    planned: found
      .filter((one) => !inLedger.has(toNotificationId(one, userId)))
      .sort((a, b) => b.requestedAt.getTime() - a.requestedAt.getTime())
      .slice(0, maxPlanned)
      .map((one) => toPlanned(one, userId, chunks.get(one.requestId))),
    unsearched: listed.filter((one) => !searched.has(one.requestId) && !one.isNamed).map(title),
    isCutShort: ofOne.length > maxPlanned || ofMany.length > maxRequests || found.length > maxPlanned,
    perhaps: [...listed, ...waiting]
      .filter((one) => one.hasCategory && !one.isNamed && !one.planningComplete && !chunks.has(one.requestId))
      .map(title),
  };
}

/** Of a row `r` of requests; these three are the predicates and the expression of the indexes of migration 0015. */
const isUnended = sql`r.ended_at is null and r.state <> 'rejected'`;
const isForOne = (userId: string) =>
  sql`cardinality(r.user_ids) = 1 and r.user_categories = '{}' and r.user_ids[1] = ${userId}`;
const isForMany = sql`(cardinality(r.user_ids) <> 1 or r.user_categories <> '{}')`;

async function listOpen(
  db: Db,
  userId: string,
  category: string | undefined,
  which: RawBuilder<unknown>,
  only: string | undefined,
  limit: number,
): Promise<OpenRequest[]> {
  const { rows } = await withDatabase(() =>
    sql<OpenRequest>`
      select r.request_id as "requestId", r.state, ${requestHold} as hold, r.channel, r.priority, r.template_id as "templateId",
        t.title as "templateTitle", r.template_version as "templateVersion", m.title as "mailingTitle",
        r.requested_at as "requestedAt", r.scheduled_at as "scheduledAt", r.planning_complete as "planningComplete",
        r.chunk_count as "chunkCount", a.reason as "asideReason", a.set_aside_until as "asideUntil",
        not r.planning_complete and (${userId} = any(r.user_ids) or exists (
          select from mailing_people p where p.mailing_id = r.people_from and p.user_id = ${userId})) as "isNamed",
        coalesce(${category ?? null}::text = any(r.user_categories), false) as "hasCategory"
      from requests r
      left join holds h on h.request_id = r.request_id
      left join templates t on t.template_id = r.template_id
      left join mailings m on m.mailing_id = coalesce(r.series_id, r.request_id)
      left join set_aside a on a.subject_id = r.request_id and a.set_aside_until > now()
      where ${which} and ${isUnended} and r.channel is not null
        and ${only === undefined ? sql`true` : sql`r.request_id = ${only}`}
      order by r.requested_at desc limit ${limit}`.execute(db),
  );
  return rows;
}

/** Mailings that go once and are not requests yet. Series are not among them: their people are counted anew each time. */
async function listConfirmed(
  db: Db,
  userId: string,
  category: string | undefined,
  only: string | undefined,
): Promise<OpenRequest[]> {
  const { rows } = await withDatabase(() =>
    sql<OpenRequest>`
      select * from (
        select m.mailing_id as "requestId", 'scheduled' as state, h.state as hold, t.channel, m.priority,
          m.template_id as "templateId", t.title as "templateTitle", m.template_version as "templateVersion",
          m.title as "mailingTitle", m.confirmed_at as "requestedAt", m.scheduled_at as "scheduledAt",
          false as "planningComplete", 0 as "chunkCount", a.reason as "asideReason", a.set_aside_until as "asideUntil",
          exists (select from mailing_people p where p.mailing_id = m.mailing_id and p.user_id = ${userId}) as "isNamed",
          coalesce(${category ?? null}::text = any(m.user_categories), false) as "hasCategory"
        from mailings m
        join templates t on t.template_id = m.template_id
        left join holds h on h.request_id = m.mailing_id
        left join set_aside a on a.subject_id = m.mailing_id and a.set_aside_until > now()
        where m.status = 'confirmed' and m.recurrence is null and m.adopted_at is null
          and ${only === undefined ? sql`true` : sql`m.mailing_id = ${only}`}
          and not exists (select from requests r where r.request_id = m.mailing_id)
      ) confirmed
      where "isNamed" or "hasCategory" order by "scheduledAt" limit ${maxPlanned}`.execute(db),
  );
  return rows;
}

/** The small ones first: no large one hides any of them. */
function takeSmallest(requests: readonly OpenRequest[]): Set<string> {
  const taken = new Set<string>();
  let chunkCount = 0;
  for (const one of [...requests].sort((a, b) => a.chunkCount - b.chunkCount)) {
    chunkCount += one.chunkCount;
    if (chunkCount > maxChunks) break;
    taken.add(one.requestId);
  }
  return taken;
}

async function findChunks(db: Db, userId: string, requestIds: string[]): Promise<Map<string, PlannedChunk>> {
  if (requestIds.length === 0) return new Map();
  const { rows } = await withDatabase(() =>
    sql<PlannedChunk & { requestId: string }>`
      select request_id as "requestId", sequence, stored_at as "storedAt", published_at as "publishedAt" from chunks
      where request_id = any(${requestIds}::uuid[]) and ${userId} = any(user_ids)`.execute(db),
  );
  return new Map(rows.map((row) => [row.requestId, row]));
}

async function findInLedger(db: Db, requests: readonly OpenRequest[], userId: string): Promise<Set<string>> {
  if (requests.length === 0) return new Set();
  const months = new Set(requests.map(({ requestedAt }) => toMonth(requestedAt.getTime())));
  const { rows } = await withDatabase(() =>
    sql<{ id: string }>`
      select notification_id as id from deliveries
      where notification_id = any(${requests.map((one) => toNotificationId(one, userId))}::uuid[])
        and month = any(${[...months]}::date[])`.execute(db),
  );
  return new Set(rows.map(({ id }) => id));
}

const toNotificationId = ({ requestId, channel }: OpenRequest, userId: string) =>
  notificationId(requestId, userId, channel);

function toPlanned(one: OpenRequest, userId: string, chunk: PlannedChunk | undefined): Planned {
  const { requestId, channel, templateId, templateTitle, templateVersion, priority, mailingTitle, requestedAt } = one;
  const { asideReason: reason, asideUntil: until, planningComplete, scheduledAt } = one;
  const request = {
    // Whoever has no row yet keeps the numbers from balancing.
    state: toRequestState({ state: one.state, hold: one.hold, isBalanced: false, isConfirmed: false }),
    detail: '',
    priority,
    requestedAt,
    scheduledAt,
    planningComplete,
    setAside: reason !== null && until !== null ? { reason, until } : undefined,
  };
  return {
    notificationId: toNotificationId(one, userId),
    requestId,
    channel,
    templateId,
    templateTitle,
    templateVersion,
    priority,
    mailingTitle,
    requestedAt,
    place: placeOnItsWay(request, chunk),
  };
}
