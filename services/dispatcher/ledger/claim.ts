// Claim before send: a slice in one statement. Whoever gets a row back as `claimed` is the only one in the world who may
// send that message, until the lease runs out.
import { sql } from 'kysely';
import type { Db } from '../../../lib/db/database.ts';
import { coversSql } from '../../../lib/holds/covers.ts';
import { addMinutes } from './minutes.ts';
import type { ClaimRequest, ClaimRow } from './types.ts';

/** Of an ended row d and its command c, if there is one. A person who was erased has another id in the row than in records. */
const commandable = sql`
  d.user_id = g.user_id and c.taken_at is null and d.reason <> 'cancelled' and c.kind is not null
  and (d.state <> 'sent' or c.kind = 'resend')`;
/** Of the verdict e on what is changed: its row had ended, and a command opened it again. */
const endedBefore = sql`e.state in ('sent', 'failed', 'skipped', 'unknown')`;

/** Of a message g: whether the shared hold s covers it. */
const covered = coversSql({
  templateId: sql`g.template_id`,
  channel: sql`g.channel`,
  priority: sql`g.priority`,
  isPromo: sql`g.consenting_user_id is not null`,
  isTest: sql`g.is_test`,
});

/**
 * Inserts what is new and takes over what was left behind (lease ran out: attempt + 1). Holds, suppression, consent and
 * expiry are looked at in the same step, so that no mail leaves for what was cancelled, an address that was suppressed or
 * a person who unsubscribed before the claim. (A test goes to whoever asked for it: the person's consent is not asked.)
 * The invariants:
 * - a claim that is alive is never touched, unless its token is ours: then this is a repeat, and returns our own rows;
 * - `sending` whose lease ran out may have left: it becomes unknown, whatever else holds;
 * - `claimed` whose lease ran out may have left only when its template resends (those that park are marked `sending`
 *   first), and was never given back (then it has no token). It is remembered from then on, whoever claims it next and
 *   however often it is given back: what may have left and must not be repeated is unknown, never skipped or failed;
 * - of a paused request, and of what a shared hold covers, nothing else is inserted or changed; a cancelled request ends
 *   all the same;
 * - `deferred` is claimed by the waiting loop only;
 * - what has ended is claimed again by an open command of a person only (see commandable below): failed, skipped and
 *   unknown by any, sent by `resend` alone, cancelled by none; the command is taken in the same statement, so it works
 *   once. What is barred by then (expired, suppressed, unsubscribed) ends as that, unless it may have been sent;
 * - counters move only with rows that really changed, in the order of their key, so that claims do not deadlock; the
 *   minutes likewise, in rows that only `worker` writes.
 *
 * @param month of all these requests; given apart, so that Postgres plans for one partition and not for all
 * @param token of the slice
 */
export async function claim(
  db: Db,
  month: string,
  requests: readonly ClaimRequest[],
  options: { token: string; fromWaiting: boolean; leaseSeconds: number; worker: string },
): Promise<ClaimRow[]> {
  const { token, fromWaiting, leaseSeconds, worker } = options;
  // In the order of the key: two dispatchers that claim the same records then wait for each other, and never both.
  const sorted = [...requests].sort((a, b) => (a.event.notification_id < b.event.notification_id ? -1 : 1));
  const events = sorted.map(({ event }) => event);
  const result = await sql<ClaimRow>`
    with shared as materialized (
      -- A few rows, nearly always none; read once for all messages.
      select hold_id, scope, subject from sending_holds where lifted_at is null
    ),
    given as materialized (
      select g.*, coalesce(h.state, case when s.hold_id is not null then 'paused' end) as hold,
        case when h.state is null then s.hold_id end as hold_id,
        -- Why it may not be sent, the strongest first.
        case
          when h.state = 'cancelled' then 'cancelled'
          when a.address is not null then 'suppressed'
          when u.user_id is not null then 'unsubscribed'
          when g.expires_at <= extract(epoch from now()) * 1000 then 'expired'
        end as barred
      from unnest(
        ${events.map((event) => event.notification_id)}::uuid[],
        ${events.map((event) => event.request_id)}::uuid[],
        ${events.map((event) => event.chunk_id)}::uuid[],
        ${events.map((event) => event.user_id)}::text[],
        ${events.map((event) => event.channel)}::text[],
        ${events.map((event) => event.address)}::text[],
        ${events.map((event) => event.template_id)}::text[],
        ${events.map((event) => event.template_version)}::integer[],
        ${events.map((event) => event.priority)}::text[],
        ${events.map((event) => event.requested_at)}::double precision[],
        ${events.map((event) => event.planned_at)}::double precision[],
        ${events.map((event) => event.enriched_at)}::double precision[],
        ${events.map((event) => event.rendered_at)}::double precision[],
        ${events.map((event) => event.expires_at)}::double precision[],
        ${events.map((event) => event.on_no_answer === 'resend')}::boolean[],
        ${events.map((event) => (event.is_promo && !event.is_test ? event.user_id : null))}::text[],
        ${events.map((event) => event.is_test)}::boolean[],
        ${sorted.map(({ mayHaveLeft }) => mayHaveLeft)}::boolean[],
        ${sorted.map(({ partition }) => partition)}::integer[],
        ${sorted.map(({ offset }) => offset)}::bigint[]
      ) as g(notification_id, request_id, chunk_id, user_id, channel, address, template_id, template_version, priority,
             requested_at, planned_at, enriched_at, rendered_at, expires_at, resends, consenting_user_id, is_test,
             may_have_left, rendered_partition, rendered_offset)
      left join holds h on h.request_id = g.request_id
      left join lateral (select s.hold_id from shared s where ${covered} order by s.hold_id limit 1) s on true
      left join suppressions a on a.channel = g.channel and a.address = lower(g.address)
        and (a.scope = 'all' or g.consenting_user_id is not null)
      left join unsubscribes u on u.user_id = g.consenting_user_id and u.channel = g.channel
    ),
    existing as materialized (
      select d.notification_id, d.state, d.reason, d.detail, d.stage, d.attempt, d.token, d.lease_until, d.ended_at,
        coalesce(c.may_have_left, false) or d.state in ('sent', 'unknown') as left_before,
        case
          when d.state in ('sent', 'failed', 'skipped', 'unknown') and not (${commandable}) then 'ended'
          when d.state in ('sent', 'unknown') and g.barred is not null and g.hold is distinct from 'paused' then 'ended'
          when d.state = 'skipped' and d.reason = g.barred then 'ended'
          when d.state = 'deferred' and not ${fromWaiting}::boolean then 'deferred'
          when d.state <> 'deferred' and d.lease_until > now() and d.token = ${token}::uuid then 'own'
          when d.state <> 'deferred' and d.lease_until > now() then 'alive'
          when d.state = 'sending' then 'unknown'
          when g.hold = 'paused' then 'paused'
          when g.barred is null then 'take'
          when d.state in ('failed', 'skipped') then g.barred
          when g.may_have_left or d.may_have_left or coalesce(c.may_have_left, false)
            or (d.state = 'claimed' and d.token is not null and g.resends) then 'unknown'
          when g.barred <> 'expired' then g.barred
          -- Tried before: a claim left behind counts as a try that never came to sending.
          when d.state = 'deferred' or d.attempt > (d.token is not null)::integer then 'exhausted'
          else 'expired'
        end as verdict
      from given g
      -- One look-up by key for each, whatever Postgres thinks of a partition that nobody has analysed yet: it takes the
      -- month for selective then, and reads all of the month's rows.
      cross join lateral (
        select * from deliveries where notification_id = g.notification_id and month = ${month}::date limit 1
      ) d
      left join delivery_commands c on c.notification_id = g.notification_id
    ),
    changed as (
      update deliveries d set
        state = case e.verdict
          when 'own' then d.state when 'take' then 'claimed' when 'unknown' then 'unknown' when 'exhausted' then 'failed'
          else 'skipped' end,
        reason = case e.verdict
          when 'own' then '' when 'take' then '' when 'unknown' then 'no_answer' when 'exhausted' then 'retries_exhausted'
          else e.verdict end,
        detail = case e.verdict
          when 'own' then '' when 'take' then '' when 'unknown' then 'the dispatcher ended before it had the answer'
          else case when ${endedBefore} then '' else d.detail end end,
        attempt = d.attempt + case e.verdict when 'take' then 1 else 0 end,
        may_have_left = d.may_have_left or e.verdict = 'take'
          and (g.may_have_left or e.left_before or (d.state = 'claimed' and d.token is not null and g.resends)),
        token = case when e.verdict in ('own', 'take') then ${token}::uuid end,
        lease_until = case when e.verdict in ('own', 'take') then now() + make_interval(secs => ${leaseSeconds}) end,
        claimed_at = case e.verdict when 'take' then now() else d.claimed_at end,
        ended_at = case when e.verdict in ('own', 'take') then null else now() end,
        stage = 'dispatcher',
        address = g.address,
        -- By a command it may come with another version and other times.
        template_version = case when ${endedBefore} then g.template_version else d.template_version end,
        enriched_at = case when ${endedBefore} then to_timestamp(g.enriched_at / 1000) else d.enriched_at end,
        rendered_at = case when ${endedBefore} then to_timestamp(g.rendered_at / 1000) else d.rendered_at end,
        rendered_partition = g.rendered_partition,
        rendered_offset = g.rendered_offset
      from existing e
      join given g using (notification_id)
      where d.notification_id = e.notification_id and d.month = ${month}::date
        and e.verdict not in ('ended', 'deferred', 'alive', 'paused')
        -- Somebody may have been quicker between the reading above and here: then the row is another one by now.
        and d.state = e.state and d.attempt = e.attempt
        and d.token is not distinct from e.token and d.lease_until is not distinct from e.lease_until
      returning d.notification_id, d.request_id, d.chunk_id, d.priority, d.is_test, d.state, d.reason, d.detail, d.stage,
        d.attempt, d.ended_at, d.may_have_left, e.state as old_state, e.reason as old_reason, e.verdict, e.left_before,
        ${endedBefore} as by_command
    ),
    inserted as (
      insert into deliveries (month, notification_id, request_id, chunk_id, user_id, channel, address, template_id,
        template_version, priority, state, reason, attempt, token, lease_until, requested_at, planned_at, enriched_at,
        rendered_at, claimed_at, ended_at, rendered_partition, rendered_offset, is_test)
      select ${month}::date, notification_id, request_id, chunk_id, user_id, channel, address, template_id,
        template_version, priority,
        case when barred is null then 'claimed' else 'skipped' end,
        coalesce(barred, ''),
        case when barred is null then 1 else 0 end,
        case when barred is null then ${token}::uuid end,
        case when barred is null then now() + make_interval(secs => ${leaseSeconds}) end,
        to_timestamp(requested_at / 1000), to_timestamp(planned_at / 1000), to_timestamp(enriched_at / 1000),
        to_timestamp(rendered_at / 1000),
        case when barred is null then now() end,
        case when barred is not null then now() end,
        rendered_partition, rendered_offset, is_test
      from given g
      where hold is distinct from 'paused'
        and not exists (select from existing e where e.notification_id = g.notification_id)
      order by notification_id
      on conflict do nothing
      returning notification_id, request_id, chunk_id, priority, is_test, state, reason, detail, stage, attempt, ended_at
    ),
    counted as (
      insert into counters (request_id, chunk_id, state, reason, count)
      select request_id, chunk_id, state, reason, sum(n)
      from (
        select request_id, chunk_id, state, reason, 1 as n from inserted where ended_at is not null
        union all
        select request_id, chunk_id, state, reason, 1 from changed where ended_at is not null
        union all
        select request_id, chunk_id, old_state, old_reason, -1 from changed where old_state = 'deferred' or by_command
      ) moves
      group by request_id, chunk_id, state, reason
      order by request_id, chunk_id, state, reason
      on conflict (request_id, chunk_id, state, reason) do update set count = counters.count + excluded.count
    ),
    ended as (
      select priority, state, reason, is_test from inserted where ended_at is not null
      union all
      select priority, state, reason, is_test from changed where ended_at is not null
    ),
    minuted as (${addMinutes(worker)}),
    answered as (
      update delivery_commands c set taken_at = now(), needs_record = false, answer = a.answer,
        may_have_left = c.may_have_left or a.left_before
      from (
        select notification_id, 'claimed' as answer, false as left_before from inserted
        union all
        select notification_id, case verdict when 'take' then 'claimed' else verdict end, left_before from changed
        where verdict <> 'own'
        union all
        -- It has its end, and no command can change that.
        select notification_id, case when state = 'sent' then 'sent' else 'barred' end, left_before from existing
        where verdict = 'ended'
      ) a
      where c.notification_id = a.notification_id and c.taken_at is null
    )
    select g.notification_id,
      case
        when coalesce(i.state, c.state) in ('claimed', 'sending') then 'claimed'
        when coalesce(i.state, c.state) is not null then 'ended'
        when e.verdict in ('ended', 'alive', 'deferred', 'paused') then e.verdict
        when e.verdict is null and g.hold = 'paused' then 'paused'
        else 'contended'
      end as verdict,
      coalesce(i.state, c.state, e.state) as state,
      coalesce(i.reason, c.reason, e.reason) as reason,
      nullif(coalesce(i.detail, c.detail, e.detail), '') as detail,
      coalesce(i.stage, c.stage, e.stage) as stage,
      coalesce(i.attempt, c.attempt, e.attempt) as attempt,
      extract(epoch from coalesce(i.ended_at, c.ended_at, e.ended_at))::double precision * 1000 as ended_at_ms,
      coalesce(i.ended_at, c.ended_at) is not null as is_new_end,
      case when e.verdict = 'alive'
        then extract(epoch from e.lease_until - now())::double precision * 1000 end as lease_left_ms,
      g.hold, g.hold_id,
      coalesce(c.may_have_left, false) as may_have_left
    from given g
    left join inserted i using (notification_id)
    left join changed c using (notification_id)
    left join existing e using (notification_id)
  `.execute(db);
  return result.rows;
}
