// A database for one test file alone, on the shared Postgres, with all migrations: a copy of the run's template.
import { randomUUID } from 'node:crypto';
import { inject } from 'vitest';
import { createDatabase, dropDatabase } from '../../dev/database.ts';

export interface TestDatabase {
  databaseUrl: string;
  drop(): Promise<void>;
}

/** @param label begins the name of the database, so that a leftover tells whose it is */
export async function createTestDatabase(label = 'test', serverUrl?: string): Promise<TestDatabase> {
  const own = inject('infrastructure').DATABASE_URL;
  const template = serverUrl === undefined || serverUrl === own ? inject('databaseTemplate') : undefined;
  return create(label, serverUrl ?? own, template);
}

/** Without any migration. */
export function createEmptyDatabase(label: string): Promise<TestDatabase> {
  return create(label, inject('infrastructure').DATABASE_URL, undefined);
}

async function create(label: string, serverUrl: string, template: string | undefined): Promise<TestDatabase> {
  const name = `${label.replace(/\W+/g, '_')}_${randomUUID().slice(0, 8)}`;
  const databaseUrl = await createDatabase(serverUrl, name, template);
  return { databaseUrl, drop: () => dropDatabase(serverUrl, name) };
}
