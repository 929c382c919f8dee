// Whether a person is written to at all: unsubscribed, or an address of theirs suppressed. Support changes both by hand.
import { sql } from 'kysely';
import type { Channel } from '../../../domain/ids.ts';
import { keyedHash } from '../../../domain/keyed-hash.ts';
import { type Db, withDatabase } from '../../../lib/db/database.ts';

export interface UnsubscribedRow {
  channel: Channel;
  source: 'page' | 'one_click' | 'admin';
  created_at: Date;
}

export async function findUnsubscribed(db: Db, userId: string): Promise<UnsubscribedRow[]> {
  const { rows } = await withDatabase(() =>
    sql<UnsubscribedRow>`select channel, source, created_at from unsubscribes where user_id = ${userId}`.execute(db),
  );
  return rows;
}

export interface ErasedRow {
  subject: 'person' | Channel;
  /** In small letters; of a person the id. */
  address: string;
  scope: 'all' | 'promotional';
  erased_at: Date;
}

/** What is kept of erased people, of this id and these addresses. */
export async function findErased(
  db: Db,
  secret: string,
  userId: string,
  addresses: readonly { channel: Channel; address: string }[],
): Promise<ErasedRow[]> {
  const asked = new Map<string, string>([[keyedHash(secret, 'person', userId).toString('hex'), userId]]);
  for (const { channel, address } of addresses) {
    asked.set(keyedHash(secret, channel, address).toString('hex'), address.toLowerCase());
  }
  const { rows } = await withDatabase(() =>
    sql<Omit<ErasedRow, 'address'> & { hash: string }>`
      select encode(hash, 'hex') as hash, subject, scope, erased_at from erased_people
      where hash in (select decode(unnest(${[...asked.keys()]}::text[]), 'hex'))`.execute(db),
  );
  return rows.map(({ hash, ...row }) => ({ ...row, address: asked.get(hash) ?? '' }));
}

/** The first time stands. @returns false when it was so already */
export async function unsubscribe(db: Db, userId: string, channel: Channel): Promise<boolean> {
  const { rows } = await withDatabase(() =>
    sql`insert into unsubscribes (user_id, channel, source) values (${userId}, ${channel}, 'admin')
        on conflict (user_id, channel) do nothing returning user_id`.execute(db),
  );
  return rows.length > 0;
}

/** @returns false when it was so already */
export async function subscribeAgain(db: Db, userId: string, channel: Channel): Promise<boolean> {
  const { rows } = await withDatabase(() =>
    sql`delete from unsubscribes where user_id = ${userId} and channel = ${channel} returning user_id`.execute(db),
  );
  return rows.length > 0;
}
