// GET /api/v1/requests/{id}: how far a request is, from the planner's row, the dispatcher's counters, and what people want
// of it (paused, on hold, cancelled, a mailing that is confirmed and not planned yet). Read only.
import { sql } from 'kysely';
import type { EndState } from '../../domain/reasons.ts';
import { type RequestState, type SaidState, toRequestState } from '../../domain/request-state.ts';
import { type Db, withDatabase } from '../../lib/db/database.ts';
import { requestHold } from '../../lib/holds/covers.ts';

export interface RequestStatus {
  request_id: string;
  state: SaidState;
  planning_complete: boolean;
  planned: number;
  sent: number;
  failed: number;
  skipped: number;
  unknown: number;
  in_flight: number;
  reasons: { state: string; reason: string; count: number }[];
  /** Why, where it was rejected. */
  detail: string | null;
  accepted_at: string | null;
  requested_at: string | null;
  stored_at: string | null;
  scheduled_at: string | null;
  expires_at: string | null;
  /** Of what the mailing runner plans (an audience, a later time): when it began. */
  started_at: string | null;
  /** When the last of its people had an end. */
  ended_at: string | null;
}

interface Row {
  state: RequestState | null;
  hold: 'paused' | 'cancelled' | null;
  confirmed: boolean;
  detail: string | null;
  planned: number | null;
  planning_complete: boolean | null;
  accepted_at: Date | null;
  requested_at: Date | null;
  stored_at: Date | null;
  scheduled_at: Date | null;
  expires_at: Date | null;
  started_at: Date | null;
  ended_at: Date | null;
  counts: { state: string; reason: string; count: number }[];
}

/** Undefined when nobody knows this id. @throws DependencyError('postgres') */
export async function findRequest(db: Db, requestId: string): Promise<RequestStatus | undefined> {
  const found = await withDatabase(() =>
    sql<Row>`
      select r.state, r.detail, r.planned, r.planning_complete, r.stored_at, r.started_at, r.ended_at, a.accepted_at,
             coalesce(r.requested_at, m.confirmed_at) as requested_at,
             coalesce(r.scheduled_at, m.scheduled_at) as scheduled_at,
             coalesce(r.expires_at, m.expires_at) as expires_at,
             ${requestHold} as hold, m.mailing_id is not null as confirmed,
             coalesce((
               select json_agg(c order by c.state, c.reason) from (
                 select state, reason, sum(count)::int as count from counters
                 where request_id = ${requestId} group by state, reason having sum(count) <> 0
               ) c), '[]') as counts
      from (select ${requestId}::uuid as request_id) wanted
      left join requests r using (request_id)
      left join accepted a using (request_id)
      left join mailings m on m.mailing_id = wanted.request_id and m.status = 'confirmed'
      left join holds h on h.request_id = wanted.request_id
      where r.request_id is not null or a.request_id is not null or m.mailing_id is not null`.execute(db),
  );
  const row = found.rows[0];
  return row && toStatus(requestId, row);
}

function toStatus(requestId: string, row: Row): RequestStatus {
  const countOf = (state: EndState) =>
    row.counts.reduce((sum, counted) => (counted.state === state ? sum + counted.count : sum), 0);
  const planned = row.planned ?? 0;
  const ended = {
    sent: countOf('sent'),
    failed: countOf('failed'),
    skipped: countOf('skipped'),
    unknown: countOf('unknown'),
  };
  const endedCount = ended.sent + ended.failed + ended.skipped + ended.unknown;
  const complete = row.planning_complete ?? false;
  return {
    request_id: requestId,
    state: toRequestState({
      state: row.state,
      hold: row.hold,
      isBalanced: complete && endedCount === planned,
      isConfirmed: row.confirmed,
    }),
    planning_complete: complete,
    planned,
    ...ended,
    in_flight: Math.max(0, planned - endedCount),
    // What was sent has no reason; it is a number above.
    reasons: row.counts.filter((counted) => counted.reason !== ''),
    detail: row.detail || null,
    accepted_at: toText(row.accepted_at),
    requested_at: toText(row.requested_at ?? row.accepted_at),
    stored_at: toText(row.stored_at),
    scheduled_at: toText(row.scheduled_at),
    expires_at: toText(row.expires_at),
    started_at: toText(row.started_at),
    ended_at: toText(row.ended_at),
  };
}

function toText(time: Date | null): string | null {
  return time?.toISOString() ?? null;
}
