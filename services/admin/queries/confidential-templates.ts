// Whether a template is marked confidential. Requests may name it by its number in the system before.
import { sql } from 'kysely';
import { type Db, withDatabase } from '../../../lib/db/database.ts';

/** True as well for a template that is not known: then nobody can say that it was not. */
export async function isConfidential(db: Db, templateId: string): Promise<boolean> {
  const number = /^\d{1,9}$/.test(templateId) ? Number(templateId) : null;
  const { rows } = await withDatabase(() =>
    sql<{ confidential: boolean }>`select bool_or(confidential) as confidential from templates
      where template_id = ${templateId} or legacy_number = ${number}::int`.execute(db),
  );
  return rows[0]?.confidential ?? true;
}
