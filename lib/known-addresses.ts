// Whose an address was, where no row of the ledger carries it: of people who end before the dispatcher claims their message. By
// keyed hash (domain/keyed-hash.ts), one row a person and address however often they end so. Enricher and renderer add to
// it, the search of the admin pages reads it (docs/decisions/0013-addresses-of-the-early-ended.md).
import { sql } from 'kysely';
import type { Channel } from '../domain/ids.ts';
import { keyedHash } from '../domain/keyed-hash.ts';
import { type Db, withDatabase } from './db/database.ts';

export interface KnownAddress {
  channel: Channel;
  userId: string;
  /** As content/address.ts reads it; what it cannot read as it is, without blanks around it. */
  address: string;
}

/**
 * One statement, none for nobody. Who was erased is not written down again, whatever records are still on their way.
 * @throws DependencyError('postgres')
 */
export async function rememberAddresses(db: Db, secret: string, known: readonly KnownAddress[]): Promise<void> {
  if (known.length === 0) return;
  const rows = new Map<string, KnownAddress & { hash: string }>();
  for (const one of known) {
    const hash = keyedHash(secret, one.channel, one.address).toString('hex');
    rows.set(`${hash} ${one.userId}`, { ...one, hash });
  }
  // In the order of the key: two processes that write the same rows wait for each other, and never both.
  const sorted = [...rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
  await withDatabase(() =>
    sql`
      insert into known_addresses as k (hash, user_id, channel)
      select decode(g.hash, 'hex'), g.user_id, g.channel
      from unnest(
        ${sorted.map(({ hash }) => hash)}::text[],
        ${sorted.map(({ userId }) => userId)}::text[],
        ${sorted.map(({ channel }) => channel)}::text[],
        ${sorted.map(({ userId }) => keyedHash(secret, 'person', userId).toString('hex'))}::text[]
      ) as g(hash, user_id, channel, person)
      where not exists (select from erased_people e where e.hash = decode(g.person, 'hex'))
      -- Once a day is enough to know what is old.
      on conflict (hash, user_id) do update set seen_at = now() where k.seen_at < now() - interval '1 day'`.execute(db),
  );
}

/** At most so many people of one address, those seen last. */
const maxPeople = 50;

/** @throws DependencyError('postgres') */
export async function findPeopleByHash(db: Db, secret: string, channel: Channel, address: string): Promise<string[]> {
  const { rows } = await withDatabase(() =>
    sql<{ userId: string }>`
      select user_id as "userId" from known_addresses where hash = ${keyedHash(secret, channel, address)}
      order by seen_at desc limit ${maxPeople}`.execute(db),
  );
  return rows.map(({ userId }) => userId);
}
