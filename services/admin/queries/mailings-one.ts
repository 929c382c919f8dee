// One mailing as it is stored, with its template, and a request that came from a producer.
import { type Selectable, sql } from 'kysely';
import { type Db, withDatabase } from '../../../lib/db/database.ts';
import type { MailingsTable, RequestsTable } from '../../../lib/db/tables.ts';

export type Mailing = Selectable<MailingsTable>;
export type RequestRow = Selectable<RequestsTable>;

/** @throws DependencyError('postgres') */
export async function findMailing(db: Db, mailingId: string): Promise<Mailing | undefined> {
  return withDatabase(() =>
    db.selectFrom('mailings').selectAll().where('mailing_id', '=', mailingId).executeTakeFirst(),
  );
}

/** Without its people named one by one: there may be ten thousand. */
export async function findRequest(db: Db, requestId: string): Promise<Omit<RequestRow, 'user_ids'> | undefined> {
  const { rows } = await withDatabase(() =>
    sql<Omit<RequestRow, 'user_ids'>>`
      select request_id, state, detail, template_id, template_version, template_kind, channel, priority, is_promo, context,
        user_categories, planned, chunk_count, planning_complete, requested_at, scheduled_at, expires_at, stored_at, driven,
        origin, series_id, people_from, test_address, started_at, ended_at
      from requests where request_id = ${requestId}`.execute(db),
  );
  return rows[0];
}

/** What was done to it, newest first. */
export async function listHistory(db: Db, mailingId: string) {
  return withDatabase(() =>
    db
      .selectFrom('audit')
      .select(['at', 'who', 'action', 'detail'])
      .where('subject', '=', `mailing ${mailingId}`)
      .orderBy('audit_id', 'desc')
      .limit(50)
      .execute(),
  );
}
