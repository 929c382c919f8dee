// The table `unsubscribes`, as the person behind a link changes it. The enricher reads it, and every claim before sending.
import { sql } from 'kysely';
import type { Subscription } from '../../content/unsubscribe.ts';
import { type Db, withDatabase } from '../../lib/db/database.ts';

export interface UnsubscribeStore {
  has(subscription: Subscription): Promise<boolean>;
  /** @param requestId of the message whose link it was, where that is known */
  add(subscription: Subscription, source: 'page' | 'one_click', requestId: string | undefined): Promise<void>;
  remove(subscription: Subscription): Promise<void>;
}

/** All of them throw DependencyError('postgres'). */
export function createUnsubscribeStore(db: Db): UnsubscribeStore {
  return {
    async has({ userId, channel }) {
      const { rows } = await withDatabase(() =>
        sql`select 1 from unsubscribes where user_id = ${userId} and channel = ${channel}`.execute(db),
      );
      return rows.length > 0;
    },
    // The first time stands: mail programs repeat a click.
    async add({ userId, channel }, source, requestId) {
      await withDatabase(() =>
        sql`insert into unsubscribes (user_id, channel, source, request_id)
            values (${userId}, ${channel}, ${source}, ${requestId ?? null})
            on conflict (user_id, channel) do nothing`.execute(db),
      );
    },
    async remove({ userId, channel }) {
      await withDatabase(() =>
        sql`delete from unsubscribes where user_id = ${userId} and channel = ${channel}`.execute(db),
      );
    },
  };
}
