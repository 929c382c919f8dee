// The people of a request in one state, a page at a time: chunks by the counters, people by the chunks, and their rows in
// the ledger by key. In the order of the chunks, so that a page stays where it is while the request goes on. For the pages
// of mailings and for GET /api/v1/notifications.
import { sql } from 'kysely';
import { type Channel, notificationId } from '../../domain/ids.ts';
import { type Db, toMonth, withDatabase } from '../db/database.ts';
import type { DeliveryState } from '../db/tables.ts';
import { type ChunkCount, findCandidates, isCounted, type Place, takeSlice, type WantedState } from './candidates.ts';

export interface WantedRequest {
  requestId: string;
  channel: Channel;
  chunkCount: number;
  requestedAt: Date;
}

export interface Wanted {
  /** Undefined: everybody who was planned. */
  state: WantedState | undefined;
  reason: string | undefined;
}

export interface Person {
  userId: string;
  notificationId: string;
  /** Null: it has not come to the ledger yet. */
  state: DeliveryState | null;
  reason: string;
  address: string | null;
  endedAt: Date | null;
}

/** So much is looked through for one page; a rare state is then on several short ones. */
const maxChunks = 20;

export async function listPeople(
  db: Db,
  request: WantedRequest,
  wanted: Wanted,
  after: Place,
  limit: number,
): Promise<{ people: Person[]; next: Place | undefined }> {
  const counts = await readCounts(db, request.requestId, wanted);
  const candidates = findCandidates(request.requestId, request.chunkCount, wanted.state, counts, after);
  const people: Person[] = [];
  let looked = 0;
  while (looked < Math.min(candidates.length, maxChunks)) {
    const slice = takeSlice(candidates, looked, limit - people.length + 1);
    looked += slice.length;
    for (const { person, place } of await readSlice(
      db,
      request,
      slice.map(({ sequence }) => sequence),
      wanted,
    )) {
      if (place.sequence === after.sequence && place.position < after.position) continue;
      if (people.length === limit) return { people, next: place };
      people.push(person);
    }
  }
  const rest = candidates[looked];
  return { people, next: rest && { sequence: rest.sequence, position: 0 } };
}

async function readCounts(db: Db, requestId: string, wanted: Wanted): Promise<ChunkCount[] | undefined> {
  if (wanted.state === undefined) return undefined;
  const filter = !isCounted(wanted.state)
    ? sql`true`
    : wanted.reason === undefined
      ? sql`state = ${wanted.state}`
      : sql`state = ${wanted.state} and reason = ${wanted.reason}`;
  const { rows } = await withDatabase(() =>
    sql<ChunkCount>`
      select chunk_id as "chunkId", sum(count)::int as count from counters
      where request_id = ${requestId} and ${filter} group by chunk_id having sum(count) > 0`.execute(db),
  );
  return rows;
}

interface Row {
  notificationId: string;
  state: DeliveryState;
  reason: string;
  address: string | null;
  endedAt: Date | null;
}

async function readSlice(db: Db, request: WantedRequest, sequences: number[], wanted: Wanted) {
  const { rows: chunks } = await withDatabase(() =>
    sql<{ sequence: number; userIds: string[] }>`
      select sequence, user_ids as "userIds" from chunks
      where request_id = ${request.requestId} and sequence = any(${sequences}::int[]) order by sequence`.execute(db),
  );
  const all = chunks.flatMap(({ sequence, userIds }) =>
    userIds.map((userId, position) => ({
      place: { sequence, position },
      userId,
      notificationId: notificationId(request.requestId, userId, request.channel),
    })),
  );
  const ids = all.map((one) => one.notificationId);
  const rows = await readDeliveries(db, toMonth(request.requestedAt.getTime()), ids, wanted);
  return all.flatMap(({ place, userId, notificationId: id }) => {
    const row = rows.get(id);
    if (!isWanted(row, wanted)) return [];
    const { state = null, reason = '', address = null, endedAt = null } = row ?? {};
    return [{ place, person: { userId, notificationId: id, state, reason, address, endedAt } }];
  });
}

function isWanted(row: Row | undefined, { state, reason }: Wanted): boolean {
  if (state === undefined) return true;
  if (state === 'in_flight') return row === undefined || row.state === 'claimed' || row.state === 'sending';
  return row?.state === state && (reason === undefined || row.reason === reason);
}

/** Only those wanted come back, but for in_flight and everybody: these are told by what is not there as well. */
async function readDeliveries(db: Db, month: string, ids: string[], wanted: Wanted): Promise<Map<string, Row>> {
  const { state, reason } = wanted;
  const hasState = state === undefined || state === 'in_flight' ? sql`true` : sql`state = ${state}`;
  const hasReason = reason === undefined ? sql`true` : sql`reason = ${reason}`;
  const { rows } = await withDatabase(() =>
    sql<Row>`
      select notification_id as "notificationId", state, reason, address, ended_at as "endedAt" from deliveries
      where month = ${month}::date and notification_id = any(${ids}::uuid[])
        and ${hasState} and ${hasReason}`.execute(db),
  );
  return new Map(rows.map((row) => [row.notificationId, row]));
}
