// The people of a file that somebody sends: each batch is stored for itself as it comes, however slow the sender is, and all
// of them are taken into the draft when the file has come to its end. No transaction is open while the sender is waited for.
import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { type Db, withDatabase } from '../../../lib/db/database.ts';
import { isStill, maxPeople, requireFewEnough, type Stored, storePeople, type Wanted } from './mailings-people.ts';

/** Beyond as many as may be, so many more rows are taken before it is counted how many of them are different people. */
const countedEvery = 250_000;
/** No file takes so long. */
const forgottenAfterHours = 24;

/**
 * Whatever the batches throw leaves the draft as it was.
 * @param onUploaded told the ids of the file that have come so far
 * @throws AudienceFileError too_many, as soon as it is known; what the batches throw
 */
export async function uploadPeople(
  db: Db,
  wanted: Wanted,
  batches: AsyncIterable<readonly string[]>,
  onUploaded: (count: number) => void,
): Promise<Stored> {
  if (!(await isStill(db, wanted))) return { kind: 'changed' };
  await forgetOld(db);
  const uploadId = await begin(db);
  let taken = 0;
  let countAt = maxPeople;
  let batch = 0;
  try {
    for await (const ids of batches) {
      if (ids.length === 0) continue;
      await insertBatch(db, uploadId, batch++, ids);
      taken += ids.length;
      if (taken > countAt) {
        requireFewEnough(await countDifferent(db, uploadId));
        countAt = taken + countedEvery;
      }
      onUploaded(taken);
    }
    return await storePeople(db, wanted, (transaction) => readBatches(transaction, uploadId, batch));
  } finally {
    await forget(db, uploadId).catch(() => undefined);
  }
}

async function insertBatch(db: Db, uploadId: string, batch: number, ids: readonly string[]): Promise<void> {
  await withDatabase(() =>
    sql`insert into uploaded_people (upload_id, batch, user_ids) values (${uploadId}, ${batch}, ${ids as string[]})`.execute(
      db,
    ),
  );
}

async function countDifferent(db: Db, uploadId: string): Promise<number> {
  const { rows } = await withDatabase(() =>
    sql<{ count: number }>`
      select count(distinct id) as count from uploaded_people, unnest(user_ids) id where upload_id = ${uploadId}`.execute(
      db,
    ),
  );
  return rows[0]?.count ?? 0;
}

async function* readBatches(transaction: Db, uploadId: string, count: number): AsyncGenerator<string[]> {
  for (let batch = 0; batch < count; batch++) {
    const { rows } = await sql<{ ids: string[] }>`
      select user_ids as ids from uploaded_people where upload_id = ${uploadId} and batch = ${batch}`.execute(
      transaction,
    );
    const [row] = rows;
    if (!row) throw new Error(`batch ${batch} of an upload is gone`);
    yield row.ids;
  }
}

async function begin(db: Db): Promise<string> {
  const uploadId = randomUUID();
  await withDatabase(() => sql`insert into uploads (upload_id) values (${uploadId})`.execute(db));
  return uploadId;
}

async function forget(db: Db, uploadId: string): Promise<void> {
  await withDatabase(async () => {
    await sql`delete from uploaded_people where upload_id = ${uploadId}`.execute(db);
    await sql`delete from uploads where upload_id = ${uploadId}`.execute(db);
  });
}

/** Left by processes that died. */
async function forgetOld(db: Db): Promise<void> {
  const { rows } = await withDatabase(() =>
    sql<{ upload_id: string }>`
      select upload_id from uploads where started_at < now() - make_interval(hours => ${forgottenAfterHours})`.execute(
      db,
    ),
  );
  for (const { upload_id } of rows) await forget(db, upload_id);
}
