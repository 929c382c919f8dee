// What the pages of templates write. A version never changes once it is written, and nobody's change is overwritten by
// somebody who had not seen it.
import { sql } from 'kysely';
import type { Channel } from '../../../domain/ids.ts';
import { type Db, withDatabase } from '../../../lib/db/database.ts';
import type { OnNoAnswer } from '../../../lib/db/tables.ts';

/** What people write; the rest of a version is its number. */
export interface TemplateTexts {
  subject: string;
  html: string | null;
  text: string | null;
  fromName: string | null;
  replyTo: string | null;
}

export interface TemplateSettings {
  title: string;
  isPromo: boolean;
  onNoAnswer: OnNoAnswer;
  confidential: boolean;
}

export interface NewTemplate extends TemplateSettings {
  templateId: string;
  kind: string;
  channel: Channel;
}

/** The template and its first version, which is in use from now on. @returns false when the short name is taken */
export async function insertTemplate(db: Db, wanted: NewTemplate, texts: TemplateTexts, who: string): Promise<boolean> {
  return withDatabase(() =>
    db.transaction().execute(async (transaction) => {
      const { numInsertedOrUpdatedRows } = await transaction
        .insertInto('templates')
        .values({
          template_id: wanted.templateId,
          legacy_number: null,
          title: wanted.title,
          kind: wanted.kind,
          channel: wanted.channel,
          is_promo: wanted.isPromo,
          on_no_answer: wanted.onNoAnswer,
          confidential: wanted.confidential,
          active_version: 1,
          archived_at: null,
          updated_by: who,
        })
        .onConflict((conflict) => conflict.column('template_id').doNothing())
        .executeTakeFirstOrThrow();
      if (numInsertedOrUpdatedRows !== 1n) return false;
      await insertVersion(transaction, wanted.templateId, 1, texts, who, wanted.confidential);
      return true;
    }),
  );
}

/**
 * Writes version base + 1. The template's row is locked first, so that of two people who began with the same version
 * exactly one writes.
 * @param base the newest version when the writer began
 * @returns the new version, or undefined when base is no longer the newest
 */
export async function saveVersion(
  db: Db,
  wanted: { templateId: string; base: number; texts: TemplateTexts; activate: boolean; who: string },
): Promise<number | undefined> {
  const { templateId, base, texts, activate, who } = wanted;
  return withDatabase(() =>
    db.transaction().execute(async (transaction) => {
      const { rows: locked } = await sql<{ confidential: boolean }>`
        select confidential from templates where template_id = ${templateId} for update`.execute(transaction);
      const { rows } = await sql<{ newest: number }>`
        select max(version) as newest from template_versions where template_id = ${templateId}`.execute(transaction);
      if (rows[0]?.newest !== base) return undefined;
      const version = base + 1;
      await insertVersion(transaction, templateId, version, texts, who, locked[0]?.confidential === true);
      await sql`
        update templates set revision = revision + 1, updated_at = now(), updated_by = ${who},
          active_version = case when ${activate}::boolean then ${version}::int else active_version end
        where template_id = ${templateId}`.execute(transaction);
      return version;
    }),
  );
}

/** @returns false when the version in use is not `from` any more, or there is no version `to` */
export async function activateVersion(
  db: Db,
  { templateId, from, to, who }: { templateId: string; from: number; to: number; who: string },
): Promise<boolean> {
  const { numAffectedRows } = await withDatabase(() =>
    sql`
      update templates t set active_version = ${to}::int, revision = revision + 1, updated_at = now(), updated_by = ${who}
      where template_id = ${templateId} and active_version = ${from}::int
        and exists (select from template_versions v where v.template_id = t.template_id and v.version = ${to}::int)`.execute(
      db,
    ),
  );
  return numAffectedRows === 1n;
}

/** @returns false when somebody else has changed the row since it had this revision */
export async function changeSettings(
  db: Db,
  templateId: string,
  revision: number,
  settings: TemplateSettings,
  who: string,
): Promise<boolean> {
  // Whatever was made while the template was marked stays confidential: so do the versions that it was made with.
  const { numAffectedRows } = await withDatabase(() =>
    sql`
      with marked as (
        update template_versions v set confidential = true from templates t
        where t.template_id = ${templateId} and t.revision = ${revision} and v.template_id = t.template_id
          and not v.confidential and (t.confidential or ${settings.confidential})
      )
      update templates set title = ${settings.title}, is_promo = ${settings.isPromo},
        on_no_answer = ${settings.onNoAnswer}, confidential = ${settings.confidential},
        revision = revision + 1, updated_at = now(), updated_by = ${who}
      where template_id = ${templateId} and revision = ${revision}`.execute(db),
  );
  return numAffectedRows === 1n;
}

/** @returns false when it was so already */
export async function setArchived(db: Db, templateId: string, archived: boolean, who: string): Promise<boolean> {
  const { numAffectedRows } = await withDatabase(() =>
    sql`
      update templates set archived_at = case when ${archived}::boolean then now() end,
        revision = revision + 1, updated_at = now(), updated_by = ${who}
      where template_id = ${templateId} and (archived_at is not null) <> ${archived}::boolean`.execute(db),
  );
  return numAffectedRows === 1n;
}

async function insertVersion(
  db: Db,
  templateId: string,
  version: number,
  texts: TemplateTexts,
  who: string,
  confidential: boolean,
) {
  await db
    .insertInto('template_versions')
    .values({
      template_id: templateId,
      version,
      subject: texts.subject,
      html: texts.html,
      text: texts.text,
      from_name: texts.fromName,
      reply_to: texts.replyTo,
      created_by: who,
      confidential,
    })
    .execute();
}
