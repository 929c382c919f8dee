// The table `erased_people`, read: ids and addresses of people whom `posthorn erase` has taken out, as keyed hashes. Nothing goes
// to such an id, and to such an address nothing that had been refused for it.
import { sql } from 'kysely';
import { readAddress } from '../../content/address.ts';
import type { Channel } from '../../domain/ids.ts';
import { keyedHash } from '../../domain/keyed-hash.ts';
import { type Db, withDatabase } from '../../lib/db/database.ts';
import type { UnusableUser, User } from '../../lib/user-service.ts';
import { type ErasedScopes, toErasedKey } from './enrich.ts';

export interface Erased {
  /** False as long as nobody was ever erased: then no hash is made. @throws DependencyError('postgres') */
  isAny(): Promise<boolean>;
  /**
   * One statement.
   * @returns keys of `toErasedKey` with what is not sent
   * @throws DependencyError('postgres')
   */
  find(users: Iterable<User | UnusableUser>): Promise<ErasedScopes>;
}

type Subject = 'person' | Channel;

export const nobodyErased: ErasedScopes = new Map();

export function createErased(db: Db, secret: string): Erased {
  return {
    async isAny() {
      const { rows } = await withDatabase(() => sql`select from erased_people limit 1`.execute(db));
      return rows.length > 0;
    },
    async find(users) {
      const keys = new Map<string, string>();
      const add = (subject: Subject, value: string | undefined) => {
        if (value) keys.set(keyedHash(secret, subject, value).toString('hex'), toErasedKey(subject, value));
      };
      for (const user of users) {
        if ('fault' in user) continue;
        add('person', user.id);
        add('email', readAddress('email', user.email ?? ''));
        add('sms', readAddress('sms', user.phone ?? ''));
      }
      const { rows } = await withDatabase(() =>
        sql<{ hash: string; scope: 'all' | 'promotional' }>`
          select encode(hash, 'hex') as hash, scope from erased_people
          where hash in (select decode(unnest(${[...keys.keys()]}::text[]), 'hex'))`.execute(db),
      );
      return new Map(rows.map(({ hash, scope }) => [keys.get(hash) ?? '', scope]));
    },
  };
}
