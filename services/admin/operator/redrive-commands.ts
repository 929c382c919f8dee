// Commands on deliveries: what a person allows to be claimed again. The claim in the ledger takes them.
import { sql } from 'kysely';
import { type Db, withDatabase } from '../../../lib/db/database.ts';

export interface DeliveryCommand {
  notificationIds: readonly string[];
  /** `redrive` never touches what was sent; `resend` sends that a second time, on purpose. */
  kind: 'redrive' | 'resend';
  reason: string;
  who: string;
  /**
   * When it was wanted: the same command written again, after a crash, opens nothing anew. Undefined: now, by Postgres's
   * clock.
   */
  at?: Date;
  template?: 'pinned' | 'active';
  /** The executor is to publish the record again; false for whoever does that itself, and does it after this. */
  needsRecord?: boolean;
}

/** @returns how many are open now because of this */
export async function writeDeliveryCommands(db: Db, command: DeliveryCommand): Promise<number> {
  const { kind, reason, who, at, template = 'pinned', needsRecord = false } = command;
  const { numAffectedRows } = await withDatabase(() =>
    sql`
      insert into delivery_commands as c (notification_id, kind, reason, requested_by, requested_at, template_choice,
        needs_record)
      select distinct id, ${kind}, ${reason}, ${who}, coalesce(${at ?? null}::timestamptz, now()), ${template},
        ${needsRecord}::boolean
      from unnest(${[...command.notificationIds].sort()}::uuid[]) id
      order by id
      on conflict (notification_id) do update set kind = excluded.kind, reason = excluded.reason,
        requested_by = excluded.requested_by, requested_at = excluded.requested_at,
        template_choice = excluded.template_choice, needs_record = excluded.needs_record, taken_at = null, answer = '',
        lease_until = null, attempts = 0
        where excluded.requested_at > c.requested_at`.execute(db),
  );
  return Number(numAffectedRows ?? 0);
}
