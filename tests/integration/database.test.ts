// What becomes of a process whose sessions Postgres ends: a failover, a restart, an administrator.
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createDatabase, type Db, isDatabaseDown, StatementUndoneError, withDatabase } from '../../lib/db/database.ts';
import { createTestDatabase, type TestDatabase } from '../support/test-database.ts';

let database: TestDatabase;
let db: Db;
let administrator: Db;

beforeAll(async () => {
  database = await createTestDatabase('sessions');
  const options = { url: database.databaseUrl, applicationName: 'test-sessions', maxConnections: 1 };
  db = createDatabase(options);
  administrator = createDatabase(options);
});

afterAll(async () => {
  await Promise.all([db?.destroy(), administrator?.destroy()]);
  await database?.drop();
});

test('a session that is ended between two statements fails its transaction, not the process', async () => {
  const errors: unknown[] = [];
  const note = (error: unknown) => errors.push(error);
  process.on('uncaughtException', note);
  try {
    const work = db.transaction().execute(async (transaction) => {
      const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(transaction);
      await sql`select pg_terminate_backend(${rows[0]?.pid}, 5000)`.execute(administrator);
      // The news of its end is there before the next statement leaves.
      await new Promise((done) => setImmediate(done));
      await sql`select 1`.execute(transaction);
    });
    await expect(work).rejects.toSatisfy(isDatabaseDown);
    expect(errors).toEqual([]);
    const { rows } = await sql<{ one: number }>`select 1 as one`.execute(db);
    expect(rows).toEqual([{ one: 1 }]);
  } finally {
    process.off('uncaughtException', note);
  }
});

test('a statement that is over time is told from a Postgres that is gone', async () => {
  const work = withDatabase(() =>
    db.transaction().execute(async (transaction) => {
      await sql`set local statement_timeout = 50`.execute(transaction);
      await sql`select pg_sleep(10)`.execute(transaction);
    }),
  );
  await expect(work).rejects.toBeInstanceOf(StatementUndoneError);
  await expect(work).rejects.toMatchObject({ code: 'postgres_down', dependency: 'postgres' });
});
