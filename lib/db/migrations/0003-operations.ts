// The tables of operators: commands on deliveries, what was done with dead letters, replays, and what mail servers report later.
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  // A body of it may have left in a try of which no answer is known: then it can end as sent or unknown only.
  'alter table deliveries add column may_have_left boolean not null default false',

  // By an open command alone may a delivery that has ended as failed, unknown or skipped be claimed again, once.
  // needs_record: the executor has to publish its record again. may_have_left: a try before the command may have been sent.
  `create table delivery_commands (
    notification_id uuid primary key,
    kind text not null check (kind in ('redrive', 'resend')),
    reason text not null default '',
    requested_by text not null,
    requested_at timestamptz not null default now(),
    template_choice text not null default 'pinned' check (template_choice in ('pinned', 'active')),
    needs_record boolean not null default false,
    taken_at timestamptz,
    answer text not null default '',
    may_have_left boolean not null default false
  )`,
  'create index delivery_commands_by_age on delivery_commands (requested_at)',
  'create index delivery_commands_to_publish on delivery_commands (requested_at) where needs_record',

  // What a person wants done with a dead letter, and whether it is done. No row: nobody has looked at it yet.
  `create table dead_letter_actions (
    topic text not null,
    partition integer not null,
    record_offset bigint not null,
    action text not null check (action in ('redrive', 'discard')),
    state text not null default 'wanted' check (state in ('wanted', 'done', 'failed')),
    template_choice text not null default 'pinned' check (template_choice in ('pinned', 'active')),
    reason text not null default '',
    detail text not null default '',
    requested_by text not null,
    requested_at timestamptz not null default now(),
    ended_at timestamptz,
    primary key (topic, partition, record_offset)
  )`,
  `create index dead_letter_actions_wanted on dead_letter_actions (requested_at) where state = 'wanted'`,
  'create index dead_letter_actions_ended on dead_letter_actions (ended_at)',

  // Replays of a topic: what is wanted, how far it is (resumed from there after a crash), and what was counted.
  `create table replays (
    replay_id uuid primary key,
    topic text not null,
    from_offsets jsonb not null,
    until_offsets jsonb not null,
    filter jsonb not null default '{}',
    mode text not null default 'dry_run' check (mode in ('dry_run', 'execute', 'resend')),
    reason text not null default '',
    rate_per_second integer not null default 500,
    state text not null default 'wanted' check (state in ('wanted', 'running', 'paused', 'done', 'cancelled', 'failed')),
    detail text not null default '',
    cursor jsonb not null default '{}',
    counts jsonb not null default '{}',
    epoch integer not null default 0,
    lease_until timestamptz,
    requested_by text not null,
    requested_at timestamptz not null default now(),
    ended_at timestamptz
  )`,
  'create index replays_by_age on replays (requested_at)',

  // Bounces and complaints as they are reported (POST /api/v1/feedback); shown in the journey.
  `create table feedback (
    feedback_id uuid primary key,
    type text not null check (type in ('bounce', 'complaint')),
    notification_id uuid,
    channel text not null default 'email',
    address text,
    status text not null default '',
    happened_at timestamptz not null,
    received_at timestamptz not null default now()
  )`,
  'create index feedback_by_notification on feedback (notification_id) where notification_id is not null',
  'create index feedback_by_address on feedback (lower(address), happened_at) where address is not null',

  // For the retention, which goes by when a request was asked for.
  'create index requests_by_age on requests (requested_at)',

  // The rate limit of a transport, shared by all dispatchers: when the next turn begins, and until when high has turns.
  `create table transport_rates (
    transport text primary key,
    next_at timestamptz not null default 'epoch',
    high_until timestamptz not null default 'epoch'
  )`,
];
