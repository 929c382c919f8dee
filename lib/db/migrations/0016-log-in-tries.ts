// Wrong passwords are counted where all admin processes see them, by name and address, and each person's known addresses
// are kept. (admin_users.failed_count and locked_until are those of the release before.)
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  `create table admin_log_in_tries (
    name_hash bytea not null,
    address text not null,
    try_count integer not null,
    wait_until timestamptz not null,
    forget_at timestamptz not null,
    primary key (name_hash, address)
  )`,
  'create index admin_log_in_tries_by_end on admin_log_in_tries (forget_at)',
  `create table admin_known_addresses (
    admin_user_id uuid not null references admin_users on delete cascade,
    address text not null,
    seen_at timestamptz not null default now(),
    primary key (admin_user_id, address)
  )`,
];
