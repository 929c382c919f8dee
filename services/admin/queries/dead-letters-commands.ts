// What people want sent again without a dead letter: commands on deliveries, for one notification or for all of a request
// that ended alike.
import { sql } from 'kysely';
import { type Db, withDatabase } from '../../../lib/db/database.ts';

export interface CommandRow {
  kind: 'redrive' | 'resend';
  reason: string;
  who: string;
  at: Date;
  /** Null: no claim has used it yet. */
  takenAt: Date | null;
  answer: string;
}

/** The last one of a notification. */
export async function findCommand(db: Db, notificationId: string): Promise<CommandRow | undefined> {
  const { rows } = await withDatabase(() =>
    sql<CommandRow>`
      select kind, reason, requested_by as who, requested_at as at, taken_at as "takenAt", answer
      from delivery_commands where notification_id = ${notificationId}`.execute(db),
  );
  return rows[0];
}

export interface EndedAlike {
  requestId: string;
  state: 'failed' | 'skipped' | 'unknown';
  /** Undefined: whatever the reason. */
  reason?: string | undefined;
}

/**
 * Opens a command for each, with its record to be published again by the executor. It reads the request's part of an
 * index: up to some seconds for a million people. What was cancelled or has expired is left as it is.
 * @returns how many
 */
export async function sendAlikeAgain(
  db: Db,
  { requestId, state, reason }: EndedAlike,
  wanted: { template: 'pinned' | 'active'; reason: string; who: string },
): Promise<number> {
  const { numAffectedRows } = await withDatabase(() =>
    sql`
      insert into delivery_commands as c (notification_id, kind, reason, requested_by, template_choice, needs_record)
      select d.notification_id, 'redrive', ${wanted.reason}, ${wanted.who}, ${wanted.template}, true
      from deliveries d
      where d.request_id = ${requestId} and d.state = ${state} and d.reason not in ('cancelled', 'expired')
        and (${reason ?? null}::text is null or d.reason = ${reason ?? null})
      order by d.notification_id
      on conflict (notification_id) do update set kind = excluded.kind, reason = excluded.reason,
        requested_by = excluded.requested_by, requested_at = excluded.requested_at,
        template_choice = excluded.template_choice, needs_record = true, taken_at = null, answer = '', lease_until = null,
        attempts = 0
        where not c.needs_record`.execute(db),
  );
  return Number(numAffectedRows ?? 0);
}
