// What is known of a person, counted. Read only.
import { type RawBuilder, sql } from 'kysely';
import type { Db } from '../../lib/db/database.ts';
import { findChunks, findRequests } from './scan.ts';

export interface Found {
  deliveries: number;
  open: number;
  waiting: number;
  chunks: number;
  requests: number;
  mailing_people: number;
  unsubscribes: number;
  suppressions: number;
  feedback: number;
  test_sends: number;
  replays: number;
  audit: number;
}

/** Addresses that were written to in their name alone; a test-send goes to somebody else. */
export const ownAddresses = (userId: string) => sql`
  select distinct channel, lower(address) as address from deliveries d
  where user_id = ${userId} and address is not null and not is_test
    and not exists (select from deliveries o
      where lower(o.address) = lower(d.address) and o.address is not null and o.user_id <> d.user_id and not o.is_test)`;

export const ownReports = (userId: string) => sql`
  notification_id in (select notification_id from deliveries where user_id = ${userId})
  or (notification_id is null and (channel, lower(address)) in (${ownAddresses(userId)}))`;

export const isAuditOf = (userId: string) => sql`
  (subject = ${`person ${userId}`} or detail->>'person' = ${userId}
    or subject in (select 'address ' || address from (${ownAddresses(userId)}) own))`;

export async function findPerson(db: Db, userId: string): Promise<Found> {
  const countOf = async (from: RawBuilder<unknown>): Promise<number> => {
    const { rows } = await sql<{ count: number }>`select count(*)::int as count from ${from}`.execute(db);
    return rows[0]?.count ?? 0;
  };
  return {
    deliveries: await countOf(sql`deliveries where user_id = ${userId}`),
    open: await countOf(sql`deliveries where user_id = ${userId} and state in ('claimed', 'sending', 'deferred')`),
    waiting: await countOf(sql`waiting where notification_id in
      (select notification_id from deliveries where user_id = ${userId})`),
    chunks: await lengthOf(findChunks(db, userId)),
    requests: await lengthOf(findRequests(db, userId)),
    mailing_people: await countOf(sql`mailing_people where user_id = ${userId}`),
    unsubscribes: await countOf(sql`unsubscribes where user_id = ${userId}`),
    suppressions: await countOf(sql`suppressions where (channel, address) in (${ownAddresses(userId)})`),
    feedback: await countOf(sql`feedback where ${ownReports(userId)}`),
    test_sends: await countOf(sql`test_sends where user_id = ${userId}`),
    replays: await countOf(sql`replays where filter->>'user_id' = ${userId}`),
    audit: await countOf(sql`audit where ${isAuditOf(userId)}`),
  };
}

async function lengthOf(hits: AsyncIterable<unknown>): Promise<number> {
  let count = 0;
  for await (const _ of hits) count += 1;
  return count;
}
