// A draft becomes what is wanted, and goes back to a draft as long as nothing has come of it.
import { sql } from 'kysely';
import { type Db, withDatabase } from '../../../lib/db/database.ts';

export type Confirmed =
  | { kind: 'confirmed'; templateVersion: number; scheduledAt: Date | null }
  /** Somebody has changed it or its template since it was checked. */
  | { kind: 'changed' }
  | { kind: 'archived' | 'past' | 'expired' };

interface Locked {
  scheduledAt: Date | null;
  recurrence: string | null;
  templateId: string | null;
  isArchived: boolean | null;
  activeVersion: number | null;
  isPast: boolean;
  isExpired: boolean;
}

/**
 * Binds the mailing to the active version of its template (a series takes the one of each time). The template is locked
 * from looking to storing: it is archived before, which is refused, or after, which is then the planner's to tell.
 * @param version that was checked; another one that is active by now is refused
 */
export async function confirmMailing(
  db: Db,
  mailingId: string,
  revision: number,
  version: number,
  count: number,
  who: string,
): Promise<Confirmed> {
  return withDatabase(() =>
    db.transaction().execute(async (transaction): Promise<Confirmed> => {
      const draft = await lockDraft(transaction, mailingId, revision);
      if (!draft || draft.templateId === null) return { kind: 'changed' };
      if (draft.isArchived !== false) return { kind: 'archived' };
      if (draft.activeVersion !== version) return { kind: 'changed' };
      if (draft.isPast) return { kind: 'past' };
      if (draft.isExpired) return { kind: 'expired' };
      await sql`
        update mailings m set status = 'confirmed', confirmed_at = now(), confirmed_by = ${who},
          confirmed_count = ${count}, released_at = null, is_promo = m.is_promo or t.is_promo,
          template_version = case when m.recurrence is null then ${version}::int end,
          expires_at = case when m.recurrence is null and m.expires_after_minutes is not null
            then coalesce(m.scheduled_at, now()) + make_interval(mins => m.expires_after_minutes) else m.expires_at end,
          revision = m.revision + 1, updated_at = now(), updated_by = ${who}
        from templates t where t.template_id = m.template_id and m.mailing_id = ${mailingId}`.execute(transaction);
      return { kind: 'confirmed', templateVersion: version, scheduledAt: draft.scheduledAt };
    }),
  );
}

async function lockDraft(db: Db, mailingId: string, revision: number): Promise<Locked | undefined> {
  const { rows } = await sql<Locked>`
    select m.scheduled_at as "scheduledAt", m.recurrence, m.template_id as "templateId",
      (select t.archived_at is not null from templates t where t.template_id = m.template_id for share) as "isArchived",
      (select t.active_version from templates t where t.template_id = m.template_id) as "activeVersion",
      coalesce(m.scheduled_at < now() - interval '1 minute', false) as "isPast",
      coalesce(m.expires_at < now(), false) as "isExpired"
    from mailings m where m.mailing_id = ${mailingId} and m.status = 'draft' and m.revision = ${revision}
    for update of m`.execute(db);
  return rows[0];
}

export type Withdrawn = 'withdrawn' | 'not_confirmed' | 'started' | 'cancelled';

/**
 * The planner locks the same row when it makes a request of it: either there is one here, or it finds a draft. A series can
 * be taken back while none of its firings is still reading whom it goes to.
 */
export async function withdrawMailing(db: Db, mailingId: string, who: string): Promise<Withdrawn> {
  return withDatabase(() =>
    db.transaction().execute(async (transaction): Promise<Withdrawn> => {
      const { rows } = await sql<{ status: string; hold: string | null }>`
        select m.status, (select h.state from holds h where h.request_id = m.mailing_id) as hold
        from mailings m where m.mailing_id = ${mailingId} for update`.execute(transaction);
      const [row] = rows;
      if (row?.status !== 'confirmed') return 'not_confirmed';
      if (row.hold === 'cancelled') return 'cancelled';
      if (await hasStarted(transaction, mailingId)) return 'started';
      await sql`delete from holds where request_id = ${mailingId} and state = 'paused'`.execute(transaction);
      await sql`
        update mailings set status = 'draft', confirmed_at = null, confirmed_by = null, confirmed_count = null,
          template_version = null, expires_at = case when expires_after_minutes is null then expires_at end,
          revision = revision + 1, updated_at = now(), updated_by = ${who}
        where mailing_id = ${mailingId}`.execute(transaction);
      return 'withdrawn';
    }),
  );
}

/** Asked after the lock is held: what the planner stored while we waited for it must be seen. */
async function hasStarted(db: Db, mailingId: string): Promise<boolean> {
  const { rows } = await sql<{ started: boolean }>`
    select exists (select from requests where request_id = ${mailingId}) or exists (
      select from requests where series_id = ${mailingId} and not planning_complete and ended_at is null) as started`.execute(
    db,
  );
  return rows[0]?.started ?? false;
}
