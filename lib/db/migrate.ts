// Brings the database to this release's shape (`posthorn setup`), and tells services whether it is there yet.
import { type Migration, type MigrationProvider, Migrator } from 'kysely/migration';
import type { Db } from './database.ts';
import * as pipeline from './migrations/0001-pipeline.ts';
import * as mailings from './migrations/0002-mailings.ts';
import * as operations from './migrations/0003-operations.ts';
import * as openRequests from './migrations/0004-open-requests.ts';
import * as holds from './migrations/0005-holds.ts';
import * as waiting from './migrations/0006-waiting.ts';
import * as redriveLeases from './migrations/0007-redrive-leases.ts';
import * as asidesAndUploads from './migrations/0008-asides-and-uploads.ts';
import * as suppressionScope from './migrations/0010-suppression-scope.ts';
import * as unsubscribedBy from './migrations/0011-unsubscribed-by.ts';
import * as keysOwnRequests from './migrations/0012-keys-own-requests.ts';
import * as findPeople from './migrations/0015-find-people.ts';
import * as logInTries from './migrations/0016-log-in-tries.ts';
import * as erasedPeople from './migrations/0017-erased-people.ts';

// Added to, never changed: a release can run beside the one before it, so each migration only adds.
const migrations: Record<string, Migration> = {
  '0001-pipeline': pipeline,
  '0002-mailings': mailings,
  '0003-operations': operations,
  '0004-open-requests': openRequests,
  '0005-holds': holds,
  '0006-waiting': waiting,
  '0007-redrive-leases': redriveLeases,
  '0008-asides-and-uploads': asidesAndUploads,
  '0010-suppression-scope': suppressionScope,
  '0011-unsubscribed-by': unsubscribedBy,
  '0012-keys-own-requests': keysOwnRequests,
  '0015-find-people': findPeople,
  '0016-log-in-tries': logInTries,
  '0017-erased-people': erasedPeople,
};

export const migrationProvider: MigrationProvider = { getMigrations: async () => migrations };

/**
 * A database that a newer release has migrated is left as it is, so that the release before can be set up again.
 * @returns the names of the migrations that ran, in order; empty when there was nothing to do. Throws the first failure.
 */
export async function migrate(db: Db): Promise<string[]> {
  if ((await missingMigrations(db)).length === 0) return [];
  const { error, results } = await new Migrator({ db, provider: migrationProvider }).migrateToLatest();
  if (error) throw error;
  return (results ?? []).map((result) => result.migrationName);
}

/** Migrations that this release needs and the database does not have. A newer database has more, and serves. */
export async function missingMigrations(db: Db): Promise<string[]> {
  const all = await new Migrator({ db, provider: migrationProvider, allowUnorderedMigrations: true }).getMigrations();
  return all.filter((migration) => migration.executedAt === undefined).map((migration) => migration.name);
}
