// Sees to it that nothing more is sent to a person: what is planned gets its end in the ledger, which lets nobody through
// twice, whatever records are still on their way. The numbers of every request go on balancing.
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'kysely';
import { type Channel, chunkId, notificationId } from '../../domain/ids.ts';
import { type Db, toMonth } from '../../lib/db/database.ts';
import { PosthornError } from '../../lib/errors.ts';
import { addMinutes } from '../../services/dispatcher/ledger/minutes.ts';
import type { Call } from '../command.ts';
import type { Person } from '../person/find-person.ts';
import { isOwnRequest, isTheirs } from '../person/places.ts';
import { type ChunkHit, findChunks, findRequests } from '../person/scan.ts';

/**
 * First the values of what is for this person alone, as long as that can be told; then what is not planned yet, so that no
 * chunk comes behind our back; then the chunks.
 */
export async function stopPlanning(db: Db, person: Person, erasedId: string): Promise<void> {
  const { userId } = person;
  // Without its hash, the planner knows a request by its id alone (planner-stage.ts).
  await sql`update requests set context = '{}', body_hash = '' where ${isOwnRequest(person)}`.execute(db);
  await sql`update mailings set context = '{}' where mailing_id = any(${person.ownMailingIds}::uuid[])`.execute(db);
  await sql`
    with gone as (delete from mailing_people where user_id = ${userId} returning mailing_id)
    update mailings m set people_count = m.people_count - 1 from gone where m.mailing_id = gone.mailing_id`.execute(db);
  for await (const requestId of findRequests(db, userId)) await takeOutOfRequest(db, requestId, userId, erasedId);
  for await (const hit of findChunks(db, userId)) await endInChunk(db, hit, userId, erasedId);
}

/**
 * What is still to be planned goes on with an id that the user service does not know: it ends as skipped(unknown_user), and is
 * counted.
 */
async function takeOutOfRequest(db: Db, requestId: string, userId: string, erasedId: string): Promise<void> {
  await sql`
    update requests set
      user_ids = array_replace(user_ids, ${userId}, case when planning_complete then ${erasedId} else ${`gone:${randomUUID()}`} end)
    where request_id = ${requestId}`.execute(db);
}

interface Asked {
  channel: Channel | null;
  requested_at: Date;
}

/**
 * One statement: an end for whoever has none, and the id out of the chunk. A record of theirs that comes to the dispatcher
 * later meets that end; the planner passes over erased ids, so nothing comes a second time.
 */
async function endInChunk(db: Db, { requestId, sequence }: ChunkHit, userId: string, erasedId: string): Promise<void> {
  const { rows } = await sql<Asked>`select channel, requested_at from requests where request_id = ${requestId}`.execute(
    db,
  );
  const request = rows[0];
  const channel = request?.channel ?? 'email';
  const month = toMonth(request?.requested_at.getTime() ?? 0);
  await sql`
    with written as (
      insert into deliveries (month, notification_id, request_id, chunk_id, user_id, channel, template_id,
        template_version, priority, state, reason, stage, requested_at, ended_at, is_test)
      select ${month}::date, ${notificationId(requestId, userId, channel)}, r.request_id, ${chunkId(requestId, sequence)},
        ${userId}, ${channel}, r.template_id, r.template_version, r.priority, 'skipped', 'cancelled', 'planner',
        r.requested_at, now(), r.test_address is not null
      from requests r where r.request_id = ${requestId} and r.template_version is not null
      on conflict (notification_id, month) do nothing
      returning request_id, chunk_id, priority, state, reason, is_test
    ),
    counted as (
      insert into counters (request_id, chunk_id, state, reason, count)
      select request_id, chunk_id, state, reason, 1 from written
      on conflict (request_id, chunk_id, state, reason) do update set count = counters.count + 1
    ),
    ended as (select priority, state, reason, is_test from written),
    minuted as (${addMinutes(randomUUID())})
    update chunks set user_ids = array_replace(user_ids, ${userId}, ${erasedId})
    where request_id = ${requestId} and sequence = ${sequence}`.execute(db);
}

/** Longer than a lease: what a dispatcher has in hand is sent, given back or left behind by then. */
const patienceMs = 75_000;
/** What waits is due at once, so that a dispatcher tells of its end; so long one has time for it. */
const tellMs = 10_000;

/** @throws PosthornError busy while something is being sent for longer than a lease */
export async function stopSending(db: Db, person: Person, print: Call['print']): Promise<{ untoldCount: number }> {
  const beganAt = performance.now();
  for (let said = false; ; said = true) {
    await endOpen(db, person);
    const openCount = await countRows(db, person, 'open');
    if (openCount === 0) break;
    if (performance.now() - beganAt > patienceMs) {
      throw new PosthornError(
        'busy',
        `${openCount} messages to this person are being sent; run this again in a minute`,
      );
    }
    if (!said) print(`waiting for ${openCount} messages that are being sent at this moment …`);
    await delay(1_000);
  }
  const endedAt = performance.now();
  while ((await countRows(db, person, 'waiting')) > 0 && performance.now() - endedAt < tellMs) await delay(500);
  const { rows } = await sql`
    delete from waiting where notification_id in (select notification_id from deliveries d where ${isTheirs(person)})
    returning 1`.execute(db);
  return { untoldCount: rows.length };
}

async function countRows(db: Db, person: Person, what: 'open' | 'waiting'): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from deliveries d left join waiting w using (notification_id)
    where ${isTheirs(person)}
      and ${what === 'open' ? sql`state in ('claimed', 'sending', 'deferred')` : sql`w.notification_id is not null`}
  `.execute(db);
  return rows[0]?.count ?? 0;
}

/**
 * Ends what has no end, but for claims that are alive: a body of theirs may be leaving. What may have left in an earlier try
 * is unknown, never skipped; the rules are those of the dispatcher's claim.
 */
async function endOpen(db: Db, person: Person): Promise<void> {
  await sql`
    with open as (
      select d.notification_id, d.month, d.state, d.reason,
        d.state = 'sending' or d.may_have_left or coalesce(w.reason = 'no_answer', false)
          or (d.state = 'claimed' and d.token is not null and r.on_no_answer is distinct from 'park') as may_have_left
      from deliveries d
      left join waiting w on w.notification_id = d.notification_id
      left join requests r on r.request_id = d.request_id
      where ${isTheirs(person)} and d.state in ('claimed', 'sending', 'deferred')
        and (d.state = 'deferred' or d.lease_until is null or d.lease_until <= now())
      for update of d
    ),
    changed as (
      update deliveries d set state = case when o.may_have_left then 'unknown' else 'skipped' end,
        reason = case when o.may_have_left then 'no_answer' else 'cancelled' end, token = null, lease_until = null,
        ended_at = now()
      from open o where d.notification_id = o.notification_id and d.month = o.month
      returning d.notification_id, d.request_id, d.chunk_id, d.priority, d.is_test, d.state, d.reason,
        o.state as old_state, o.reason as old_reason
    ),
    counted as (
      insert into counters (request_id, chunk_id, state, reason, count)
      select request_id, chunk_id, state, reason, sum(n) from (
        select request_id, chunk_id, state, reason, 1 as n from changed
        union all
        select request_id, chunk_id, old_state, old_reason, -1 from changed where old_state = 'deferred'
      ) moves
      group by request_id, chunk_id, state, reason order by request_id, chunk_id, state, reason
      on conflict (request_id, chunk_id, state, reason) do update set count = counters.count + excluded.count
    ),
    ended as (select priority, state, reason, is_test from changed),
    minuted as (${addMinutes(randomUUID())})
    update waiting w set due_at = now(), resume_at = null, hold_id = null from changed c where w.notification_id = c.notification_id
  `.execute(db);
}
