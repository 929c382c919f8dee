// What one API key has suppressed by its reports, and how all of it is lifted: for a reporter that went wrong.
import { sql } from 'kysely';
import { type Db, withDatabase } from '../../../lib/db/database.ts';
import { writeAudit } from '../audit.ts';
import { liftSuppressions, type SuppressionRow } from './suppressions.ts';

export interface Reporter {
  api_key_id: string;
  name: string;
  count: number;
  first: Date;
  last: Date;
}

/** Of which suppressions, by whose report and when. */
export interface ReportedBy {
  apiKeyId: string;
  since: Date | undefined;
  until: Date | undefined;
}

/** By the index (api_key_id, created_at). */
export async function listReporters(db: Db): Promise<Reporter[]> {
  const { rows } = await withDatabase(() =>
    sql<Reporter>`
      select api_key_id, coalesce(k.name, 'a key that is gone') as name, count(*)::int as count,
        min(s.created_at) as first, max(s.created_at) as last
      from suppressions s left join api_keys k using (api_key_id)
      where s.api_key_id is not null group by api_key_id, k.name order by last desc`.execute(db),
  );
  return rows;
}

const chosen = ({ apiKeyId, since, until }: ReportedBy) => sql`
  api_key_id = ${apiKeyId} and created_at >= ${since ?? '-infinity'}::timestamptz and created_at < ${until ?? 'infinity'}::timestamptz`;

/** @returns how many, and the newest of them */
export async function lookAtReported(
  db: Db,
  wanted: ReportedBy,
  shown: number,
): Promise<{ count: number; some: SuppressionRow[] }> {
  const { rows } = await withDatabase(() =>
    sql<SuppressionRow & { count: number }>`
      select *, (count(*) over ())::int as count from suppressions where ${chosen(wanted)}
      order by created_at desc limit ${shown}`.execute(db),
  );
  return { count: rows[0]?.count ?? 0, some: rows };
}

const atATime = 500;

/** In portions, each with its line in the audit log. @returns how many addresses may be written to again */
export async function liftReported(db: Db, who: string, wanted: ReportedBy): Promise<number> {
  let count = 0;
  for (;;) {
    const lifted = await withDatabase(() =>
      db.transaction().execute(async (transaction) => {
        const { rows } = await sql<SuppressionRow>`
          select * from suppressions where ${chosen(wanted)}
          order by channel, address limit ${atATime} for update`.execute(transaction);
        if (rows.length === 0) return 0;
        await liftSuppressions(transaction, rows);
        const detail = { count: rows.length, since: wanted.since, until: wanted.until };
        await writeAudit(transaction, who, 'suppressions.lifted', `key ${wanted.apiKeyId}`, detail);
        return rows.length;
      }),
    );
    if (lifted === 0) return count;
    count += lifted;
  }
}
