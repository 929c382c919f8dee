// What waits for its time: whether everybody who is open has one, and how to let that time come.
import { sql } from 'kysely';
import type { World } from './world.ts';

export interface Waiting {
  /** Everybody of these who has no end, and no row that says when they are tried again. */
  undue: string[];
  /** Everybody of these who is due at some time, by notification id: milliseconds since 1970 UTC. */
  dueAtMs: Map<string, number>;
}

export async function readWaiting({ db }: World, ids: readonly string[]): Promise<Waiting> {
  const { rows } = await sql<{ notification_id: string; ended: boolean; due: number | null }>`
    select w.id as notification_id, coalesce(d.ended_at is not null, false) as ended,
      extract(epoch from v.due_at)::double precision * 1000 as due
    from unnest(${ids}::uuid[]) as w(id)
    left join deliveries d on d.notification_id = w.id
    left join waiting v on v.notification_id = w.id`.execute(db);
  const open = rows.filter(({ ended }) => !ended);
  return {
    undue: open.filter(({ due }) => due === null).map((row) => row.notification_id),
    dueAtMs: new Map(open.flatMap(({ notification_id, due }) => (due === null ? [] : [[notification_id, due]]))),
  };
}

const hurryEveryMs = 2_000;

/**
 * Lets the time come for which everybody waits, as long as the work lasts: nobody has to sit through hours of
 * patience.
 * @param fromMs by performance.now(); until then everybody waits as long as they would
 */
export async function letTimeCome<T>({ db }: World, work: Promise<T>, fromMs = performance.now()): Promise<T> {
  const hurry = setInterval(() => {
    if (performance.now() < fromMs) return;
    void sql`update waiting set due_at = clock_timestamp() where due_at > clock_timestamp()`
      .execute(db)
      .catch(() => {});
  }, hurryEveryMs);
  return work.finally(() => clearInterval(hurry));
}
