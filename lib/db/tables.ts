// The rows of every table, as the services see them. The statements that made them are in migrations/.
import type { Generated } from 'kysely';
import type { Channel } from '../ids.ts';
import type { EndState } from '../reasons.ts';
import type { Priority, StageName } from '../topics.ts';

export type OnNoAnswer = 'resend' | 'park';
export type ApiKeyScope = 'send' | 'read' | 'admin';
export type RequestState = 'scheduled' | 'planning' | 'running' | 'paused' | 'done' | 'cancelled' | 'rejected';
/** What a request came from: a producer, a content manager's mailing, a firing of a recurring one, or a test-send. */
export type RequestOrigin = 'request' | 'mailing' | 'series' | 'test';
export type DeliveryState = EndState | 'claimed' | 'sending' | 'deferred';

export interface Database {
  templates: TemplatesTable;
  template_versions: TemplateVersionsTable;
  api_keys: ApiKeysTable;
  accepted: AcceptedTable;
  requests: RequestsTable;
  chunks: ChunksTable;
  deliveries: DeliveriesTable;
  waiting: WaitingTable;
  counters: CountersTable;
  suppressions: SuppressionsTable;
  mailings: MailingsTable;
  mailing_people: MailingPeopleTable;
  holds: HoldsTable;
  test_sends: TestSendsTable;
  series_cursors: SeriesCursorsTable;
  delivery_minutes: DeliveryMinutesTable;
  lag_minutes: LagMinutesTable;
  unsubscribes: UnsubscribesTable;
  admin_users: AdminUsersTable;
  admin_sessions: AdminSessionsTable;
  audit: AuditTable;
  delivery_commands: DeliveryCommandsTable;
  dead_letter_actions: DeadLetterActionsTable;
  replays: ReplaysTable;
  feedback: FeedbackTable;
  transport_rates: TransportRatesTable;
}

export interface TemplatesTable {
  template_id: string;
  /** The number it had in the system before; requests may still name it by that. */
  legacy_number: number | null;
  title: string;
  kind: string;
  channel: Channel;
  is_promo: Generated<boolean>;
  on_no_answer: Generated<OnNoAnswer>;
  confidential: Generated<boolean>;
  active_version: number;
  archived_at: Date | null;
  created_at: Generated<Date>;
  updated_at: Generated<Date>;
  /** Moves with every change of this row: two people who edit at the same time notice it. */
  revision: Generated<number>;
  updated_by: Generated<string>;
}

export interface TemplateVersionsTable {
  template_id: string;
  version: number;
  subject: Generated<string>;
  html: string | null;
  /** The SMS, or the e-mail's text part; null when that is derived from html. */
  text: string | null;
  from_name: string | null;
  reply_to: string | null;
  created_at: Generated<Date>;
  created_by: Generated<string>;
}

export interface ApiKeysTable {
  api_key_id: string;
  name: string;
  /** SHA-256 of the key; the key itself is shown once and kept nowhere. */
  key_hash: Buffer;
  /** The key's first characters, for people to tell keys apart. */
  key_hint: string;
  scopes: ApiKeyScope[];
  created_at: Generated<Date>;
  revoked_at: Date | null;
}

export interface AcceptedTable {
  request_id: string;
  api_key_id: string;
  idempotency_key: string | null;
  body_hash: Buffer;
  accepted_at: Generated<Date>;
  /** When Kafka had acknowledged it; kept for requests with an Idempotency-Key only. */
  published_at: Date | null;
}

export interface RequestsTable {
  request_id: string;
  body_hash: Buffer;
  state: RequestState;
  /** For rejected: why, for people. */
  detail: Generated<string>;
  template_id: string;
  template_version: number | null;
  template_kind: string | null;
  channel: Channel | null;
  on_no_answer: OnNoAnswer | null;
  priority: Priority;
  is_promo: boolean;
  context: string;
  user_ids: Generated<string[]>;
  user_categories: Generated<string[]>;
  /** People planned so far; final once planning_complete. */
  planned: Generated<number>;
  chunk_count: Generated<number>;
  planning_complete: Generated<boolean>;
  requested_at: Date;
  scheduled_at: Date | null;
  expires_at: Date | null;
  stored_at: Generated<Date>;
  /** The mailing runner plans it and looks after it until it ends. */
  driven: Generated<boolean>;
  origin: Generated<RequestOrigin>;
  /** Of a firing: the recurring mailing it belongs to. */
  series_id: string | null;
  /** The mailing whose rows in mailing_people are its explicit people, instead of user_ids. */
  people_from: string | null;
  /** A test-send: where it goes. */
  test_address: string | null;
  /** How far the runner has planned; the runner's own notation. */
  cursor: Generated<string>;
  /** Moves with every claim of the runner: what was begun under another one is void. */
  epoch: Generated<number>;
  lease_until: Date | null;
  /** When its numbers last moved, and what they then were. */
  progress_at: Date | null;
  progress_count: Generated<number>;
  heal_rounds: Generated<number>;
  started_at: Date | null;
  /** Of a driven one: when its numbers balanced. */
  ended_at: Date | null;
}

export interface ChunksTable {
  request_id: string;
  sequence: number;
  user_ids: string[];
  stored_at: Generated<Date>;
  published_at: Date | null;
}

export interface DeliveriesTable {
  /** First day of the month of requested_at (UTC): the partition. */
  month: string;
  notification_id: string;
  request_id: string;
  chunk_id: string;
  user_id: string;
  channel: Channel;
  /** Null for what ended before an address was known. */
  address: string | null;
  template_id: string;
  template_version: number;
  priority: Priority;
  state: DeliveryState;
  reason: Generated<string>;
  /** The server's answer, or what a template failed on. */
  detail: Generated<string>;
  /** The service that ended it. */
  stage: Generated<StageName>;
  attempt: Generated<number>;
  token: string | null;
  lease_until: Date | null;
  requested_at: Date;
  planned_at: Date | null;
  enriched_at: Date | null;
  rendered_at: Date | null;
  claimed_at: Date | null;
  ended_at: Date | null;
  rendered_partition: number | null;
  rendered_offset: number | null;
  is_test: Generated<boolean>;
  /** A try of which no answer is known may have sent it. */
  may_have_left: Generated<boolean>;
}

export interface WaitingTable {
  notification_id: string;
  /** Null in rows of the release before. */
  request_id: string | null;
  month: string;
  priority: Priority;
  due_at: Date;
  attempt: number;
  reason: string;
  key: string;
  /** The rendered record as Kafka carried it (Confluent wire format). */
  value: Buffer;
  traceparent: string | null;
  rendered_partition: number;
  rendered_offset: number;
  lease_until: Date | null;
  /** Put off only because its request is paused; due at this time otherwise. */
  resume_at: Date | null;
  created_at: Generated<Date>;
}

export interface CountersTable {
  request_id: string;
  chunk_id: string;
  state: EndState | 'deferred';
  reason: Generated<string>;
  count: number;
}

export interface SuppressionsTable {
  channel: Channel;
  address: string;
  reason: string;
  detail: Generated<string>;
  created_at: Generated<Date>;
}

/** What a content manager wants; what is so stands in `requests`, under the same id. */
export interface MailingsTable {
  mailing_id: string;
  /** Its number in the system before. */
  legacy_number: number | null;
  /** done and cancelled: history of the system before; a mailing of our own ends in `requests`. */
  status: Generated<'draft' | 'confirmed' | 'done' | 'cancelled'>;
  title: string;
  template_id: string | null;
  /** Fixed when it is confirmed; null for a draft and for a recurring one, which takes the active version each time. */
  template_version: number | null;
  priority: Generated<Priority>;
  is_promo: Generated<boolean>;
  /** A JSON object. */
  context: Generated<string>;
  user_categories: Generated<string[]>;
  /** Rows of mailing_people. */
  people_count: Generated<number>;
  /** Null: as soon as it is confirmed. */
  scheduled_at: Date | null;
  /** IANA name; of scheduled_at as it was entered, and of the recurrence. */
  time_zone: Generated<string>;
  /** A cron expression of five fields: then it is a series, and each firing is a request of its own. */
  recurrence: string | null;
  expires_at: Date | null;
  /** Of each firing of a series, from its planned time. */
  expires_after_minutes: number | null;
  /** How many people it was said to go to when it was confirmed. */
  confirmed_count: number | null;
  confirmed_at: Date | null;
  confirmed_by: string | null;
  /** Somebody said that it is to go although it came due more than an hour late. */
  released_at: Date | null;
  revision: Generated<number>;
  created_at: Generated<Date>;
  created_by: Generated<string>;
  updated_at: Generated<Date>;
  updated_by: Generated<string>;
}

export interface MailingPeopleTable {
  mailing_id: string;
  user_id: string;
}

export interface HoldsTable {
  request_id: string;
  state: 'paused' | 'cancelled';
  changed_at: Generated<Date>;
  changed_by: Generated<string>;
}

export interface TestSendsTable {
  request_id: string;
  template_id: string;
  template_version: number;
  address: string;
  user_id: string;
  created_by: string;
  created_at: Generated<Date>;
}

export interface SeriesCursorsTable {
  series_id: string;
  /** The planned time of the last firing; later ones are still to come. */
  fired_until: Date;
}

export interface DeliveryMinutesTable {
  minute: Date;
  /** Drawn by each dispatcher process when it starts. */
  worker: string;
  priority: Priority;
  state: EndState;
  reason: Generated<string>;
  count: number;
}

export interface LagMinutesTable {
  minute: Date;
  /** `<stage>.<lane>` */
  lane: string;
  lag: number;
}

export interface UnsubscribesTable {
  user_id: string;
  channel: Channel;
  source: 'page' | 'one_click' | 'admin';
  created_at: Generated<Date>;
}

export interface AdminUsersTable {
  admin_user_id: string;
  name: string;
  roles: string[];
  /** scrypt, in the notation of lib/passwords.ts. */
  password_hash: string;
  must_change_password: Generated<boolean>;
  /** Wrong passwords in a row. */
  failed_count: Generated<number>;
  locked_until: Date | null;
  created_at: Generated<Date>;
  disabled_at: Date | null;
}

export interface AdminSessionsTable {
  /** SHA-256 of the cookie. */
  token_hash: Buffer;
  admin_user_id: string;
  csrf_token: string;
  created_at: Generated<Date>;
  seen_at: Generated<Date>;
  expires_at: Date;
}

export interface AuditTable {
  audit_id: Generated<number>;
  at: Generated<Date>;
  who: string;
  action: string;
  /** `<what> <id>`, such as `template welcome`. */
  subject: Generated<string>;
  detail: Generated<unknown>;
}

export interface DeliveryCommandsTable {
  notification_id: string;
  /** redrive: what failed, was skipped or is unknown is tried again. resend: also what was sent, an intended second time. */
  kind: 'redrive' | 'resend';
  reason: Generated<string>;
  requested_by: string;
  requested_at: Generated<Date>;
  /** The version that was planned, or the one that is active now. */
  template_choice: Generated<'pinned' | 'active'>;
  /** Its record is still to be published again, by the executor. */
  needs_record: Generated<boolean>;
  /** When a claim used it, or its record ended earlier; then it is over. */
  taken_at: Date | null;
  /** What came of it: `claimed`, or why it was not. */
  answer: Generated<string>;
  /** A try before the command may have been sent: what follows cannot end as never sent. */
  may_have_left: Generated<boolean>;
}

export interface DeadLetterActionsTable {
  topic: string;
  partition: number;
  record_offset: number;
  action: 'redrive' | 'discard';
  state: Generated<'wanted' | 'done' | 'failed'>;
  /** Of a redrive: the version that was planned, or the one that is active now. */
  template_choice: Generated<'pinned' | 'active'>;
  reason: Generated<string>;
  /** Of a failed one: why. */
  detail: Generated<string>;
  requested_by: string;
  requested_at: Generated<Date>;
  ended_at: Date | null;
}

export interface ReplaysTable {
  replay_id: string;
  topic: string;
  /** Offset by partition, as decimal text: first one to read, and first one not to. */
  from_offsets: unknown;
  until_offsets: unknown;
  /** { template_id?, request_id?, priority?, user_id?, ended?, onlyUnplanned? } (services/admin/operator/replay-types.ts) */
  filter: Generated<unknown>;
  mode: Generated<'dry_run' | 'execute' | 'resend'>;
  reason: Generated<string>;
  rate_per_second: Generated<number>;
  state: Generated<'wanted' | 'running' | 'paused' | 'done' | 'cancelled' | 'failed'>;
  detail: Generated<string>;
  /** { next: offset by partition, within? }: where to go on. */
  cursor: Generated<unknown>;
  counts: Generated<unknown>;
  epoch: Generated<number>;
  lease_until: Date | null;
  requested_by: string;
  requested_at: Generated<Date>;
  ended_at: Date | null;
}

export interface FeedbackTable {
  /** Computed from what was reported: the same report twice is one row. */
  feedback_id: string;
  type: 'bounce' | 'complaint';
  notification_id: string | null;
  channel: Generated<Channel>;
  address: string | null;
  /** An enhanced status code, or what the reporter said. */
  status: Generated<string>;
  happened_at: Date;
  received_at: Generated<Date>;
}

export interface TransportRatesTable {
  transport: Channel;
  /** When the next message may start, whoever sends it. */
  next_at: Generated<Date>;
  /** While this is to come, turns are given to the high lane only. */
  high_until: Generated<Date>;
}
