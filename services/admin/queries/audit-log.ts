// The audit log, read: newest first, by who, by action, by subject; each has an index that ends in audit_id.
import { type RawBuilder, sql } from 'kysely';
import { type Db, withDatabase } from '../../../lib/db/database.ts';

export interface AuditRow {
  audit_id: number;
  at: Date;
  who: string;
  action: string;
  subject: string;
  detail: unknown;
}

export interface AuditQuery {
  who: string | undefined;
  action: string | undefined;
  subject: string | undefined;
  /** Rows before this one. */
  after: number | undefined;
  limit: number;
}

export async function listAudit(db: Db, query: AuditQuery): Promise<{ rows: AuditRow[]; next: number | undefined }> {
  const conditions: RawBuilder<unknown>[] = [sql`true`];
  if (query.who !== undefined) conditions.push(sql`who = ${query.who}`);
  if (query.action !== undefined) conditions.push(sql`action = ${query.action}`);
  if (query.subject !== undefined) conditions.push(sql`subject = ${query.subject}`);
  if (query.after !== undefined) conditions.push(sql`audit_id < ${query.after}`);
  const found = await withDatabase(() =>
    sql<AuditRow>`
      select audit_id, at, who, action, subject, detail from audit where ${sql.join(conditions, sql` and `)}
      order by audit_id desc limit ${query.limit + 1}`.execute(db),
  );
  const rows = found.rows.slice(0, query.limit);
  return { rows, next: found.rows.length > query.limit ? rows.at(-1)?.audit_id : undefined };
}

/**
 * Each value once, by one look into the index for each: the log may be long, its kinds are few.
 * @param only whose name alone is listed, for somebody who may not know the others
 */
export async function listAuditKinds(db: Db, only: string | undefined): Promise<{ who: string[]; actions: string[] }> {
  if (only !== undefined) return { who: [only], actions: await distinct(db, 'action') };
  const [who, actions] = await Promise.all([distinct(db, 'who'), distinct(db, 'action')]);
  return { who, actions };
}

async function distinct(db: Db, column: 'who' | 'action'): Promise<string[]> {
  const name = sql.ref(column);
  const { rows } = await withDatabase(() =>
    sql<{ value: string }>`
      with recursive one as (
        (select ${name} as value, 1 as n from audit order by ${name} limit 1)
        union all
        select (select a.${name} from audit a where a.${name} > one.value order by a.${name} limit 1), n + 1
        from one where one.value is not null and n < 200
      )
      select value from one where value is not null order by value`.execute(db),
  );
  return rows.map(({ value }) => value);
}
