// What the pages of one notification read: its row in the ledger with all that belongs to it, and what is known of a
// notification that has no row yet.
import { sql } from 'kysely';
import type { Channel } from '../../../domain/ids.ts';
import type { PlannedChunk } from '../../../domain/place-on-its-way.ts';
import { type RequestState, type SaidState, toRequestState } from '../../../domain/request-state.ts';
import { type Db, withDatabase } from '../../../lib/db/database.ts';
import type { DeliveriesTable } from '../../../lib/db/tables.ts';
import { requestHold } from '../../../lib/holds/covers.ts';
import type { Priority } from '../../../lib/topics.ts';
import { isConfidentialSql } from './confidential-templates.ts';

type Columns =
  | 'notification_id'
  | 'request_id'
  | 'chunk_id'
  | 'user_id'
  | 'channel'
  | 'address'
  | 'template_id'
  | 'template_version'
  | 'priority'
  | 'state'
  | 'lease_until'
  | 'requested_at'
  | 'planned_at'
  | 'enriched_at'
  | 'rendered_at'
  | 'claimed_at'
  | 'ended_at'
  | 'rendered_partition'
  | 'rendered_offset';

export type NotificationRow = Pick<DeliveriesTable, Columns> & {
  reason: string;
  detail: string;
  stage: string;
  attempt: number;
  is_test: boolean;
  template_title: string | null;
  /** As it was made; also of a template that is gone: then nobody can say that it was not. */
  confidential: boolean;
  mailing_id: string | null;
  mailing_title: string | null;
  scheduled_at: Date | null;
  /** What is wanted of the whole request, also by a shared hold. */
  hold: 'paused' | 'cancelled' | null;
  due_at: Date | null;
  /** It waits only because its request is paused or a shared hold covers it. */
  waits_for_resume: boolean;
};

/** By the key of each table. */
export async function findNotification(db: Db, notificationId: string): Promise<NotificationRow | undefined> {
  const { rows } = await withDatabase(() =>
    sql<NotificationRow>`
      select d.notification_id, d.request_id, d.chunk_id, d.user_id, d.channel, d.address, d.template_id,
        d.template_version, d.priority, d.state, d.reason, d.detail, d.stage, d.attempt, d.lease_until, d.is_test,
        d.requested_at, d.planned_at, d.enriched_at, d.rendered_at, d.claimed_at, d.ended_at, d.rendered_partition,
        d.rendered_offset, t.title as template_title, ${isConfidentialSql} as confidential, m.mailing_id,
        m.title as mailing_title, r.scheduled_at, ${requestHold} as hold, w.due_at, w.resume_at is not null as waits_for_resume
      from deliveries d
      left join templates t on t.template_id = d.template_id
      left join template_versions v on v.template_id = d.template_id and v.version = d.template_version
      left join requests r on r.request_id = d.request_id
      left join mailings m on m.mailing_id = coalesce(r.series_id, d.request_id)
      left join holds h on h.request_id = d.request_id
      left join waiting w on w.notification_id = d.notification_id
      where d.notification_id = ${notificationId}`.execute(db),
  );
  return rows[0];
}

export interface ReportRow {
  type: 'bounce' | 'complaint';
  status: string;
  happened_at: Date;
}

/** What mail servers and recipients reported about it, in the order in which it happened. */
export async function listReports(db: Db, notificationId: string): Promise<ReportRow[]> {
  const { rows } = await withDatabase(() =>
    sql<ReportRow>`
      select type, status, happened_at from feedback where notification_id = ${notificationId}
      order by happened_at, feedback_id`.execute(db),
  );
  return rows;
}

/** The rendered record of one that waits: as Kafka carried it, also when the topic no longer keeps it. */
export async function findWaitingRecord(db: Db, notificationId: string): Promise<Buffer | undefined> {
  const { rows } = await withDatabase(() =>
    sql<{ value: Buffer }>`select value from waiting where notification_id = ${notificationId}`.execute(db),
  );
  return rows[0]?.value;
}

export interface KnownRequest {
  request_id: string;
  state: SaidState;
  detail: string;
  template_id: string;
  template_title: string | null;
  channel: Channel | null;
  priority: Priority;
  /** Its explicit people, when they are at most so many as are worth showing. */
  user_ids: string[];
  category_count: number;
  planned: number;
  planning_complete: boolean;
  requested_at: Date;
  scheduled_at: Date | null;
  mailing_title: string | null;
  is_mailing: boolean;
}

export const fewPeople = 20;

export async function findRequest(db: Db, requestId: string): Promise<KnownRequest | undefined> {
  const { rows } = await withDatabase(() =>
    sql<KnownRequest & { state: RequestState; hold: 'paused' | 'cancelled' | null; ended: number }>`
      select r.request_id, r.state, ${requestHold} as hold, r.detail, r.template_id, t.title as template_title, r.channel, r.priority,
        r.user_ids[1:${fewPeople}::int] as user_ids, cardinality(r.user_categories) as category_count, r.planned,
        r.planning_complete, r.requested_at, r.scheduled_at, m.title as mailing_title,
        r.origin in ('mailing', 'series') or cardinality(r.user_categories) > 0 as is_mailing,
        (select coalesce(sum(count), 0)::int from counters where request_id = r.request_id and state <> 'deferred') as ended
      from requests r
      left join holds h on h.request_id = r.request_id
      left join templates t on t.template_id = r.template_id
      left join mailings m on m.mailing_id = coalesce(r.series_id, r.request_id)
      where r.request_id = ${requestId}`.execute(db),
  );
  const [row] = rows;
  if (!row) return undefined;
  const { hold, ended, ...request } = row;
  const isBalanced = row.planning_complete && ended === row.planned;
  return { ...request, state: toRequestState({ state: row.state, hold, isBalanced, isConfirmed: false }) };
}

/** More chunks than this are not searched for one person: their people are in no index. */
const fewChunks = 40;

/** The chunk that a person is planned in; undefined also for a request too large to be searched. */
export async function findChunkOf(db: Db, requestId: string, userId: string): Promise<PlannedChunk | undefined> {
  const { rows } = await withDatabase(() =>
    sql<PlannedChunk>`
      select sequence, stored_at as "storedAt", published_at as "publishedAt" from chunks
      where request_id = ${requestId} and sequence < ${fewChunks} and ${userId} = any(user_ids) limit 1`.execute(db),
  );
  return rows[0];
}

/** A mailing of the pages that has not become a request yet. */
export async function findMailingTitle(db: Db, mailingId: string): Promise<string | undefined> {
  const { rows } = await withDatabase(() =>
    sql<{ title: string }>`select title from mailings where mailing_id = ${mailingId}`.execute(db),
  );
  return rows[0]?.title;
}
