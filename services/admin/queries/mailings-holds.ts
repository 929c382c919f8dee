// Paused, resumed, cancelled, released: each is one row that says what is wanted. The dispatcher reads it at every claim,
// the planner before it goes on; what is so follows within two seconds.
import { sql } from 'kysely';
import { type Db, withDatabase } from '../../../lib/db/database.ts';
import { liftPauses } from '../../../lib/holds/lift-pause.ts';

export interface Hold {
  state: 'paused' | 'cancelled';
  changedBy: string;
  changedAt: Date;
}

export async function findHold(db: Db, requestId: string): Promise<Hold | undefined> {
  const { rows } = await withDatabase(() =>
    sql<Hold>`
      select state, changed_by as "changedBy", changed_at as "changedAt" from holds
      where request_id = ${requestId}`.execute(db),
  );
  return rows[0];
}

/** @returns false when it was paused or cancelled already */
export async function pause(db: Db, requestId: string, who: string): Promise<boolean> {
  const { numAffectedRows } = await withDatabase(() =>
    sql`insert into holds (request_id, state, changed_by) values (${requestId}, 'paused', ${who})
        on conflict do nothing`.execute(db),
  );
  return numAffectedRows === 1n;
}

/** @returns false when it was not paused: what is cancelled stays so */
export async function resume(db: Db, requestId: string): Promise<boolean> {
  return (await withDatabase(() => liftPauses(db, sql`h.request_id = ${requestId}`))).length === 1;
}

/** Also what is paused. The first to cancel is who cancelled it. @returns false when it was cancelled already */
export async function cancel(db: Db, requestId: string, who: string): Promise<boolean> {
  const { numAffectedRows } = await withDatabase(() =>
    sql`insert into holds (request_id, state, changed_by) values (${requestId}, 'cancelled', ${who})
        on conflict (request_id) do update
          set state = excluded.state, changed_at = now(), changed_by = excluded.changed_by
          where holds.state <> excluded.state`.execute(db),
  );
  return numAffectedRows === 1n;
}

/** A mailing, or a series whose firing came due while nobody planned, is to go although it is late. */
export async function release(db: Db, mailingId: string): Promise<void> {
  await withDatabase(() => sql`update mailings set released_at = now() where mailing_id = ${mailingId}`.execute(db));
}
