// What is open: requests for the planner's sweep and the pages, mailings for the planner.
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  // Requests with people on their way, by the time they were due; lib/db/open-requests.ts repeats both expressions. All its
  // columns that change were in an index before, so that no update is dearer than it was.
  `create index requests_open on requests (priority, greatest(stored_at, scheduled_at), request_id)
     where ended_at is null and state in ('planning', 'running', 'cancelled')`,
  // Every request is updated once now, when it has ended.
  'alter table requests set (autovacuum_vacuum_scale_factor = 0.05)',
  // Which process does a work that is for one of them alone; whoever finds the lease over takes it.
  `create table sweep_leases (
    name text primary key,
    holder uuid not null,
    lease_until timestamptz not null
  )`,
  // Mailings that go once and have not become requests yet, and series: neither set grows with what has been.
  'alter table mailings add column adopted_at timestamptz',
  `update mailings m set adopted_at = now()
     where m.status = 'confirmed' and m.recurrence is null
       and exists (select from requests r where r.request_id = m.mailing_id)`,
  `create index mailings_to_adopt on mailings (scheduled_at)
     where status = 'confirmed' and recurrence is null and adopted_at is null`,
  `create index mailings_series on mailings (mailing_id) where status = 'confirmed' and recurrence is not null`,
];
