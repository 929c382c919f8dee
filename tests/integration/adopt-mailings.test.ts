// What the planner reads to find mailings that are due: not one row of what has been, however much that is.
import { sql } from 'kysely';
import { expect, it, onTestFinished } from 'vitest';
import { createDatabase, type Db } from '../../lib/db/database.ts';
import { migrate } from '../../lib/db/migrate.ts';
import { createLogger } from '../../lib/logger.ts';
import { adoptMailings } from '../../services/planner/runner/adopt-mailings.ts';
import { lockDueMailings } from '../../services/planner/runner/confirmed-mailings.ts';
import { fireSeries } from '../../services/planner/runner/fire-series.ts';
import { createTestDatabase } from '../support/test-database.ts';

const count = 5_000;
const logger = createLogger({ service: 'test', level: 'silent' });

async function openDatabase(): Promise<Db> {
  const { databaseUrl, drop } = await createTestDatabase('adopt');
  const db = createDatabase({ url: databaseUrl, applicationName: 'test' });
  onTestFinished(async () => {
    await db.destroy();
    await drop();
  });
  await migrate(db);
  return db;
}

/** Confirmed long ago, and requests since. @param marked false: adopted by a planner of the release before */
async function addHistory(db: Db, marked: boolean): Promise<void> {
  await sql`
    with old as (
      insert into mailings (mailing_id, status, title, confirmed_at, scheduled_at, adopted_at)
      select gen_random_uuid(), 'confirmed', 'old', now(), now() - make_interval(mins => n),
        case when ${marked}::boolean then now() end
      from generate_series(1, ${count}::int) n returning mailing_id
    )
    insert into requests (request_id, body_hash, state, template_id, priority, is_promo, context, planning_complete,
      requested_at, driven, origin, ended_at)
    select mailing_id, '', 'done', 'news', 'low', true, '{}', true, now(), true, 'mailing', now() from old`.execute(db);
  await sql`analyze mailings, requests`.execute(db);
}

/** Rows of mailings and requests that the work looks at, by whatever plan. */
async function countRead(db: Db, work: (db: Db) => Promise<unknown>): Promise<number> {
  return db.transaction().execute(async (transaction) => {
    const before = await countLookedAt(transaction);
    await work(transaction);
    return (await countLookedAt(transaction)) - before;
  });
}

async function countLookedAt(db: Db): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select sum(pg_stat_get_xact_tuples_returned(oid) + pg_stat_get_xact_tuples_fetched(oid))::int as count
    from pg_class where relname in ('mailings', 'requests')`.execute(db);
  return rows[0]?.count ?? 0;
}

it('a look for mailings and series that are due reads nothing of those that became requests', async () => {
  const db = await openDatabase();
  await addHistory(db, true);
  expect(await countRead(db, (transaction) => lockDueMailings(transaction, new Date(), 50))).toBe(0);
  expect(await countRead(db, (transaction) => fireSeries({ db: transaction, logger }, Date.now(), new Set()))).toBe(0);
});

it('what a planner of the release before made a request is marked, some at a time, and not adopted again', async () => {
  const db = await openDatabase();
  await addHistory(db, false);
  const [before] = await db
    .selectFrom('requests')
    .select(({ fn }) => fn.countAll().as('n'))
    .execute();
  while ((await adoptMailings({ db, logger }, Date.now())) > 0);
  const [after] = await db
    .selectFrom('requests')
    .select(({ fn }) => fn.countAll().as('n'))
    .execute();
  expect(after).toEqual(before);
  expect(await db.selectFrom('mailings').select('mailing_id').where('adopted_at', 'is', null).execute()).toEqual([]);
  await sql`vacuum analyze mailings`.execute(db);
  expect(await countRead(db, (transaction) => lockDueMailings(transaction, new Date(), 50))).toBe(0);
}, 180_000);
