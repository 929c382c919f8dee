// What accept.ts is told about the world: which templates are in use, which categories the user service has.
import { type Db, withDatabase } from '../../lib/db/database.ts';
import { DependencyError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import type { UserService } from '../../lib/user-service.ts';
import type { Facts } from './accept.ts';
import { createSnapshot } from './snapshot.ts';

export interface FactSource {
  /**
   * @param maxAgeMs where a request named something unknown, it may have been made a moment ago
   * @throws DependencyError('postgres')
   */
  load(needs: { categories: boolean }, maxAgeMs?: number): Promise<Facts>;
}

const templatesKeptMs = 2_000;
const categoriesKeptMs = 30_000;
/** The user service is not asked more often than that for a category that it may have got since. */
const categoriesMinAgeMs = 1_000;

export function createFactSource(options: { db: Db; users: UserService; logger: Logger }): FactSource {
  const templates = createSnapshot({
    read: () => withDatabase(() => readTemplateIds(options.db)),
    keptMs: templatesKeptMs,
    failedForMs: 0,
  });
  const categories = createSnapshot({
    read: async () => {
      const { readable, unreadableCount } = await options.users.fetchCategories();
      if (unreadableCount > 0)
        options.logger.warn({ unreadableCount }, 'categories are not checked: not all can be read');
      return unreadableCount > 0 ? undefined : new Set(readable.map(({ name }) => name));
    },
    keptMs: categoriesKeptMs,
    failedForMs: 5_000,
  });

  /** Undefined when the user service cannot be asked, or some of its categories not be read: then the request is accepted, and may end as rejected. */
  const knownCategories = async (maxAgeMs: number | undefined): Promise<ReadonlySet<string> | undefined> => {
    try {
      return await categories.get(maxAgeMs === undefined ? undefined : Math.max(maxAgeMs, categoriesMinAgeMs));
    } catch (error) {
      if (!(error instanceof DependencyError)) throw error;
      options.logger.warn({ err: error }, 'categories are not checked: the user service cannot be asked');
      return undefined;
    }
  };

  return {
    async load(needs, maxAgeMs) {
      const [templateIds, known] = await Promise.all([
        templates.get(maxAgeMs),
        needs.categories ? knownCategories(maxAgeMs) : undefined,
      ]);
      return { nowMs: Date.now(), templateIds, categories: known };
    },
  };
}

async function readTemplateIds(db: Db): Promise<ReadonlySet<string>> {
  const rows = await db
    .selectFrom('templates')
    .select(['template_id', 'legacy_number'])
    .where('archived_at', 'is', null)
    .execute();
  return new Set(
    rows.flatMap((row) =>
      row.legacy_number === null ? [row.template_id] : [row.template_id, String(row.legacy_number)],
    ),
  );
}
