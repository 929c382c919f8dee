// Takes into the ledger what ended before it came to a claim, so that every person planned has one row.
import { sql } from 'kysely';
import type { Db } from '../../../lib/db/database.ts';
import type { NotificationOutcome } from '../../../lib/events.ts';
import { addMinutes } from './minutes.ts';
import { isLeftBehind, unlessLeft } from './put-aside.ts';

export interface Ended {
  priority: string;
  state: string;
  reason: string;
}

/** Ends are written with the clocks of the stages, commands with that of Postgres. */
const clockSlackSeconds = 5;
const row = sql`deliveries`;

/**
 * Insert-if-absent: an outcome that comes twice, or too late, changes nothing. One exception: a record that the
 * dispatcher itself put aside after it had claimed it is failed, for nobody else will ever end that row; or unknown, when
 * it may have left. And another: what failed or was skipped, was tried again by a person's command and ended early once
 * more has that end from now on; the command is over then. An end from before the command is not one of those.
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
    with given as materialized (
      select * from unnest(
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
    ),
    commanded as materialized (
      select c.notification_id, c.may_have_left, d.state, d.reason, d.attempt, d.ended_at
      from delivery_commands c
      join given g using (notification_id)
      cross join lateral (
        select * from deliveries where notification_id = g.notification_id and month = ${month}::date limit 1
      ) d
      where c.taken_at is null and d.state in ('failed', 'skipped', 'unknown', 'sent')
        and to_timestamp(g.ended_at / 1000) > greatest(d.ended_at, c.requested_at - make_interval(secs => ${clockSlackSeconds}))
    ),
    replaced as (
      update deliveries d set state = g.state, reason = g.reason, detail = g.detail, stage = g.stage,
        template_version = g.template_version, ended_at = to_timestamp(g.ended_at / 1000)
      from commanded c
      join given g using (notification_id)
      where d.notification_id = c.notification_id and d.month = ${month}::date
        -- What may have been sent never ends as not sent.
        and c.state in ('failed', 'skipped') and not c.may_have_left
        and d.state = c.state and d.reason = c.reason and d.attempt = c.attempt and d.ended_at = c.ended_at
      returning d.request_id, d.chunk_id, d.priority, d.state, d.reason, d.is_test, c.state as old_state,
        c.reason as old_reason
    ),
    answered as (
      update delivery_commands c set taken_at = now(), needs_record = false, answer = g.reason
      from commanded e
      join given g using (notification_id)
      where c.notification_id = e.notification_id and c.taken_at is null
    ),
    inserted as (
      insert into deliveries (month, notification_id, request_id, chunk_id, user_id, channel, template_id,
        template_version, priority, state, reason, detail, stage, attempt, requested_at, planned_at, enriched_at, ended_at,
        is_test)
      select ${month}::date, notification_id, request_id, chunk_id, user_id, channel, template_id, template_version,
        priority, state, reason, detail, stage, attempt, to_timestamp(requested_at / 1000),
        to_timestamp(planned_at / 1000), to_timestamp(enriched_at / 1000), to_timestamp(ended_at / 1000),
        is_test
      from given g
      where not exists (select from commanded c where c.notification_id = g.notification_id)
      order by notification_id
      on conflict (notification_id, month) do update set
        state = ${unlessLeft(row, { unknown: 'unknown', ended: sql`excluded.state` })},
        reason = ${unlessLeft(row, { unknown: 'no_answer', ended: sql`excluded.reason` })},
        detail = excluded.detail, ended_at = excluded.ended_at, token = null, lease_until = null
      where excluded.stage = 'dispatcher' and ${isLeftBehind(row)}
      returning request_id, chunk_id, priority, state, reason, is_test
    ),
    written as (
      select request_id, chunk_id, priority, state, reason, is_test from inserted
      union all
      select request_id, chunk_id, priority, state, reason, is_test from replaced
    ),
    counted as (
      insert into counters (request_id, chunk_id, state, reason, count)
      select request_id, chunk_id, state, reason, sum(n)
      from (
        select request_id, chunk_id, state, reason, 1 as n from written
        union all
        select request_id, chunk_id, old_state, old_reason, -1 from replaced
      ) moves
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
