// Requests and mailings that the planner leaves alone for a while, because its work on them comes to no end; pauses that were
// lifted; and the people of files that are still being sent.
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  // Not columns of requests: where a statement waits for a lock on the request's row, this is written all the same.
  `create table set_aside (
    subject_id uuid primary key,
    reason text not null,
    times integer not null default 1,
    set_aside_until timestamptz not null
  )`,

  // Pauses that were taken away, until the planner has taken note of it.
  'create table lifted_pauses (request_id uuid primary key, lifted_at timestamptz not null default now())',

  // Written batch by batch while somebody sends a file, so that no transaction is open meanwhile.
  'create table uploads (upload_id uuid primary key, started_at timestamptz not null default now())',
  `create table uploaded_people (
    upload_id uuid,
    batch integer,
    user_ids text[] not null,
    primary key (upload_id, batch)
  )`,
];
