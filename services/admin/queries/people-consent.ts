// Whether a person is written to at all: unsubscribed, or an address of theirs suppressed. Support changes both by hand.
import { sql } from 'kysely';
import type { Channel } from '../../../domain/ids.ts';
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
