// The tables of mailings, consent, people with access and charts. It only adds: the release before goes on beside this one.
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  // Templates: two people who edit at the same time notice it by the revision.
  `alter table templates
    add column revision integer not null default 1,
    add column updated_by text not null default ''`,

  // What a content manager wants. What is so stands in requests, whose id is the mailing's.
  `create table mailings (
    mailing_id uuid primary key,
    legacy_number integer unique,
    status text not null default 'draft' check (status in ('draft', 'confirmed', 'done', 'cancelled')),
    title text not null,
    template_id text references templates,
    template_version integer,
    priority text not null default 'low' check (priority in ('high', 'medium', 'low')),
    is_promo boolean not null default false,
    context text not null default '{}',
    user_categories text[] not null default '{}',
    people_count integer not null default 0,
    scheduled_at timestamptz,
    time_zone text not null default 'UTC',
    recurrence text,
    expires_at timestamptz,
    expires_after_minutes integer,
    confirmed_count integer,
    confirmed_at timestamptz,
    confirmed_by text,
    released_at timestamptz,
    revision integer not null default 1,
    created_at timestamptz not null default now(),
    created_by text not null default '',
    updated_at timestamptz not null default now(),
    updated_by text not null default ''
  )`,
  'create index mailings_by_age on mailings (created_at)',
  `create index mailings_due on mailings (scheduled_at) where status = 'confirmed'`,
  `create table mailing_people (
    mailing_id uuid not null,
    user_id text collate "C" not null,
    primary key (mailing_id, user_id)
  )`,

  // Paused or cancelled, by a content manager or through the API; no row: it may go on. Read by every claim.
  `create table holds (
    request_id uuid primary key,
    state text not null check (state in ('paused', 'cancelled')),
    changed_at timestamptz not null default now(),
    changed_by text not null default ''
  )`,
  'create index holds_by_change on holds (changed_at)',

  // Test-sends that the admin service has asked for: a record that calls itself one and is not in here is refused.
  `create table test_sends (
    request_id uuid primary key,
    template_id text not null,
    template_version integer not null,
    address text not null,
    user_id text not null,
    created_by text not null,
    created_at timestamptz not null default now()
  )`,

  // What the mailing runner drives: cursor, lease and epoch; and how it goes.
  `alter table requests
    add column driven boolean not null default false,
    add column origin text not null default 'request' check (origin in ('request', 'mailing', 'series', 'test')),
    add column series_id uuid,
    add column people_from uuid,
    add column test_address text,
    add column cursor text not null default '',
    add column epoch integer not null default 0,
    add column lease_until timestamptz,
    add column progress_at timestamptz,
    add column progress_count integer not null default 0,
    add column heal_rounds integer not null default 0,
    add column started_at timestamptz,
    add column ended_at timestamptz`,
  `update requests set driven = true where state in ('scheduled', 'planning')`,
  // What is being worked on; those that wait for their time, however many, are not in it.
  `create index requests_driven on requests (lease_until) where driven and ended_at is null and state <> 'scheduled'`,
  `create index requests_waiting on requests (priority, scheduled_at) where state = 'scheduled'`,
  `create index requests_of_producers on requests (stored_at) where origin = 'request' and user_categories <> '{}'`,
  'create index requests_by_series on requests (series_id, scheduled_at) where series_id is not null',
  `create table series_cursors (
    series_id uuid primary key,
    fired_until timestamptz not null
  )`,

  // The ledger.
  'alter table deliveries add column is_test boolean not null default false',
  'create index deliveries_by_address on deliveries (lower(address), requested_at) where address is not null',
  // resume_at: put off only because its request is paused, and due at this time otherwise.
  'alter table waiting add column request_id uuid, add column resume_at timestamptz',
  `update waiting w set request_id = d.request_id from deliveries d
     where d.notification_id = w.notification_id and d.month = w.month`,
  'create index waiting_by_request on waiting (request_id, due_at)',
  'create index waiting_paused on waiting (request_id) where resume_at is not null',
  // Ends of deliveries by the minute, written with the ends themselves; one row a process, so that none waits for another.
  `create table delivery_minutes (
    minute timestamptz not null,
    worker uuid not null,
    priority text not null,
    state text not null,
    reason text not null default '',
    count integer not null,
    primary key (minute, worker, priority, state, reason)
  ) with (fillfactor = 70)`,

  // Consent: who no longer wants promotional mail, whatever the user service says.
  `create table unsubscribes (
    user_id text not null,
    channel text not null,
    source text not null check (source in ('page', 'one_click', 'admin')),
    created_at timestamptz not null default now(),
    primary key (user_id, channel)
  )`,

  // People with access to the admin pages.
  `create table admin_users (
    admin_user_id uuid primary key,
    name text not null check (name ~ '^[a-z0-9][a-z0-9._@-]{0,63}$'),
    roles text[] not null,
    password_hash text not null,
    must_change_password boolean not null default false,
    failed_count integer not null default 0,
    locked_until timestamptz,
    created_at timestamptz not null default now(),
    disabled_at timestamptz,
    unique (name)
  )`,
  `create table admin_sessions (
    token_hash bytea primary key,
    admin_user_id uuid not null references admin_users on delete cascade,
    csrf_token text not null,
    created_at timestamptz not null default now(),
    seen_at timestamptz not null default now(),
    expires_at timestamptz not null
  )`,
  `create table audit (
    audit_id bigint generated always as identity primary key,
    at timestamptz not null default now(),
    who text not null,
    action text not null,
    subject text not null default '',
    detail jsonb not null default '{}'
  )`,
  'create index audit_by_subject on audit (subject, audit_id)',
  'create index audit_by_who on audit (who, audit_id)',
  'create index audit_by_action on audit (action, audit_id)',

  // The list of suppressed addresses, newest first.
  'create index suppressions_by_age on suppressions (created_at, channel, address)',

  // Lag of every lane by the minute, for the charts.
  `create table lag_minutes (
    minute timestamptz not null,
    lane text not null,
    lag bigint not null,
    primary key (minute, lane)
  )`,
];
