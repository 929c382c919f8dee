// What the import reads from the database and writes to it, many rows a statement.
import { sql } from 'kysely';
import type { Db } from '../../lib/db/database.ts';
import { PosthornError } from '../../lib/errors.ts';
import type { NewMailing, NewTemplate, Present } from './plan.ts';

/** Who wrote them, in created_by and updated_by. */
const writer = 'import';
const rowsPerStatement = 1_000;
const peoplePerStatement = 20_000;

/**
 * For as long as the transaction lasts.
 * @throws PosthornError import_running
 */
export async function lockImport(db: Db): Promise<void> {
  const { rows } = await sql<{ locked: boolean }>`
    select pg_try_advisory_xact_lock(hashtextextended('posthorn import', 0)) as locked`.execute(db);
  if (!rows[0]?.locked) throw new PosthornError('import_running', 'another import into this database is running');
}

/** @param mailingNumbers old numbers that the dump names */
export async function readPresent(db: Db, mailingNumbers: readonly number[]): Promise<Present> {
  const templates = await db
    .selectFrom('templates')
    .select(['template_id as templateId', 'legacy_number as legacyNumber', 'title'])
    .execute();
  const { rows } = await sql<{ number: number }>`
    select legacy_number as number from mailings where legacy_number = any(${mailingNumbers}::int[])`.execute(db);
  return { templates, mailings: new Set(rows.map(({ number }) => number)) };
}

/** Each with its only version, active; that version is as old as the template's last change. */
export async function insertTemplates(db: Db, templates: readonly NewTemplate[]): Promise<void> {
  for (const slice of slices(templates, rowsPerStatement)) {
    const rows = JSON.stringify(slice);
    await sql`
      insert into templates (template_id, legacy_number, title, kind, channel, active_version, created_at, updated_at, updated_by)
      select "templateId", "legacyNumber", title, kind, channel, 1,
        coalesce("createdAt", "updatedAt", now()), coalesce("updatedAt", "createdAt", now()), ${writer}
      from json_to_recordset(${rows}::json) as t ("templateId" text, "legacyNumber" int, title text, kind text,
        channel text, "createdAt" timestamptz, "updatedAt" timestamptz)`.execute(db);
    await sql`
      insert into template_versions (template_id, version, subject, html, text, created_at, created_by)
      select "templateId", 1, subject, html, text, coalesce("updatedAt", "createdAt", now()), ${writer}
      from json_to_recordset(${rows}::json) as t ("templateId" text, subject text, html text, text text,
        "createdAt" timestamptz, "updatedAt" timestamptz)`.execute(db);
  }
}

/** @param timeZone in which drafts show their planned time @param onProgress called with the number written so far */
export async function insertMailings(
  db: Db,
  mailings: readonly NewMailing[],
  timeZone: string,
  onProgress: (count: number) => void,
): Promise<void> {
  let written = 0;
  for (const slice of slices(mailings, rowsPerStatement)) {
    const rows = JSON.stringify(slice.map(({ userIds, ...row }) => ({ ...row, peopleCount: userIds.length })));
    await sql`
      insert into mailings (mailing_id, legacy_number, status, title, template_id, priority, is_promo, context,
        user_categories, people_count, scheduled_at, time_zone, confirmed_at, created_at, created_by, updated_at, updated_by)
      select "mailingId", "legacyNumber", status, title, "templateId", priority, "isPromo", context,
        "userCategories", "peopleCount", "scheduledAt", ${timeZone}, "confirmedAt", "createdAt", ${writer}, "updatedAt", ${writer}
      from json_to_recordset(${rows}::json) as t ("mailingId" uuid, "legacyNumber" int, status text, title text,
        "templateId" text, priority text, "isPromo" boolean, context text, "userCategories" text[], "peopleCount" int,
        "scheduledAt" timestamptz, "confirmedAt" timestamptz, "createdAt" timestamptz, "updatedAt" timestamptz)`.execute(
      db,
    );
    await insertPeople(db, slice);
    written += slice.length;
    onProgress(written);
  }
}

async function insertPeople(db: Db, mailings: readonly NewMailing[]): Promise<void> {
  let ids: string[] = [];
  let people: string[] = [];
  const flush = async () => {
    if (people.length === 0) return;
    await sql`
      insert into mailing_people (mailing_id, user_id)
      select * from unnest(${ids}::uuid[], ${people}::text[])`.execute(db);
    ids = [];
    people = [];
  };
  for (const { mailingId, userIds } of mailings) {
    for (const userId of userIds) {
      ids.push(mailingId);
      people.push(userId);
      if (people.length >= peoplePerStatement) await flush();
    }
  }
  await flush();
}

export async function writeImportAudit(db: Db, file: string, counts: Record<string, number>): Promise<void> {
  await db
    .insertInto('audit')
    .values({ who: 'cli', action: 'import.done', subject: `import ${file}`, detail: JSON.stringify(counts) })
    .execute();
}

function* slices<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let start = 0; start < items.length; start += size) yield items.slice(start, start + size);
}
