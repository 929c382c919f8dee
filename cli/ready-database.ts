// For commands that need nothing but the database, as `posthorn setup` leaves it.
import { z } from 'zod';
import { databaseVariables, type Environment, readConfig } from '../lib/config.ts';
import { createDatabase, type Db, withDatabase } from '../lib/db/database.ts';
import { missingMigrations } from '../lib/db/migrate.ts';
import { PosthornError } from '../lib/errors.ts';

/**
 * Runs `work` on one connection and closes it.
 * @throws PosthornError setup_missing when a migration of this release is missing; DependencyError; what `work` throws
 */
export async function withReadyDatabase(
  env: Environment,
  applicationName: string,
  work: (db: Db) => Promise<void>,
): Promise<void> {
  const config = readConfig(z.object(databaseVariables), env);
  const db = createDatabase({ url: config.DATABASE_URL, applicationName, maxConnections: 1 });
  try {
    await withDatabase(async () => {
      const missing = await missingMigrations(db);
      if (missing.length > 0) {
        throw new PosthornError(
          'setup_missing',
          `the database lacks ${missing.join(', ')}; run \`posthorn setup\` first`,
        );
      }
      await work(db);
    });
  } finally {
    await db.destroy();
  }
}
