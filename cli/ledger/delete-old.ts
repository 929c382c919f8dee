// Deletes what read-aged.ts found, beside the running system: in small batches, and no lock is waited for that others
// would queue behind. Ended half-way, it is simply run again.
import { setTimeout as delay } from 'node:timers/promises';
import { type RawBuilder, sql } from 'kysely';
import type { Db } from '../../lib/db/database.ts';
import { PosthornError } from '../../lib/errors.ts';
import type { Call } from '../command.ts';
import { type Aged, isAged, isMailing } from './read-aged.ts';

const batchCount = 2_000;

/** @returns how many rows of each table; `months` are tables */
export async function deleteOld(db: Db, aged: Aged, print: Call['print']): Promise<Record<string, number>> {
  const { boundary, keptMonths } = aged;
  const of = (column: string) => isAged(sql.ref(column), aged);
  const counts: Record<string, number> = {};
  const take = async (name: string, statement: RawBuilder<{ count: number }>): Promise<void> => {
    const count = await inBatches(db, statement);
    if (count > 0) counts[name] = count;
  };
  const takeRows = (name: string, deletion: RawBuilder<unknown>): Promise<void> =>
    take(name, sql`with gone as (${deletion} returning 1) select count(*)::int as count from gone`);
  await take('requests', deleteRequests(of('requested_at')));
  const mailings = await stripMailings(db, of('requested_at'));
  if (mailings > 0) counts.mailings_stripped = mailings;
  // The ledger goes last: as long as a request is known, so is who got it.
  await take(
    'deliveries_of_other_months',
    sql`with old as (select ctid from deliveries_rest where month < ${boundary}::date and month <> all(${keptMonths}::date[])
          limit ${batchCount}),
        gone as (delete from deliveries_rest d using old where d.ctid = old.ctid returning 1)
        select count(*)::int as count from gone`,
  );
  const months = aged.months.filter(({ keptFor }) => keptFor === undefined);
  for (const { name, size } of months) {
    await dropMonth(db, name);
    print(`dropped ${name} (${size})`);
  }
  if (months.length > 0) counts.months = months.length;
  await takeRows(
    'accepted',
    sql`delete from accepted where request_id in
          (select request_id from accepted where ${of('accepted_at')} limit ${batchCount})`,
  );
  await takeRows(
    'reports',
    sql`delete from feedback where feedback_id in
          (select feedback_id from feedback where ${of('received_at')} limit ${batchCount})`,
  );
  await takeRows(
    'commands',
    sql`delete from delivery_commands where notification_id in
          (select notification_id from delivery_commands where ${of('requested_at')} limit ${batchCount})`,
  );
  await takeRows(
    'dead_letter_actions',
    sql`delete from dead_letter_actions where (topic, partition, record_offset) in
          (select topic, partition, record_offset from dead_letter_actions where ${of('requested_at')} limit ${batchCount})`,
  );
  await takeRows(
    'test_sends',
    sql`delete from test_sends where request_id in
          (select request_id from test_sends where ${of('created_at')} limit ${batchCount})`,
  );
  await takeRows(
    'known_addresses',
    sql`delete from known_addresses where (hash, user_id) in
          (select hash, user_id from known_addresses where ${of('seen_at')} limit ${batchCount})`,
  );
  await takeRows(
    'sessions',
    sql`delete from admin_sessions where token_hash in
          (select token_hash from admin_sessions where expires_at < now() limit ${batchCount})`,
  );
  return counts;
}

async function inBatches(db: Db, statement: RawBuilder<{ count: number }>): Promise<number> {
  for (let total = 0; ; ) {
    const { rows } = await statement.execute(db);
    const count = rows[0]?.count ?? 0;
    total += count;
    if (count === 0) return total;
  }
}

/** A request with all that hangs on it in one statement: what a crash leaves is whole. */
function deleteRequests(isOld: RawBuilder<unknown>): RawBuilder<{ count: number }> {
  return sql`
    with old as (select request_id from requests where ${isOld} and not ${isMailing} limit ${batchCount}),
    cut as (delete from chunks c using old where c.request_id = old.request_id),
    counted as (delete from counters c using old where c.request_id = old.request_id),
    held as (delete from holds h using old where h.request_id = old.request_id),
    gone as (delete from requests r using old where r.request_id = old.request_id returning 1)
    select count(*)::int as count from gone`;
}

const noChunk = '00000000-0000-0000-0000-000000000000';

/** A mailing keeps its numbers, summed up; its people go. One at a time: a large one has thousands of chunks. */
async function stripMailings(db: Db, isOld: RawBuilder<unknown>): Promise<number> {
  for (let total = 0; ; total++) {
    const { rows } = await sql`
      with old as (
        select request_id from requests r where ${isOld} and ${isMailing}
          and (user_ids <> '{}' or exists (select from chunks c where c.request_id = r.request_id))
        limit 1
      ),
      stripped as (update requests r set user_ids = '{}' from old where r.request_id = old.request_id),
      cut as (delete from chunks c using old where c.request_id = old.request_id),
      counted as (
        delete from counters c using old where c.request_id = old.request_id and c.chunk_id <> ${noChunk}
        returning c.request_id, c.state, c.reason, c.count
      ),
      summed as (
        insert into counters (request_id, chunk_id, state, reason, count)
        select request_id, ${noChunk}, state, reason, sum(count) from counted group by request_id, state, reason
        having sum(count) <> 0
        on conflict (request_id, chunk_id, state, reason) do update set count = counters.count + excluded.count
      )
      select request_id from old`.execute(db);
    if (rows.length === 0) return total;
  }
}

const tries = 10;

/**
 * Dropping wants the whole ledger for a moment. Whoever waits for that lock has all others queue behind: so the wait is
 * short, and tried again.
 * @throws PosthornError busy
 */
async function dropMonth(db: Db, name: string): Promise<void> {
  for (let tried = 1; ; tried++) {
    try {
      await db.transaction().execute(async (transaction) => {
        await sql`set local lock_timeout = '1s'`.execute(transaction);
        await sql`drop table ${sql.id(name)}`.execute(transaction);
      });
      return;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === '55P03')) throw error;
      if (tried === tries) {
        const detail = `${name} is in use by somebody for long; nothing is lost, run this again`;
        throw new PosthornError('busy', detail, { cause: error });
      }
      await delay(500);
    }
  }
}
