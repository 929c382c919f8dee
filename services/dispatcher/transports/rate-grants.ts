// Turns of a transport's rate limit, given out by Postgres to all dispatcher processes: one statement for a tenth of a
// second of work. The row holds when the next turn begins, by Postgres's clock.
import { sql } from 'kysely';
import type { Channel } from '../../../domain/ids.ts';
import { type Db, withDatabase } from '../../../lib/db/database.ts';

export interface Grant {
  /** 0: none for now. */
  count: number;
  /** Until the first of them may start, or until it is worth asking again. */
  inMs: number;
}

export interface GrantSource {
  /** @param wanted so many turns, `stepMs` apart @throws DependencyError('postgres') */
  grant(wanted: { count: number; stepMs: number; isHigh: boolean }): Promise<Grant>;
}

/** Nobody but high takes turns further ahead than this: so long high waits for the others at most. */
const aheadMs = 100;

export function createGrantSource(db: Db, transport: Channel): GrantSource {
  let isKnown = false;
  return {
    grant: (wanted) =>
      withDatabase(async () => {
        if (!isKnown) {
          await sql`insert into transport_rates (transport) values (${transport}) on conflict do nothing`.execute(db);
          isKnown = true;
        }
        const grant = await takeTurns(db, transport, wanted);
        // The row is gone: it is made anew with the next question.
        if (!grant) isKnown = false;
        return grant ?? { count: 0, inMs: 0 };
      }),
  };
}

/**
 * Turns follow each other without overlapping, whoever asks: the row's lock puts the questions in order, and a time in
 * which nobody asked is lost. While high has turns to come the others get none: when the limit is tight, all of it is
 * high's. (clock_timestamp, not now: it is read when the lock is ours.)
 */
async function takeTurns(
  db: Db,
  transport: Channel,
  { count, stepMs, isHigh }: { count: number; stepMs: number; isHigh: boolean },
): Promise<Grant | undefined> {
  const spanSeconds = (count * stepMs) / 1_000;
  const mayTake = sql`(${isHigh}::boolean or (r.high_until <= clock_timestamp()
    and r.next_at <= clock_timestamp() + make_interval(secs => ${aheadMs / 1_000})))`;
  const { rows } = await sql<{ granted: boolean; in_ms: number }>`
    with taken as (
      update transport_rates r set
        next_at = greatest(r.next_at, clock_timestamp()) + make_interval(secs => ${spanSeconds}),
        high_until = case when ${isHigh}::boolean
          then greatest(r.next_at, clock_timestamp()) + make_interval(secs => ${spanSeconds}) else r.high_until end
      where r.transport = ${transport} and ${mayTake}
      returning r.next_at - make_interval(secs => ${spanSeconds}) as from_at
    )
    select true as granted, extract(epoch from from_at - clock_timestamp())::double precision * 1000 as in_ms from taken
    union all
    select false, extract(epoch from
        greatest(high_until, next_at - make_interval(secs => ${aheadMs / 1_000})) - clock_timestamp()
      )::double precision * 1000
    from transport_rates where transport = ${transport} and not exists (select from taken)
  `.execute(db);
  const row = rows[0];
  return row && { count: row.granted ? count : 0, inMs: Math.max(0, row.in_ms) };
}
