// The rows of every table, as the services see them. The statements that made them are in migrations/.
import type { Generated } from 'kysely';
import type { Channel } from '../ids.ts';
import type { EndState } from '../reasons.ts';
import type { Priority, StageName } from '../topics.ts';

export type OnNoAnswer = 'resend' | 'park';
export type ApiKeyScope = 'send' | 'read' | 'admin';
export type RequestState = 'scheduled' | 'planning' | 'running' | 'paused' | 'done' | 'cancelled' | 'rejected';
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
}

export interface WaitingTable {
  notification_id: string;
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
