// The table `unsubscribes`, read: who of some people ended promotional messages. Ingest and the admin pages write it.
import { sql } from 'kysely';
import type { Channel } from '../../domain/ids.ts';
import { type Db, withDatabase } from '../../lib/db/database.ts';
import { toSubscriptionKey } from './enrich.ts';

export interface Unsubscribes {
  /**
   * One statement, none for nobody.
   * @returns keys of `toSubscriptionKey`, of every channel
   * @throws DependencyError('postgres')
   */
  find(userIds: readonly string[]): Promise<ReadonlySet<string>>;
}

export function createUnsubscribes(db: Db): Unsubscribes {
  return {
    async find(userIds) {
      if (userIds.length === 0) return new Set();
      const { rows } = await withDatabase(() =>
        sql<{ user_id: string; channel: Channel }>`
          select user_id, channel from unsubscribes where user_id = any(${[...userIds]}::text[])`.execute(db),
      );
      return new Set(rows.map((row) => toSubscriptionKey(row.channel, row.user_id)));
    },
  };
}
