// Places a hold, for people by page and command, and for the dispatcher's guard.
import { sql } from 'kysely';
import { describeTarget, type HoldTarget } from '../../domain/holds.ts';
import { type Db, withDatabase } from '../db/database.ts';

export interface NewHold extends HoldTarget {
  /** A person's name, `cli:<name>`, or `guard`. */
  author: string;
  /** For people: why. */
  reason: string;
  /** From now; null: until somebody lifts it. */
  endsInMs: number | null;
}

/**
 * The hold and its line in the audit log, in one transaction. A hold that is in force already, or a cancelled request,
 * stays as it is.
 * @returns whether the hold is new
 * @throws DependencyError('postgres')
 */
export async function placeHold(db: Db, hold: NewHold): Promise<boolean> {
  return withDatabase(() =>
    db.transaction().execute(async (transaction) => {
      const isNew = await insertHold(transaction, hold);
      if (isNew) await writePlaced(transaction, hold);
      return isNew;
    }),
  );
}

async function insertHold(db: Db, { scope, subject, author, reason, endsInMs }: NewHold): Promise<boolean> {
  const endsAt = sql`now() + make_interval(secs => ${endsInMs === null ? null : endsInMs / 1000}::double precision)`;
  const { numAffectedRows } =
    scope === 'request'
      ? await sql`
          insert into holds (request_id, state, changed_by, reason, ends_at)
          values (${subject}, 'paused', ${author}, ${reason}, ${endsAt})
          on conflict do nothing`.execute(db)
      : await sql`
          insert into sending_holds (scope, subject, author, reason, ends_at)
          values (${scope}, ${subject}, ${author}, ${reason}, ${endsAt})
          on conflict (scope, subject) where lifted_at is null do nothing`.execute(db);
  return numAffectedRows === 1n;
}

async function writePlaced(db: Db, hold: NewHold): Promise<void> {
  const { scope, subject, author, reason, endsInMs } = hold;
  await db
    .insertInto('audit')
    .values({
      who: author,
      action: 'hold.placed',
      subject: `${scope} ${subject}`.trim(),
      detail: JSON.stringify({ what: describeTarget(hold), reason, ends_in_ms: endsInMs ?? undefined }),
    })
    .execute();
}
