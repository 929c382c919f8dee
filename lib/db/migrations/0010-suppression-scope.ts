// A complaint keeps promotional messages from an address, and not a password reset.
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql
    .raw(
      // The release before writes rows without a scope, and takes every row for one that covers everything.
      "alter table suppressions add column scope text not null default 'all' check (scope in ('all', 'promotional'))",
    )
    .execute(db);
}
