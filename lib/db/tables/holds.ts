// What is kept from being sent: one request (holds), or all that a scope covers (sending_holds).
import type { Generated } from 'kysely';
import type { SharedScope } from '../../../domain/holds.ts';

export interface HoldTables {
  holds: HoldsTable;
  lifted_pauses: LiftedPausesTable;
  sending_holds: SendingHoldsTable;
}

export interface HoldsTable {
  request_id: string;
  state: 'paused' | 'cancelled';
  changed_at: Generated<Date>;
  /** Who paused or cancelled it; for a hold: its author. */
  changed_by: Generated<string>;
  /** Null in rows of the pause button and of the release before. */
  reason: string | null;
  /** When a pause ends by itself. */
  ends_at: Date | null;
}

export interface SendingHoldsTable {
  hold_id: Generated<number>;
  scope: SharedScope;
  subject: string;
  author: string;
  reason: string;
  created_at: Generated<Date>;
  /** When the planner lifts it; null: when somebody does. */
  ends_at: Date | null;
  /** Null as long as it is in force. */
  lifted_at: Date | null;
  /** A person, or `end`. */
  lifted_by: string | null;
  /** When the planner let go on what it drives: until then that stays paused. */
  released_at: Date | null;
  /** When everybody whom it kept back had been published again. */
  resumed_at: Date | null;
  resume_lease_until: Date | null;
}

/** Until the planner has taken note. */
export interface LiftedPausesTable {
  request_id: string;
  lifted_at: Generated<Date>;
}
