// Lifts a hold: what it kept back goes on. The planner publishes again what passed meanwhile (sending_holds.resumed_at).
import { sql } from 'kysely';
import { describeTarget, type HoldScope, type HoldTarget, liftedByEnd } from '../../domain/holds.ts';
import { isUuid } from '../../domain/ids.ts';
import { type Db, withDatabase } from '../db/database.ts';
import { liftPauses } from './lift-pause.ts';

/**
 * The lift and its line in the audit log, in one transaction.
 * @param id of a shared hold its number; of a request's hold the request id
 * @returns what may be sent again; undefined when no such hold is in force (a second lift finds nothing to do)
 * @throws DependencyError('postgres')
 */
export async function liftHold(db: Db, id: string, who: string): Promise<HoldTarget | undefined> {
  return withDatabase(() =>
    db.transaction().execute(async (transaction) => {
      const lifted = await takeAway(transaction, id, who);
      if (lifted) await writeLifted(transaction, lifted, who);
      return lifted;
    }),
  );
}

async function takeAway(db: Db, id: string, who: string): Promise<HoldTarget | undefined> {
  if (isUuid(id)) {
    const [lifted] = await liftPauses(db, sql`h.request_id = ${id}`);
    return lifted === undefined ? undefined : { scope: 'request', subject: id };
  }
  if (!/^\d{1,9}$/.test(id)) return undefined;
  const { rows } = await sql<HoldTarget>`
    update sending_holds set lifted_at = now(), lifted_by = ${who}
    where hold_id = ${Number(id)} and lifted_at is null returning scope, subject`.execute(db);
  return rows[0];
}

/** @returns whether there is any hold whose end has come */
export const isAnyHoldOver = sql<boolean>`(
  exists (select from sending_holds where lifted_at is null and ends_at <= now())
  or exists (select from holds where state = 'paused' and ends_at <= now()))`;

/** Lifts every hold whose end has come. @returns what may be sent again */
export async function liftEndedHolds(db: Db): Promise<HoldTarget[]> {
  return withDatabase(() =>
    db.transaction().execute(async (transaction) => {
      const { rows: shared } = await sql<HoldTarget>`
        update sending_holds set lifted_at = now(), lifted_by = ${liftedByEnd}
        where lifted_at is null and ends_at <= now() returning scope, subject`.execute(transaction);
      const requests = await liftPauses(transaction, sql`h.ends_at <= now()`);
      const lifted = [...shared, ...requests.map((subject) => ({ scope: 'request' as HoldScope, subject }))];
      for (const target of lifted) await writeLifted(transaction, target, liftedByEnd);
      return lifted;
    }),
  );
}

async function writeLifted(db: Db, target: HoldTarget, who: string): Promise<void> {
  const { scope, subject } = target;
  await db
    .insertInto('audit')
    .values({
      who,
      action: 'hold.lifted',
      subject: `${scope} ${subject}`.trim(),
      detail: JSON.stringify({ what: describeTarget(target) }),
    })
    .execute();
}
