// Reads confirmed mailings with their templates and holds, and stores what becomes of them. A mailing that is adopted is
// locked from reading to storing: whoever wants to take it back to a draft waits, and then sees its request.
import { sql } from 'kysely';
import type { Db } from '../../../lib/db/database.ts';
import { isNotAside } from './set-aside.ts';
import type { ConfirmedMailing, WantedRequest } from './to-wanted.ts';

/** The columns of a ConfirmedMailing; from mailings m, templates t and holds h. */
export function mailingColumns() {
  return sql`m.mailing_id as "mailingId", m.template_id as "templateId", m.template_version as "templateVersion",
    m.priority, m.is_promo as "isPromo", m.context, m.user_categories as "userCategories",
    floor(extract(epoch from m.scheduled_at) * 1000)::double precision as "scheduledAtMs",
    floor(extract(epoch from m.confirmed_at) * 1000)::double precision as "confirmedAtMs",
    floor(extract(epoch from m.expires_at) * 1000)::double precision as "expiresAtMs",
    coalesce(h.state = 'cancelled', false) as "isCancelled",
    case when t.template_id is not null then json_build_object('kind', t.kind, 'channel', t.channel,
      'onNoAnswer', t.on_no_answer, 'isPromo', t.is_promo, 'isArchived', t.archived_at is not null,
      'version', (select v.version from template_versions v where v.template_id = t.template_id and v.version =
        case when m.recurrence is null then m.template_version else t.active_version end)) end as template`;
}

/**
 * Mailings that go once, are due (or were cancelled before they were), and are not known to be a request yet; locked. A
 * planner of the release before may have made one of them a request without its mark.
 */
export async function lockDueMailings(db: Db, now: Date, limit: number): Promise<ConfirmedMailing[]> {
  const { rows } = await sql<ConfirmedMailing>`
    select ${mailingColumns()}
    from mailings m
    left join templates t using (template_id)
    left join holds h on h.request_id = m.mailing_id
    where m.status = 'confirmed' and m.recurrence is null and m.adopted_at is null
      and (m.scheduled_at is null or m.scheduled_at <= ${now} or h.state = 'cancelled')
      and ${isNotAside(sql`m.mailing_id`)}
    order by m.scheduled_at nulls first
    limit ${limit}
    for update of m skip locked`.execute(db);
  return rows;
}

/** From here on nobody looks for them again: they are requests. */
export async function markAdopted(db: Db, mailingIds: readonly string[]): Promise<void> {
  await sql`update mailings set adopted_at = now() where mailing_id = any(${mailingIds as string[]}::uuid[])`.execute(
    db,
  );
}

/** @returns false when it was there already */
export async function insertWanted(db: Db, wanted: WantedRequest): Promise<boolean> {
  const { template } = wanted;
  const isRejected = wanted.state === 'rejected';
  const { numAffectedRows } = await sql`
    insert into requests (request_id, body_hash, state, detail, template_id, template_version, template_kind, channel,
      on_no_answer, priority, is_promo, context, user_categories, planning_complete, requested_at, scheduled_at,
      expires_at, driven, origin, series_id, people_from, ended_at)
    values (${wanted.requestId}, ${wanted.bodyHash}, ${wanted.state}, ${wanted.detail}, ${wanted.templateId},
      ${template?.version ?? null}, ${template?.kind ?? null}, ${template?.channel ?? null},
      ${template?.onNoAnswer ?? null}, ${wanted.priority}, ${wanted.isPromo}, ${wanted.context},
      ${wanted.userCategories}::text[], ${isRejected}, ${new Date(wanted.requestedAtMs)},
      ${toDate(wanted.scheduledAtMs)}, ${toDate(wanted.expiresAtMs)}, ${!isRejected}, ${wanted.origin},
      ${wanted.seriesId}, ${wanted.peopleFrom}, case when ${isRejected}::boolean then now() end)
    on conflict do nothing`.execute(db);
  return numAffectedRows === 1n;
}

function toDate(timeMs: number | null): Date | null {
  return timeMs === null ? null : new Date(timeMs);
}
