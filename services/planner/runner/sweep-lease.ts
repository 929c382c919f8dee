// The lease of a work that one planner at a time does. Whoever does it besides, because a lease ran out unnoticed, does no
// harm: it is repeated in vain.
import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { type Db, withDatabase } from '../../../lib/db/database.ts';

const leaseSeconds = 15;
const renewAfterMs = 5_000;

export interface SweepLease {
  /** Takes it when it is free, and renews it from time to time. @returns whether it is ours */
  hold(): Promise<boolean>;
  /** Gives it back, so that the next one need not wait. */
  release(): Promise<void>;
}

/** @param now milliseconds since 1970 UTC */
export function createSweepLease(db: Db, name: string, now: () => number = Date.now): SweepLease {
  const holder = randomUUID();
  let isOurs = false;
  let askedAtMs = 0;

  return {
    async hold() {
      if (isOurs && Math.abs(now() - askedAtMs) < renewAfterMs) return true;
      const { numAffectedRows } = await withDatabase(() =>
        sql`
          insert into sweep_leases as l (name, holder, lease_until)
          values (${name}, ${holder}, now() + make_interval(secs => ${leaseSeconds}))
          on conflict (name) do update set holder = excluded.holder, lease_until = excluded.lease_until
            where l.holder = excluded.holder or l.lease_until <= now()`.execute(db),
      );
      askedAtMs = now();
      isOurs = numAffectedRows === 1n;
      return isOurs;
    },
    async release() {
      if (!isOurs) return;
      isOurs = false;
      await withDatabase(() => sql`delete from sweep_leases where name = ${name} and holder = ${holder}`.execute(db));
    },
  };
}
