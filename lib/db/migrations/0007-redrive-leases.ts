// Leases of what people want sent again: an executor holds a row by its lease, not by a transaction that stays open while
// Kafka is asked.
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  // attempts: how often an executor took it and neither ended it nor gave it back, as one that died does.
  'alter table dead_letter_actions add column lease_until timestamptz, add column attempts integer not null default 0',
  'alter table delivery_commands add column lease_until timestamptz, add column attempts integer not null default 0',
];
