// What a release does with a database that has been migrated before, by itself or by a newer release.
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createDatabase, type Db } from '../../lib/db/database.ts';
import { migrate, missingMigrations } from '../../lib/db/migrate.ts';
import { createEmptyDatabase, type TestDatabase } from '../support/test-database.ts';

let database: TestDatabase;
let db: Db;

beforeAll(async () => {
  database = await createEmptyDatabase('migrate');
  db = createDatabase({ url: database.databaseUrl, applicationName: 'test-migrate', maxConnections: 2 });
});

afterAll(async () => {
  await db.destroy();
  await database.drop();
});

test('an empty database gets every migration, and the second time none', async () => {
  const missing = await missingMigrations(db);
  expect(missing.length).toBeGreaterThan(0);
  expect(await migrate(db)).toEqual(missing);
  expect(await missingMigrations(db)).toEqual([]);
  expect(await migrate(db)).toEqual([]);
});

test('a database that a newer release has migrated serves the release before, whose setup leaves it as it is', async () => {
  await sql`INSERT INTO kysely_migration (name, timestamp) VALUES ('9999-of-a-later-release', now()::text)`.execute(db);
  expect(await missingMigrations(db)).toEqual([]);
  expect(await migrate(db)).toEqual([]);
});
