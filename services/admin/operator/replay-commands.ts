// The commands of an intended second sending: written before their records are published, so that the claim finds them.
import { sql } from 'kysely';
import { type Db, withDatabase } from '../../../lib/db/database.ts';
import type { Replay } from './replay-types.ts';

/**
 * Opens a command for each. One written since the replay was asked for is its own, from before a crash: it is not opened
 * again, so that nobody gets a third message.
 * @returns those whose command is open: their records are to be published
 */
export async function openResends(
  db: Db,
  { requestedBy, requestedAt, reason }: Pick<Replay, 'requestedBy' | 'requestedAt' | 'reason'>,
  notificationIds: readonly string[],
): Promise<Set<string>> {
  if (notificationIds.length === 0) return new Set();
  const ids = [...new Set(notificationIds)].sort();
  const { rows } = await withDatabase(() =>
    sql<{ notification_id: string }>`
      with opened as (
        insert into delivery_commands as c (notification_id, kind, reason, requested_by)
        select notification_id, 'resend', ${reason}, ${requestedBy} from unnest(${ids}::uuid[]) as g(notification_id)
        on conflict (notification_id) do update set kind = 'resend', reason = excluded.reason,
          requested_by = excluded.requested_by, requested_at = now(), taken_at = null, answer = '',
          needs_record = false, template_choice = 'pinned'
          where c.requested_at < ${requestedAt}
        returning notification_id
      )
      select notification_id from opened
      union
      select notification_id from delivery_commands
      where notification_id = any(${ids}::uuid[]) and taken_at is null`.execute(db),
  );
  return new Set(rows.map((row) => row.notification_id));
}
