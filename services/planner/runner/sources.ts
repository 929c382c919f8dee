// The people of one mailing: named ones from mailing_people or from the request itself, members of its categories from
// the user service.
import { sql } from 'kysely';
import { isUserId } from '../../../domain/ids.ts';
import { type Db, withDatabase } from '../../../lib/db/database.ts';
import { DependencyError } from '../../../lib/errors.ts';
import type { Logger } from '../../../lib/logger.ts';
import { findNoCategories } from '../../../lib/user-answers.ts';
import type { UserService } from '../../../lib/user-service.ts';
import type { Sources } from './audience.ts';
import type { Driven } from './driven.ts';

interface Parts {
  db: Db;
  users: Pick<UserService, 'fetchCategories' | 'listUserIds'>;
  logger: Logger;
}

/** What the sources throw besides: DependencyError of Postgres and of the user service. */
export function createSources(request: Driven, parts: Parts, signal: AbortSignal): Sources {
  const { peopleFrom, userIds, userCategories } = request;
  const named = peopleFrom === null ? createListed(userIds) : createStored(parts.db, peopleFrom);
  const listMembers = userCategories.length === 0 ? undefined : createMembers(request, parts, signal);
  return { ...named, listMembers };
}

type Named = Pick<Sources, 'listNamed' | 'findNamed'>;

/** Ids are ASCII: JavaScript's order is that of collation "C". */
function createListed(userIds: readonly string[]): Named {
  const sorted = [...new Set(userIds)].sort();
  const all = new Set(sorted);
  return {
    listNamed: async (after, limit) => sorted.filter((id) => id > after).slice(0, limit),
    findNamed: async () => all,
  };
}

function createStored(db: Db, mailingId: string): Named {
  return {
    async listNamed(after, limit) {
      const { rows } = await withDatabase(() =>
        sql<{ user_id: string }>`
          select user_id from mailing_people where mailing_id = ${mailingId}::uuid and user_id > ${after}
          order by user_id limit ${limit}`.execute(db),
      );
      return rows.map((row) => row.user_id);
    },
    async findNamed(ids) {
      const { rows } = await withDatabase(() =>
        sql<{ user_id: string }>`
          select user_id from mailing_people
          where mailing_id = ${mailingId}::uuid and user_id = any(${ids as string[]}::text[])`.execute(db),
      );
      return new Set(rows.map((row) => row.user_id));
    },
  };
}

function createMembers(request: Driven, { users, logger }: Parts, signal: AbortSignal): Sources['listMembers'] {
  let known: string[] | undefined;

  // A category that the service does not know is empty; asking for it would be refused.
  async function findKnown(): Promise<string[]> {
    const unknown = findNoCategories(await users.fetchCategories(signal), request.userCategories);
    if (unknown === 'unclear') {
      throw new DependencyError(
        'user-service',
        'Some categories of the user service cannot be read, maybe one of these',
      );
    }
    if (unknown.length > 0) {
      logger.warn({ requestId: request.requestId, categories: unknown }, 'the user service does not know these: empty');
    }
    return request.userCategories.filter((name) => !unknown.includes(name));
  }

  return async (after, limit) => {
    known ??= await findKnown();
    if (known.length === 0) return { ids: [], next: null };
    try {
      const page = await users.listUserIds(known, after, limit, signal);
      if (page.next !== null && page.next === after) {
        throw new DependencyError('user-service', 'The user service answers a page that leads back to itself');
      }
      const ids = page.ids.filter(isUserId);
      // As with one person's data, one broken element concerns nobody else; but a page of such says nothing of who is there.
      if (ids.length === 0 && page.ids.length > 0) {
        throw new DependencyError(
          'user-service',
          'The user service answers a page of people of which none can be read',
        );
      }
      if (ids.length < page.ids.length) {
        const count = page.ids.length - ids.length;
        logger.error({ requestId: request.requestId, count }, 'the user service lists ids that are none: left out');
      }
      return { ids, next: page.next };
    } catch (error) {
      known = undefined;
      throw error;
    }
  };
}
