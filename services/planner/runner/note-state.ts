// What the holder of a driven request notes in its row. Each statement is guarded by the epoch.
import { sql } from 'kysely';
import { type Db, withDatabase } from '../../../lib/db/database.ts';
import type { Driven } from './driven.ts';

/** Paused, and given back: a resume begins with the people who have no row, whatever was published. */
export async function notePaused(db: Db, { requestId, epoch }: Driven): Promise<void> {
  await withDatabase(() =>
    sql`
      update requests set state = 'paused', lease_until = null
      where request_id = ${requestId} and epoch = ${epoch} and ended_at is null`.execute(db),
  );
}

/** Under way again. */
export async function noteResumed(db: Db, { requestId, epoch }: Driven): Promise<void> {
  await withDatabase(() =>
    sql`
      update requests set state = 'running', detail = '', progress_at = now(), heal_rounds = 0
      where request_id = ${requestId} and epoch = ${epoch} and ended_at is null`.execute(db),
  );
}

/** From here on nobody more is planned: `planned` is final. @returns false when the request is no longer ours */
export async function noteCancelled(db: Db, { requestId, epoch }: Driven): Promise<boolean> {
  const { numAffectedRows } = await withDatabase(() =>
    sql`
      update requests set state = 'cancelled', planning_complete = true, progress_at = now()
      where request_id = ${requestId} and epoch = ${epoch} and ended_at is null`.execute(db),
  );
  return numAffectedRows === 1n;
}

/** Its numbers were looked into; the next look is due when as much time has passed again. */
export async function noteHealed(db: Db, { requestId, epoch }: Driven, rounds: number): Promise<void> {
  await withDatabase(() =>
    sql`
      update requests set progress_at = now(), heal_rounds = ${rounds}
      where request_id = ${requestId} and epoch = ${epoch} and ended_at is null`.execute(db),
  );
}
