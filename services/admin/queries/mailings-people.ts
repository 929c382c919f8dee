// The people of a draft who are named one by one: stored whole or not at all, a batch at a time.
import { sql } from 'kysely';
import { type Db, withDatabase } from '../../../lib/db/database.ts';
import { AudienceFileError } from '../mailing/audience-text.ts';

export type StoreMode = 'add' | 'replace';

export interface Wanted {
  mailingId: string;
  /** As the person who sends them has seen it. */
  revision: number;
  mode: StoreMode;
  who: string;
}

export type Stored =
  | { kind: 'stored'; total: number; added: number; duplicates: number; revision: number }
  /** Somebody else has changed, confirmed or deleted it meanwhile, or is just storing people. */
  | { kind: 'changed' | 'busy' };

export const maxPeople = 1_000_000;

/** Undoes the transaction it is thrown in. */
export class NotStored extends Error {
  readonly kind: 'changed' | 'busy';
  constructor(kind: 'changed' | 'busy') {
    super(kind);
    this.kind = kind;
  }
}

/**
 * In one transaction.
 * @param readBatches by the connection of the transaction
 * @throws AudienceFileError too_many; what readBatches throws
 */
export async function storePeople(
  db: Db,
  wanted: Wanted,
  readBatches: (transaction: Db) => Iterable<readonly string[]> | AsyncIterable<readonly string[]>,
): Promise<Stored> {
  try {
    return await withDatabase(() =>
      db.transaction().execute((transaction) => storePeopleIn(transaction, wanted, readBatches(transaction))),
    );
  } catch (error) {
    if (error instanceof NotStored) return { kind: error.kind };
    throw error;
  }
}

/**
 * Whatever the batches throw leaves everything as it was.
 * @param batches never of a file that is still being sent: the transaction is open all the while (upload-people.ts)
 * @throws NotStored; and as storePeople
 */
export async function storePeopleIn(
  transaction: Db,
  wanted: Wanted,
  batches: Iterable<readonly string[]> | AsyncIterable<readonly string[]>,
): Promise<Extract<Stored, { kind: 'stored' }>> {
  await lockPeople(transaction, wanted.mailingId);
  let total = await begin(transaction, wanted);
  let taken = 0;
  let added = 0;
  for await (const ids of batches) {
    if (ids.length === 0) continue;
    const inserted = await insertPeople(transaction, wanted.mailingId, ids);
    taken += ids.length;
    added += inserted;
    total += inserted;
    requireFewEnough(total);
  }
  const revision = await finish(transaction, wanted, total);
  return { kind: 'stored', total, added, duplicates: taken - added, revision };
}

/** @throws AudienceFileError too_many */
export function requireFewEnough(count: number): void {
  if (count <= maxPeople) return;
  throw new AudienceFileError('too_many', 'These are more than 1,000,000 people, and that is as many as may be.');
}

/** @returns false when it is no draft any more, or another revision */
export async function isStill(
  db: Db,
  { mailingId, revision }: Pick<Wanted, 'mailingId' | 'revision'>,
): Promise<boolean> {
  const { rows } = await withDatabase(() =>
    sql`select from mailings where mailing_id = ${mailingId} and status = 'draft' and revision = ${revision}`.execute(
      db,
    ),
  );
  return rows.length === 1;
}

/** One at a time: two that insert the same people in another order would wait for each other. */
async function lockPeople(db: Db, mailingId: string): Promise<void> {
  const { rows } = await sql<{ free: boolean }>`
    select pg_try_advisory_xact_lock(hashtextextended('mailing_people ' || ${mailingId}::text, 0)) as free`.execute(db);
  if (!rows[0]?.free) throw new NotStored('busy');
}

/** @returns how many there are to begin with */
async function begin(db: Db, { mailingId, revision, mode }: Wanted): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select people_count as count from mailings
    where mailing_id = ${mailingId} and status = 'draft' and revision = ${revision}`.execute(db);
  const [draft] = rows;
  if (!draft) throw new NotStored('changed');
  if (mode === 'add') return draft.count;
  await sql`delete from mailing_people where mailing_id = ${mailingId}`.execute(db);
  return 0;
}

async function insertPeople(db: Db, mailingId: string, ids: readonly string[]): Promise<number> {
  // In the order of the index, whose pages are then touched once each.
  const sorted = ids.toSorted();
  const { numAffectedRows } = await sql`
    insert into mailing_people (mailing_id, user_id)
    select ${mailingId}::uuid, id from unnest(${sorted}::text[]) id
    on conflict do nothing`.execute(db);
  return Number(numAffectedRows ?? 0);
}

// The row is looked at again at the end and not locked all the while: an upload takes its time, and nobody waits for it.
async function finish(db: Db, { mailingId, revision, who }: Wanted, total: number): Promise<number> {
  const { rows } = await sql<{ revision: number }>`
    update mailings set people_count = ${total}, revision = revision + 1, updated_at = now(), updated_by = ${who}
    where mailing_id = ${mailingId} and status = 'draft' and revision = ${revision}
    returning revision`.execute(db);
  const [row] = rows;
  if (!row) throw new NotStored('changed');
  return row.revision;
}

/** The first ones, for showing whom it is about. */
export async function listPeople(db: Db, mailingId: string, limit: number): Promise<string[]> {
  const { rows } = await withDatabase(() =>
    sql<{ id: string }>`
      select user_id as id from mailing_people where mailing_id = ${mailingId} order by user_id limit ${limit}`.execute(
      db,
    ),
  );
  return rows.map(({ id }) => id);
}
