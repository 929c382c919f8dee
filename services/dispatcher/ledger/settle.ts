// Writes down what became of claims: at most a hundred answers in one statement.
import { sql } from 'kysely';
import type { Db } from '../../../lib/db/database.ts';
import { addMinutes } from './minutes.ts';
import type { Settlement } from './types.ts';

/**
 * Guarded by attempt and token: a zombie's late settlement changes nothing, and a settlement that is repeated because its
 * answer was lost changes nothing either. Counters, the retry that waits and the dead address follow only from rows
 * that changed. A deferred row and its waiting row are written together, so that none of the two stands alone. What was
 * cancelled before its body left had no try: its attempt is taken back.
 *
 * @param worker see minutes.ts
 * @returns the ids of the rows that changed
 */
export async function settle(
  db: Db,
  month: string,
  settlements: readonly Settlement[],
  worker: string,
): Promise<string[]> {
  const sorted = [...settlements].sort((a, b) => (a.notificationId < b.notificationId ? -1 : 1));
  // By their place: a slice that lost its claim and the one that took it over may settle the same row together.
  const parked = sorted.flatMap(({ parked: one }, index) => (one ? [{ ...one, at: index + 1 }] : []));
  const result = await sql<{ notification_id: string }>`
    with changed as (
      update deliveries d set state = g.state, reason = g.reason, detail = g.detail, stage = 'dispatcher', token = null,
        lease_until = null, attempt = g.tries, may_have_left = d.may_have_left or g.may_have_left,
        ended_at = case when g.state <> 'deferred' then to_timestamp(g.ended_at / 1000) end
      from unnest(
        ${sorted.map((one) => one.notificationId)}::uuid[],
        ${sorted.map((one) => one.attempt)}::integer[],
        ${sorted.map((one) => one.token)}::uuid[],
        ${sorted.map((one) => one.state)}::text[],
        ${sorted.map((one) => one.reason)}::text[],
        ${sorted.map((one) => one.detail)}::text[],
        ${sorted.map((one) => one.endedAtMs)}::double precision[],
        ${sorted.map((one) => one.suppress)}::boolean[],
        ${sorted.map((one) => one.tries ?? one.attempt)}::integer[],
        ${sorted.map((one) => one.parked?.reason === 'no_answer')}::boolean[]
      ) with ordinality
        as g(notification_id, attempt, token, state, reason, detail, ended_at, suppress, tries, may_have_left, at)
      -- The states stand in a case for Postgres's sake: it takes the few claimed rows for none at all, and then compares
      -- each of them with each of ours. (The same in release.ts, renew.ts and mark-sending.ts.)
      where d.notification_id = g.notification_id and d.month = ${month}::date
        and case when d.state in ('claimed', 'sending') then d.attempt end = g.attempt and d.token = g.token
      returning d.notification_id, d.request_id, d.chunk_id, d.channel, d.address, d.priority, d.is_test, d.state, d.reason,
        d.detail, g.suppress, g.at
    ),
    counted as (
      insert into counters (request_id, chunk_id, state, reason, count)
      select request_id, chunk_id, state, reason, count(*) from changed
      group by request_id, chunk_id, state, reason
      order by request_id, chunk_id, state, reason
      on conflict (request_id, chunk_id, state, reason) do update set count = counters.count + excluded.count
    ),
    ended as (select priority, state, reason, is_test from changed),
    minuted as (${addMinutes(worker)}),
    suppressed as (
      insert into suppressions as s (channel, address, reason, detail)
      select distinct on (channel, lower(address)) channel, lower(address), 'invalid_address', detail
      from changed where suppress and address is not null
      order by channel, lower(address)
      -- It is there and covers less: whoever lifts it sees what the first reason was.
      on conflict (channel, address) do update set scope = 'all', detail = concat_ws('; ', nullif(s.detail, ''), excluded.detail)
        where s.scope <> 'all'
    ),
    waits as (
      insert into waiting (notification_id, request_id, month, priority, due_at, attempt, reason, key, value, traceparent,
        rendered_partition, rendered_offset, channel)
      select w.notification_id, c.request_id, ${month}::date, w.priority, now() + make_interval(secs => w.due_in / 1000), w.attempt,
        w.reason, w.key, w.value, w.traceparent, w.rendered_partition, w.rendered_offset, c.channel
      from unnest(
        ${parked.map((one) => one.notificationId)}::uuid[],
        ${parked.map((one) => one.priority)}::text[],
        ${parked.map((one) => one.dueInMs)}::double precision[],
        ${parked.map((one) => one.attempt)}::integer[],
        ${parked.map((one) => one.reason)}::text[],
        ${parked.map((one) => one.key)}::text[],
        ${parked.map((one) => one.value)}::bytea[],
        ${parked.map((one) => one.traceparent ?? null)}::text[],
        ${parked.map((one) => one.partition)}::integer[],
        ${parked.map((one) => one.offset)}::bigint[],
        ${parked.map((one) => one.at)}::bigint[]
      ) as w(notification_id, priority, due_in, attempt, reason, key, value, traceparent, rendered_partition,
             rendered_offset, at)
      join changed c on c.at = w.at and c.state = 'deferred'
      on conflict (notification_id) do update set due_at = excluded.due_at, attempt = excluded.attempt,
        reason = excluded.reason, lease_until = null, resume_at = null, hold_id = null,
        request_id = excluded.request_id, channel = excluded.channel, fault_count = 0, awaits_channel = false,
        -- It was never tried before: its patience begins now.
        created_at = case when waiting.awaits_channel then now() else waiting.created_at end
    )
    select notification_id from changed
  `.execute(db);
  return result.rows.map((row) => row.notification_id);
}
