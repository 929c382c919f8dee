// The ledger: one row a notification, what waits for a retry, and the numbers counted from both.
import type { Generated } from 'kysely';
import type { Channel } from '../../../domain/ids.ts';
import type { EndState } from '../../../domain/reasons.ts';
import type { Priority, StageName } from '../../topics.ts';

export type DeliveryState = EndState | 'claimed' | 'sending' | 'deferred';

export interface DeliveryTables {
  deliveries: DeliveriesTable;
  waiting: WaitingTable;
  counters: CountersTable;
  delivery_minutes: DeliveryMinutesTable;
  transport_rates: TransportRatesTable;
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
  /** Put off only because its request is paused, or a shared hold is in force; due at this time otherwise. */
  resume_at: Date | null;
  /** Put off only by this shared hold; null where its request is paused. */
  hold_id: number | null;
  created_at: Generated<Date>;
  /** Null in rows of the release before. */
  channel: Channel | null;
  /** Never tried: its channel was down when its record was read. */
  awaits_channel: Generated<boolean>;
  /** How often it could not be read or dispatched for its own sake. */
  fault_count: Generated<number>;
}

export interface CountersTable {
  request_id: string;
  chunk_id: string;
  state: EndState | 'deferred';
  reason: Generated<string>;
  count: number;
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

export interface TransportRatesTable {
  transport: Channel;
  /** When the next message may start, whoever sends it. */
  next_at: Generated<Date>;
  /** While this is to come, turns are given to the high lane only. */
  high_until: Generated<Date>;
}
