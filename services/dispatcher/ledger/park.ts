// Puts records into `waiting` that cannot be sent now and must not be waited for.
import { sql } from 'kysely';
import type { Db } from '../../../lib/db/database.ts';
import type { Parked } from './types.ts';

/**
 * For a record whose claim is another's and alive (due when that lease ends), for one whose own lease is too short, and for
 * one that a pause or a shared hold kept back while it was ours: as if it had been due now, if there were neither. Also for one
 * whose channel is down before it was ever claimed.
 * One that waits already is put off, unless somebody has it in hand.
 */
export async function park(db: Db, records: readonly Parked[]): Promise<void> {
  const sorted = [...records].sort((a, b) => (a.notificationId < b.notificationId ? -1 : 1));
  await sql`
    insert into waiting (notification_id, request_id, month, priority, due_at, resume_at, hold_id, attempt, reason, key,
      value, traceparent, rendered_partition, rendered_offset, channel, awaits_channel)
    select w.notification_id, w.request_id, w.month, w.priority, now() + make_interval(secs => w.due_in / 1000),
      case when w.is_paused then now() end, case when w.is_paused then w.hold_id end, w.attempt, w.reason, w.key,
      w.value, w.traceparent, w.rendered_partition, w.rendered_offset, w.channel, w.awaits_channel
    from unnest(
      ${sorted.map((one) => one.notificationId)}::uuid[],
      ${sorted.map((one) => one.requestId)}::uuid[],
      ${sorted.map((one) => one.month)}::date[],
      ${sorted.map((one) => one.priority)}::text[],
      ${sorted.map((one) => one.dueInMs)}::double precision[],
      ${sorted.map((one) => one.isPaused)}::boolean[],
      ${sorted.map((one) => one.holdId)}::integer[],
      ${sorted.map((one) => one.attempt)}::integer[],
      ${sorted.map((one) => one.reason)}::text[],
      ${sorted.map((one) => one.key)}::text[],
      ${sorted.map((one) => one.value)}::bytea[],
      ${sorted.map((one) => one.traceparent ?? null)}::text[],
      ${sorted.map((one) => one.partition)}::integer[],
      ${sorted.map((one) => one.offset)}::bigint[],
      ${sorted.map((one) => one.channel)}::text[],
      ${sorted.map((one) => one.awaitsChannel)}::boolean[]
    ) as w(notification_id, request_id, month, priority, due_in, is_paused, hold_id, attempt, reason, key, value,
           traceparent, rendered_partition, rendered_offset, channel, awaits_channel)
    order by w.notification_id
    on conflict (notification_id) do nothing
  `.execute(db);
}
