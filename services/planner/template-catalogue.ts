// The active version of each template, from Postgres. Looked up per slice, so that a change is planned with at once.
import { sql } from 'kysely';
import { type Db, withDatabase } from '../../lib/db/database.ts';
import type { ActiveTemplate } from './plan.ts';

const shortName = /^[a-z0-9][a-z0-9-]{0,63}$/;
const legacyNumber = /^[1-9][0-9]{0,8}$/;

/** @param names short names, or old numbers of imported templates @returns what was found, by the name asked for */
export async function findActiveTemplates(db: Db, names: readonly string[]): Promise<Map<string, ActiveTemplate>> {
  const numbers = names.filter((name) => legacyNumber.test(name)).map(Number);
  const shortNames = names.filter((name) => shortName.test(name));
  const { rows } = await withDatabase(() =>
    sql<ActiveTemplate & { number: number | null }>`
      select template_id as "templateId", legacy_number as number, active_version as version, kind, channel,
        on_no_answer as "onNoAnswer", is_promo as "isPromo"
      from templates
      where archived_at is null
        and (template_id = any(${shortNames}::text[]) or legacy_number = any(${numbers}::int[]))`.execute(db),
  );
  const found = new Map<string, ActiveTemplate>();
  for (const { number, ...template } of rows) if (number !== null) found.set(String(number), template);
  for (const { number: _, ...template } of rows) found.set(template.templateId, template);
  return found;
}
