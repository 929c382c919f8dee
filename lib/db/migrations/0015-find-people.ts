// Addresses of people who end before the dispatcher claims their message, as keyed hashes (domain/keyed-hash.ts).
// And what is planned for one person and not in the ledger yet is found without looking through all requests: open ones for one
// person by their id, open ones for many by their time. lib/requests-of-person repeats the predicates.
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  `create table known_addresses (
    hash bytea not null,
    user_id text collate "C" not null,
    channel text not null,
    seen_at timestamptz not null default now(),
    primary key (hash, user_id)
  )`,
  'create index known_addresses_by_user on known_addresses (user_id)',

  // Requests leave both with their end: neither set grows with what has been.
  `create index requests_of_one on requests ((user_ids[1]), requested_at)
     where cardinality(user_ids) = 1 and user_categories = '{}' and ended_at is null and state <> 'rejected'`,
  `create index requests_of_many on requests (requested_at)
     where (cardinality(user_ids) <> 1 or user_categories <> '{}') and ended_at is null and state <> 'rejected'`,
];
