// Takes into the ledger what ended before it came to a claim, so that every person planned has one row.
import { sql } from 'kysely';
import type { Db } from '../../../lib/db/database.ts';
import type { NotificationOutcome } from '../../../lib/events.ts';
import { addMinutes } from './minutes.ts';

export interface Ended {
  priority: string;
  state: string;
  reason: string;
}

/**
 * Insert-if-absent: an outcome that comes twice, or too late, changes nothing. One exception: a record that the
 * dispatcher itself put aside after it had claimed it is failed, for nobody else will ever end that row.
 * @param worker see minutes.ts
 * @returns the rows that changed
 */
export async function insertEnded(
  db: Db,
  month: string,
  outcomes: readonly NotificationOutcome[],
  worker: string,
): Promise<Ended[]> {
  const sorted = [...outcomes].sort((a, b) => (a.notification_id < b.notification_id ? -1 : 1));
  const result = await sql<Ended>`
    with written as (
      insert into deliveries (month, notification_id, request_id, chunk_id, user_id, channel, template_id,
        template_version, priority, state, reason, detail, stage, attempt, requested_at, planned_at, enriched_at, ended_at,
        is_test)
      select ${month}::date, notification_id, request_id, chunk_id, user_id, channel, template_id, template_version,
        priority, state, reason, detail, stage, attempt, to_timestamp(requested_at / 1000),
        to_timestamp(planned_at / 1000), to_timestamp(enriched_at / 1000), to_timestamp(ended_at / 1000),
        is_test
      from unnest(
        ${sorted.map((event) => event.notification_id)}::uuid[],
        ${sorted.map((event) => event.request_id)}::uuid[],
        ${sorted.map((event) => event.chunk_id)}::uuid[],
        ${sorted.map((event) => event.user_id)}::text[],
        ${sorted.map((event) => event.channel)}::text[],
        ${sorted.map((event) => event.template_id)}::text[],
        ${sorted.map((event) => event.template_version)}::integer[],
        ${sorted.map((event) => event.priority)}::text[],
        ${sorted.map((event) => event.state)}::text[],
        ${sorted.map((event) => event.reason)}::text[],
        ${sorted.map((event) => event.detail)}::text[],
        ${sorted.map((event) => event.stage)}::text[],
        ${sorted.map((event) => event.attempt)}::integer[],
        ${sorted.map((event) => event.requested_at)}::double precision[],
        ${sorted.map((event) => event.planned_at)}::double precision[],
        ${sorted.map((event) => event.enriched_at)}::double precision[],
        ${sorted.map((event) => event.ended_at)}::double precision[],
        ${sorted.map((event) => event.is_test)}::boolean[]
      ) as g(notification_id, request_id, chunk_id, user_id, channel, template_id, template_version, priority, state,
             reason, detail, stage, attempt, requested_at, planned_at, enriched_at, ended_at, is_test)
      order by notification_id
      on conflict (notification_id, month) do update set state = excluded.state, reason = excluded.reason,
        detail = excluded.detail, ended_at = excluded.ended_at, token = null, lease_until = null
      where excluded.stage = 'dispatcher' and deliveries.state = 'claimed'
        and (deliveries.lease_until is null or deliveries.lease_until <= now())
      returning request_id, chunk_id, priority, state, reason, is_test
    ),
    counted as (
      insert into counters (request_id, chunk_id, state, reason, count)
      select request_id, chunk_id, state, reason, count(*) from written
      group by request_id, chunk_id, state, reason
      order by request_id, chunk_id, state, reason
      on conflict (request_id, chunk_id, state, reason) do update set count = counters.count + excluded.count
    ),
    ended as (select priority, state, reason, is_test from written),
    minuted as (${addMinutes(worker)})
    select priority, state, reason from written
  `.execute(db);
  return result.rows;
}
