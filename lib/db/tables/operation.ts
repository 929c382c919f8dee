// What operators order and watch: redrives, dead letters, replays, lag.
import type { Generated } from 'kysely';

export interface OperationTables {
  delivery_commands: DeliveryCommandsTable;
  dead_letter_actions: DeadLetterActionsTable;
  replays: ReplaysTable;
  lag_minutes: LagMinutesTable;
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
  /** An executor has it until then. */
  lease_until: Date | null;
  /** How often an executor took it and neither ended it nor gave it back. */
  attempts: Generated<number>;
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
  /** An executor has it until then. */
  lease_until: Date | null;
  /** How often an executor took it and neither ended it nor gave it back. */
  attempts: Generated<number>;
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

export interface LagMinutesTable {
  minute: Date;
  /** `<stage>.<lane>` */
  lane: string;
  lag: number;
}
