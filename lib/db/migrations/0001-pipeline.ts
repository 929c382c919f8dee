// The tables of the pipeline. Who writes which one is asserted by tests/architecture.test.ts.
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  // Templates. A version never changes once written; what was planned keeps the version it was planned with.
  `create table templates (
    template_id text primary key check (template_id ~ '^[a-z0-9][a-z0-9-]{0,63}$'),
    legacy_number integer unique,
    title text not null,
    kind text not null,
    channel text not null check (channel in ('email', 'sms')),
    is_promo boolean not null default false,
    on_no_answer text not null default 'resend' check (on_no_answer in ('resend', 'park')),
    confidential boolean not null default false,
    active_version integer not null,
    archived_at timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
  )`,
  `create table template_versions (
    template_id text not null references templates deferrable initially deferred,
    version integer not null check (version > 0),
    subject text not null default '',
    html text,
    text text,
    from_name text,
    reply_to text,
    created_at timestamptz not null default now(),
    created_by text not null default '',
    primary key (template_id, version),
    check (html is not null or text is not null)
  )`,

  // Ingest: who may call, and what was answered with 202.
  `create table api_keys (
    api_key_id uuid primary key,
    name text not null,
    key_hash bytea not null unique,
    key_hint text not null,
    scopes text[] not null,
    created_at timestamptz not null default now(),
    revoked_at timestamptz
  )`,
  `create table accepted (
    request_id uuid primary key,
    api_key_id uuid not null,
    idempotency_key text,
    body_hash bytea not null,
    accepted_at timestamptz not null default now(),
    published_at timestamptz
  )`,
  'create index accepted_by_age on accepted (accepted_at)',

  // Planner: every request and its chunks are stored before they are published.
  `create table requests (
    request_id uuid primary key,
    body_hash bytea not null,
    state text not null check (state in ('scheduled', 'planning', 'running', 'paused', 'done', 'cancelled', 'rejected')),
    detail text not null default '',
    template_id text not null,
    template_version integer,
    template_kind text,
    channel text,
    on_no_answer text,
    priority text not null check (priority in ('high', 'medium', 'low')),
    is_promo boolean not null,
    context text not null,
    user_ids text[] not null default '{}',
    user_categories text[] not null default '{}',
    planned integer not null default 0,
    chunk_count integer not null default 0,
    planning_complete boolean not null default false,
    requested_at timestamptz not null,
    scheduled_at timestamptz,
    expires_at timestamptz,
    stored_at timestamptz not null default now()
  )`,
  `create index requests_due on requests (scheduled_at) where state = 'scheduled'`,
  `create table chunks (
    request_id uuid not null,
    sequence integer not null,
    user_ids text[] not null,
    stored_at timestamptz not null default now(),
    published_at timestamptz,
    primary key (request_id, sequence)
  )`,

  // Dispatcher: the ledger. state is in no index, so that a settlement touches the row and nothing else.
  `create table deliveries (
    month date not null,
    notification_id uuid not null,
    request_id uuid not null,
    chunk_id uuid not null,
    user_id text not null,
    channel text not null,
    address text,
    template_id text not null,
    template_version integer not null,
    priority text not null,
    state text not null check (state in ('claimed', 'sending', 'deferred', 'sent', 'failed', 'skipped', 'unknown')),
    reason text not null default '',
    detail text not null default '',
    stage text not null default 'dispatcher',
    attempt integer not null default 0,
    token uuid,
    lease_until timestamptz,
    requested_at timestamptz not null,
    planned_at timestamptz,
    enriched_at timestamptz,
    rendered_at timestamptz,
    claimed_at timestamptz,
    ended_at timestamptz,
    rendered_partition integer,
    rendered_offset bigint,
    primary key (notification_id, month)
  ) partition by range (month)`,
  'create index deliveries_by_request on deliveries (request_id, notification_id)',
  'create index deliveries_by_user on deliveries (user_id, requested_at)',
  'create table deliveries_rest partition of deliveries default with (fillfactor = 80)',

  `create table waiting (
    notification_id uuid primary key,
    month date not null,
    priority text not null,
    due_at timestamptz not null,
    attempt integer not null,
    reason text not null,
    key text not null,
    value bytea not null,
    traceparent text,
    rendered_partition integer not null,
    rendered_offset bigint not null,
    lease_until timestamptz,
    created_at timestamptz not null default now()
  )`,
  'create index waiting_due on waiting (priority, due_at)',

  // One row per request, chunk, state and reason, so that parallel settlements never queue behind one lock.
  `create table counters (
    request_id uuid not null,
    chunk_id uuid not null,
    state text not null,
    reason text not null default '',
    count integer not null,
    primary key (request_id, chunk_id, state, reason)
  ) with (fillfactor = 70)`,

  `create table suppressions (
    channel text not null,
    address text not null,
    reason text not null,
    detail text not null default '',
    created_at timestamptz not null default now(),
    primary key (channel, address)
  )`,

  // Creates the ledger's month when it is missing. Months are made ahead, so that no row of theirs is in the rest.
  `create function ensure_delivery_month(month date) returns boolean language plpgsql as $$
  declare
    first_day date := date_trunc('month', month)::date;
    partition_name text := 'deliveries_' || to_char(first_day, 'YYYY_MM');
  begin
    if to_regclass(partition_name) is not null then
      return false;
    end if;
    execute format('create table %I partition of deliveries for values from (%L) to (%L) with (fillfactor = 80)',
      partition_name, first_day, (first_day + interval '1 month')::date);
    return true;
  end $$`,
  `select ensure_delivery_month((date_trunc('month', now()) + make_interval(months => n))::date)
     from generate_series(-3, 3) n`,
];
