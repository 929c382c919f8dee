// Who a mailing goes to, page by page in one keyset: the people named one by one first, then those of all its categories
// who were not named. Each person comes once, and the same cursor always goes on with the same people.
import type { UserIdPage } from '../../../lib/user-service.ts';

/** Where the people come from; ids in the order of the keyset. */
export interface Sources {
  /** People named one by one, after `after` ('' for the first ones). */
  listNamed(after: string, limit: number): Promise<string[]>;
  /** Which of these are named one by one. */
  findNamed(ids: readonly string[]): Promise<ReadonlySet<string>>;
  /** People of the categories; undefined where there are none. */
  listMembers: ((after: string | undefined, limit: number) => Promise<UserIdPage>) | undefined;
}

export interface Page {
  userIds: string[];
  /** To go on from, in the notation of `requests.cursor`. */
  cursor: string;
  atEnd: boolean;
}

/**
 * The notation of `requests.cursor`: '' at the start, `named:<id>` after a person named one by one, `members:` and
 * `members:<next>` among those of the categories.
 */
export type Position = { among: 'named' | 'members'; after: string };

export function toPosition(cursor: string): Position {
  if (cursor === '') return { among: 'named', after: '' };
  const at = cursor.indexOf(':');
  const among = cursor.slice(0, at);
  if (among !== 'named' && among !== 'members') throw new Error(`a cursor cannot be '${cursor}'`);
  return { among, after: cursor.slice(at + 1) };
}

/**
 * The next page that has anybody in it, or the end.
 * @param limit people at most
 */
export async function nextPage(sources: Sources, cursor: string, limit: number): Promise<Page> {
  for (let page: Page = { userIds: [], cursor, atEnd: false }; ; ) {
    page = await readPage(sources, page.cursor, limit);
    if (page.atEnd || page.userIds.length > 0) return page;
  }
}

async function readPage(sources: Sources, cursor: string, limit: number): Promise<Page> {
  const { among, after } = toPosition(cursor);
  if (among === 'named') {
    const userIds = await sources.listNamed(after, limit);
    const last = userIds.at(-1);
    if (last !== undefined && userIds.length >= limit) return { userIds, cursor: `named:${last}`, atEnd: false };
    return { userIds, cursor: 'members:', atEnd: sources.listMembers === undefined };
  }
  if (!sources.listMembers) return { userIds: [], cursor, atEnd: true };
  const { ids, next } = await sources.listMembers(after === '' ? undefined : after, limit);
  const named = await sources.findNamed(ids);
  const userIds = [...new Set(ids)].filter((id) => !named.has(id));
  return { userIds, cursor: `members:${next ?? after}`, atEnd: next === null };
}
