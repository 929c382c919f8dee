// Which request made a person unsubscribe: links carry it.
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  'alter table unsubscribes add column request_id uuid',
  'create index unsubscribes_by_request on unsubscribes (request_id) where request_id is not null',
];
