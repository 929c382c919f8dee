// Holds with a scope: what people, or the guard, keep from being sent although nothing of it is cancelled.
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  // A pause of one request stays in holds, which the release before reads as well. Both null where nobody gave one.
  'alter table holds add column reason text, add column ends_at timestamptz',
  `create index holds_to_end on holds (ends_at) where state = 'paused' and ends_at is not null`,

  // In force until lifted. The planner then lets go on what it drives (released_at), publishes again whom the hold kept back
  // (resumed_at), and keeps a lease while it is at it.
  `create table sending_holds (
    hold_id integer generated always as identity primary key,
    scope text not null check (scope in ('template', 'channel', 'promotional', 'lane')),
    subject text not null,
    author text not null,
    reason text not null,
    created_at timestamptz not null default now(),
    ends_at timestamptz,
    lifted_at timestamptz,
    lifted_by text,
    released_at timestamptz,
    resumed_at timestamptz,
    resume_lease_until timestamptz
  )`,
  'create unique index sending_holds_in_force on sending_holds (scope, subject) where lifted_at is null',
  'create index sending_holds_unreleased on sending_holds (hold_id) where released_at is null',
  'create index sending_holds_to_resume on sending_holds (lifted_at) where lifted_at is not null and resumed_at is null',

  // Put off only by this hold; null: by the pause of its request, or not at all.
  'alter table waiting add column hold_id integer',
  'create index waiting_held on waiting (hold_id, due_at) where hold_id is not null',
  'create index waiting_paused_alone on waiting (request_id) where resume_at is not null and hold_id is null',
];
