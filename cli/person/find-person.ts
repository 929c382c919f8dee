// Who a person is in the database: their addresses, and the requests and chunks that name them. Read only.
import { sql } from 'kysely';
import { readAddress } from '../../content/address.ts';
import { type Channel, isErasedId } from '../../domain/ids.ts';
import type { Db } from '../../lib/db/database.ts';
import { erasedWord, type Name } from './names.ts';
import { type ChunkHit, findChunks, findRequests } from './scan.ts';

export interface Person {
  userId: string;
  /** In small letters; those that were written to in their name alone. A test-send goes to somebody else. */
  addresses: { channel: Channel; address: string }[];
  /** Their id, their addresses, and what else they are called. */
  names: Name[];
  chunks: ChunkHit[];
  /** That name them. */
  requestIds: string[];
  /** Of these, what is for nobody else: its values and its hash speak of them. */
  ownRequestIds: string[];
  /** Mailings whose people are they alone. */
  ownMailingIds: string[];
}

/**
 * @param also what else they are called: earlier addresses, numbers, a full name
 * @param erasedId what stands for their id afterwards
 */
export async function findPerson(
  db: Db,
  userId: string,
  { also = [], erasedId = 'erased' }: { also?: readonly string[]; erasedId?: string } = {},
): Promise<Person> {
  const addresses = await findAddresses(db, userId, also);
  const chunks: ChunkHit[] = [];
  for await (const hit of findChunks(db, userId)) chunks.push(hit);
  const requestIds = new Set(chunks.map(({ requestId }) => requestId));
  // Where an erasure was interrupted, chunks and requests have lost their id already, and deliveries have not.
  const { rows: delivered } = await sql<{ id: string }>`
    select distinct request_id as id from deliveries where user_id = ${userId}`.execute(db);
  for (const { id } of delivered) requestIds.add(id);
  for await (const requestId of findRequests(db, userId)) requestIds.add(requestId);
  const { rows: mailings } = await sql<{ id: string; isOwn: boolean }>`
    select m.mailing_id as id, m.user_categories = '{}' and not exists
      (select from mailing_people o where o.mailing_id = p.mailing_id and o.user_id <> ${userId}) as "isOwn"
    from mailing_people p join mailings m using (mailing_id) where p.user_id = ${userId}`.execute(db);
  const ownMailingIds = mailings.filter(({ isOwn }) => isOwn).map(({ id }) => id);
  const { rows: fromMailings } = await sql<{ id: string }>`
    select request_id as id from requests where people_from = any(${ownMailingIds}::uuid[])`.execute(db);
  for (const { id } of fromMailings) requestIds.add(id);
  return {
    userId,
    addresses,
    names: toNames(userId, erasedId, [...addresses.map(({ address }) => address), ...also]),
    chunks,
    requestIds: [...requestIds],
    ownRequestIds: await findOwn(db, userId, [...requestIds], ownMailingIds),
    ownMailingIds,
  };
}

/** Those of the ledger, and those that are given where nobody else was written to at them. */
async function findAddresses(db: Db, userId: string, also: readonly string[]): Promise<Person['addresses']> {
  const { rows } = await ownAddresses(userId).execute(db);
  const given = also.flatMap((text): Person['addresses'] => {
    const channel: Channel = text.includes('@') ? 'email' : 'sms';
    const address = readAddress(channel, text)?.toLowerCase();
    const isKnown = address === undefined || rows.some((row) => row.channel === channel && row.address === address);
    return isKnown ? [] : [{ channel, address }];
  });
  if (given.length === 0) return rows;
  const { rows: others } = await sql<{ address: string }>`
    select distinct lower(address) as address from deliveries
    where lower(address) = any(${given.map(({ address }) => address)}::text[]) and address is not null
      and user_id <> ${userId} and not is_test`.execute(db);
  const taken = new Set(others.map(({ address }) => address));
  return [...rows, ...given.filter(({ address }) => !taken.has(address))];
}

const ownAddresses = (userId: string) => sql<{ channel: Channel; address: string }>`
  select distinct channel, lower(address) as address from deliveries d
  where user_id = ${userId} and address is not null and not is_test
    and not exists (select from deliveries o
      where lower(o.address) = lower(d.address) and o.address is not null and o.user_id <> d.user_id and not o.is_test)`;

function toNames(userId: string, erasedId: string, others: readonly string[]): Name[] {
  const given = others.map((text) => text.trim()).filter((text) => text !== '' && text !== userId);
  return [
    { kind: 'id', text: userId, replacement: erasedId },
    ...[...new Set(given)].map((text): Name => {
      const isAddress = text.includes('@') || /^\+?\d+$/.test(text);
      return { kind: isAddress ? 'address' : 'other', text, replacement: erasedWord };
    }),
  ];
}

/** Whoever was erased before is nobody else. */
async function findOwn(
  db: Db,
  userId: string,
  requestIds: readonly string[],
  ownMailingIds: readonly string[],
): Promise<string[]> {
  const { rows } = await sql<{ id: string; people: string[] }>`
    select request_id as id, array(
        select unnest(r.user_ids)
        union select unnest(c.user_ids) from chunks c where c.request_id = r.request_id
      ) as people
    from requests r
    where request_id = any(${requestIds as string[]}::uuid[]) and user_categories = '{}'
      and (people_from is null or people_from = any(${ownMailingIds as string[]}::uuid[]))
      and planned <= 1_000`.execute(db);
  const isNobodyElse = (id: string) => id === userId || isErasedId(id) || id.startsWith('gone:');
  return rows.filter(({ people }) => people.every(isNobodyElse)).map(({ id }) => id);
}
