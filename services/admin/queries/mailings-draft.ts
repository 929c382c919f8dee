// Drafts: made, saved under the revision that was seen, deleted, made from what went before.
import { sql } from 'kysely';
import { type Db, withDatabase } from '../../../lib/db/database.ts';
import type { DraftValues } from '../mailing/read-draft.ts';
import { NotStored, type StoreMode, storePeopleIn } from './mailings-people.ts';

/** @returns false when there is one with this id already: the form was sent twice */
export async function createDraft(
  db: Db,
  draft: {
    mailingId: string;
    title: string;
    templateId: string | null;
    isPromo: boolean;
    timeZone: string;
    who: string;
  },
): Promise<boolean> {
  const { numAffectedRows } = await withDatabase(() =>
    sql`
      insert into mailings (mailing_id, title, template_id, is_promo, time_zone, created_by, updated_by)
      values (${draft.mailingId}, ${draft.title}, ${draft.templateId}, ${draft.isPromo}, ${draft.timeZone},
        ${draft.who}, ${draft.who})
      on conflict do nothing`.execute(db),
  );
  return numAffectedRows === 1n;
}

/**
 * The form as a whole: its values, and the people that were pasted with it.
 * @returns the new revision; undefined when somebody else has changed, confirmed or deleted it meanwhile
 * @throws AudienceFileError too_many
 */
export async function saveDraft(
  db: Db,
  { mailingId, revision, who }: { mailingId: string; revision: number; who: string },
  values: DraftValues,
  people: { mode: StoreMode; ids: readonly string[] } | undefined,
): Promise<number | undefined> {
  try {
    return await withDatabase(() =>
      db.transaction().execute(async (transaction) => {
        const stored =
          people && (await storePeopleIn(transaction, { mailingId, revision, who, mode: people.mode }, [people.ids]));
        return updateDraft(transaction, mailingId, stored?.revision ?? revision, values, who);
      }),
    );
  } catch (error) {
    if (error instanceof NotStored) return undefined;
    throw error;
  }
}

async function updateDraft(
  db: Db,
  mailingId: string,
  revision: number,
  values: DraftValues,
  who: string,
): Promise<number | undefined> {
  const { rows } = await sql<{ revision: number }>`
    update mailings set title = ${values.title}, template_id = ${values.templateId}, priority = ${values.priority},
      is_promo = ${values.isPromo}, context = ${values.context}, user_categories = ${values.userCategories}::text[],
      scheduled_at = ${toDate(values.scheduledAtMs)}, time_zone = ${values.timeZone}, recurrence = ${values.recurrence},
      expires_at = ${toDate(values.expiresAtMs)}, expires_after_minutes = ${values.expiresAfterMinutes},
      revision = revision + 1, updated_at = now(), updated_by = ${who}
    where mailing_id = ${mailingId} and status = 'draft' and revision = ${revision}
    returning revision`.execute(db);
  return rows[0]?.revision;
}

/** What has gone out once stays, for its firings lead to it. @returns false when it is no draft, or has gone out */
export async function deleteDraft(db: Db, mailingId: string): Promise<boolean> {
  return withDatabase(() =>
    db.transaction().execute(async (transaction) => {
      const { numAffectedRows } = await sql`
        delete from mailings m where m.mailing_id = ${mailingId} and m.status = 'draft'
          and not exists (select from requests r where r.series_id = m.mailing_id)`.execute(transaction);
      if (numAffectedRows !== 1n) return false;
      await sql`delete from mailing_people where mailing_id = ${mailingId}`.execute(transaction);
      return true;
    }),
  );
}

/**
 * A draft with the content and the people of another mailing, or of a request that a producer made; without its time,
 * for that is over. A template that was archived is left out.
 * @returns false when there is nothing with this id
 */
export async function duplicate(db: Db, fromId: string, toId: string, who: string): Promise<boolean> {
  return withDatabase(() =>
    db.transaction().execute(async (transaction) => {
      const { numAffectedRows } = await sql`
        insert into mailings (mailing_id, title, template_id, priority, is_promo, context, user_categories, time_zone,
          recurrence, expires_after_minutes, created_by, updated_by)
        select ${toId}::uuid, left('Copy of ' || s.title, 200), t.template_id, s.priority, s.is_promo, s.context,
          s.user_categories, s.time_zone, s.recurrence, s.expires_after_minutes, ${who}::text, ${who}::text
        from (
          select m.title, m.template_id, m.priority, m.is_promo, m.context, m.user_categories, m.time_zone, m.recurrence,
            m.expires_after_minutes
          from mailings m where m.mailing_id = ${fromId}
          union all
          select coalesce(m.title, r.template_id), r.template_id, r.priority, r.is_promo, r.context, r.user_categories,
            coalesce(m.time_zone, 'UTC'), null, null
          from requests r left join mailings m on m.mailing_id = r.series_id
          where r.request_id = ${fromId} and r.origin in ('request', 'series')
          limit 1
        ) s
        left join templates t on t.template_id = s.template_id and t.archived_at is null`.execute(transaction);
      if (numAffectedRows !== 1n) return false;
      await copyPeople(transaction, fromId, toId);
      return true;
    }),
  );
}

/** The people of a firing are its series'; those of a producer's request stand in its row. */
async function copyPeople(db: Db, fromId: string, toId: string): Promise<void> {
  const { numAffectedRows } = await sql`
    insert into mailing_people (mailing_id, user_id)
    select ${toId}::uuid, user_id from mailing_people
    where mailing_id = coalesce((select people_from from requests where request_id = ${fromId}), ${fromId}::uuid)
    union
    select ${toId}::uuid, unnest(user_ids) from requests where request_id = ${fromId}`.execute(db);
  await sql`update mailings set people_count = ${Number(numAffectedRows ?? 0)} where mailing_id = ${toId}`.execute(db);
}

function toDate(timeMs: number | null): Date | null {
  return timeMs === null ? null : new Date(timeMs);
}
