// Which API key made a request, a report and a suppression; and keys that could cancel go on cancelling what is theirs.
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  'alter table requests add column api_key_id uuid',
  'alter table feedback add column api_key_id uuid',
  'alter table suppressions add column api_key_id uuid',
  'create index suppressions_by_key on suppressions (api_key_id, created_at) where api_key_id is not null',
  // The scope send was enough to cancel anything, and to report feedback. The latter is not given by itself.
  `update api_keys set scopes = scopes || '{cancel}' where 'send' = any (scopes) and not 'cancel' = any (scopes)`,
];
