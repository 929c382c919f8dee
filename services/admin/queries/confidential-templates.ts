// Whether a message is confidential: as its template's version was when it was written, whatever became of the template's
// mark since. Requests may name a template by its number in the system before.
import { sql } from 'kysely';
import { type Db, withDatabase } from '../../../lib/db/database.ts';

/** Of `t`, a template, and `v`, the version that a message was made with: also where there is none of either. */
export const isConfidentialSql = sql<boolean>`(coalesce(t.confidential, true) or coalesce(v.confidential, true))`;

export interface MadeWith {
  templateId: string;
  /** Undefined where a record says none, as a request does. */
  version: number | undefined;
  requestId: string | undefined;
}

/**
 * True as well for a template or version that is not known: then nobody can say that it was not. A record without a version
 * is judged by the one that its request was planned with; where there is none, by all versions.
 */
export async function isConfidential(db: Db, { templateId, version, requestId }: MadeWith): Promise<boolean> {
  const number = /^[1-9]\d{0,8}$/.test(templateId) ? Number(templateId) : null;
  const { rows } = await withDatabase(() =>
    sql<{ confidential: boolean | null }>`
      select bool_or(${isConfidentialSql}) as confidential
      from templates t
      left join requests r on r.request_id = ${requestId ?? null}::uuid and r.template_id = t.template_id
      left join template_versions v on v.template_id = t.template_id
        and (v.version = coalesce(${version ?? null}::int, r.template_version)
          or coalesce(${version ?? null}::int, r.template_version) is null)
      where t.template_id = ${templateId} or t.legacy_number = ${number}::int`.execute(db),
  );
  return rows[0]?.confidential ?? true;
}
