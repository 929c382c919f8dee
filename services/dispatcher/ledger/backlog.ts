// What waits: whose messages, how much, and of which request most.
import { sql } from 'kysely';
import type { Channel } from '../../../domain/ids.ts';
import type { Db } from '../../../lib/db/database.ts';

export interface BacklogView {
  /** Whether anything waits for this channel. */
  isAny: boolean;
  /** Of the people asked about: those to whom a message waits for it. */
  people: ReadonlySet<string>;
}

export async function viewBacklog(
  db: Db,
  priority: string,
  channel: Channel,
  people: readonly string[],
): Promise<BacklogView> {
  const { rows } = await sql<{ is_any: boolean; people: string[] }>`
    select
      exists (
        select from waiting where awaits_channel and priority = ${priority} and channel = ${channel}
      ) as is_any,
      array(
        select user_id from unnest(${[...new Set(people)]}::text[]) as asked(user_id)
        where exists (
          select from waiting w
          where w.awaits_channel and w.priority = ${priority} and w.channel = ${channel} and w.key = asked.user_id
        )
      ) as people
  `.execute(db);
  return { isAny: rows[0]?.is_any ?? false, people: new Set(rows[0]?.people) };
}

/** The request of which most is put off. */
export interface Fullest {
  requestId: string;
  channel: Channel;
  count: number;
  bytes: number;
}

/** @returns of those that are not on hold; undefined when none of them has so many bytes in `waiting` */
export async function findFullest(db: Db, priority: string, leastBytes: number): Promise<Fullest | undefined> {
  const { rows } = await sql<Fullest>`
    select w.request_id as "requestId", min(w.channel) as channel, count(*)::int as count, sum(octet_length(w.value))::double precision as bytes
    from waiting w
    where w.priority = ${priority} and not w.awaits_channel and not exists (select from holds h where h.request_id = w.request_id)
    group by w.request_id having sum(octet_length(w.value)) >= ${leastBytes}
    order by bytes desc limit 1
  `.execute(db);
  return rows[0];
}

/** Of all rows of a lane, whatever they wait for. */
export async function measureWaiting(db: Db, priority: string): Promise<number> {
  const { rows } = await sql<{ bytes: number }>`
    select coalesce(sum(octet_length(value)), 0)::double precision as bytes from waiting where priority = ${priority}
  `.execute(db);
  return rows[0]?.bytes ?? 0;
}
