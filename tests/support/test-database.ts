// A database for one test file alone, on the shared Postgres.
import { randomUUID } from 'node:crypto';
import { inject } from 'vitest';
import { createDatabase, dropDatabase } from '../../dev/database.ts';

export interface TestDatabase {
  databaseUrl: string;
  drop(): Promise<void>;
}

/** @param label begins the name of the database, so that a leftover tells whose it is */
export async function createTestDatabase(
  label = 'test',
  serverUrl: string = inject('infrastructure').DATABASE_URL,
): Promise<TestDatabase> {
  const name = `${label.replace(/\W+/g, '_')}_${randomUUID().slice(0, 8)}`;
  const databaseUrl = await createDatabase(serverUrl, name);
  return { databaseUrl, drop: () => dropDatabase(serverUrl, name) };
}
