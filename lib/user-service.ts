// The user service, as ingest, planner, enricher and admin ask it (product contract: GET /categories, GET /users, POST
// /users/batch).
import { z } from 'zod';
import { DependencyError, describeError, TransientError } from './errors.ts';
import { safeFetch } from './safe-fetch.ts';

const user = z.object({
  id: z.string(),
  first_name: z.string(),
  last_name: z.string(),
  email: z.string().nullable(),
  phone: z.string().nullable(),
  locale: z.string().nullish(),
  time_zone: z.string().nullish(),
  promo_agree: z.boolean(),
  category: z.string().nullish(),
  films_month_count: z.number().nullish(),
  favourite_genre: z.string().nullish(),
});
const batchAnswer = z.object({ users: z.array(z.unknown()), missing: z.array(z.string()) });
const withId = z.looseObject({ id: z.string() });
const pageAnswer = z.object({ users: z.array(z.string()), next: z.string().nullable() });
const categoriesAnswer = z.array(z.object({ name: z.string(), count: z.number() }));

export type User = z.output<typeof user>;
export type Category = z.output<typeof categoriesAnswer>[number];

/** The answer for one person breaks the contract; `fault` says where, without the value. The others are not affected. */
export interface UnusableUser {
  fault: string;
}

export interface UserService {
  /**
   * Ids without a user are left out of the map. What is said of somebody without an id that was asked for concerns those
   * alone who are neither among the users nor missing.
   * @param ids at most 1,000
   */
  fetchUsers(ids: readonly string[], signal?: AbortSignal): Promise<Map<string, User | UnusableUser>>;
  fetchCategories(signal?: AbortSignal): Promise<Category[]>;
  /**
   * One page of the people of all these categories, ascending by id, each once.
   * @param categories at least one, all of them known to the service
   * @param after `next` of the page before; undefined for the first one
   * @param limit 1 to 10,000
   */
  listUserIds(
    categories: readonly string[],
    after: string | undefined,
    limit: number,
    signal?: AbortSignal,
  ): Promise<UserIdPage>;
}

export interface UserIdPage {
  ids: string[];
  /** Where the next page goes on; null when this was the last one. */
  next: string | null;
}

interface Options {
  url: string;
  /** Bearer token, where the service wants one. */
  token?: string | undefined;
  timeoutMs?: number;
}

const maxAnswerBytes = 8 * 1024 * 1024;
/** So many people without a usable id and nobody with one: that is no matter of single people. */
const brokenForAll = 5;
const defaultTimeoutMs = 5_000;

/**
 * @throws DependencyError('user-service') when it does not answer, answers 5xx, 408, 429 or refuses our credentials, or
 *   answers what is not in the contract: all of these concern every request alike, none of them a single person
 */
export function createUserService(options: Options): UserService {
  const base = options.url.replace(/\/+$/, '');
  const headers: Record<string, string> = options.token ? { authorization: `Bearer ${options.token}` } : {};

  async function call<S extends z.ZodType>(schema: S, path: string, body?: unknown, signal?: AbortSignal) {
    try {
      const answer = await safeFetch(`${base}${path}`, {
        method: body === undefined ? 'GET' : 'POST',
        headers: body === undefined ? headers : { ...headers, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        timeoutMs: options.timeoutMs ?? defaultTimeoutMs,
        maxBytes: maxAnswerBytes,
        signal,
      });
      if (answer.status !== 200) throw new TransientError('bad_status', `it answered ${answer.status}`);
      return parse(schema, answer.text);
    } catch (error) {
      if (!(error instanceof TransientError)) throw error;
      throw new DependencyError(
        'user-service',
        `The user service cannot serve ${path.split('?')[0]}: ${describeError(error)}`,
        {
          cause: error,
        },
      );
    }
  }

  return {
    async fetchUsers(ids, signal) {
      return toUsers(ids, await call(batchAnswer, '/users/batch', { ids }, signal));
    },
    fetchCategories: (signal) => call(categoriesAnswer, '/categories', undefined, signal),
    async listUserIds(categories, after, limit, signal) {
      const names = categories.map(encodeURIComponent).join(',');
      const from = after === undefined ? '' : `&after=${encodeURIComponent(after)}`;
      const path = `/users?category=${names}${from}&limit=${limit}&fields=id`;
      const { users, next } = await call(pageAnswer, path, undefined, signal);
      return { ids: users, next };
    },
  };
}

/** @throws DependencyError('user-service') when it says nothing usable of anybody */
function toUsers(ids: readonly string[], answer: z.output<typeof batchAnswer>): Map<string, User | UnusableUser> {
  const asked = new Set(ids);
  const users = new Map<string, User | UnusableUser>();
  let withoutIdCount = 0;
  for (const one of answer.users) {
    const { data } = withId.safeParse(one);
    if (data && asked.has(data.id)) users.set(data.id, toUser(data));
    else withoutIdCount += 1;
  }
  if (withoutIdCount === 0) return users;
  const missing = new Set(answer.missing);
  if (withoutIdCount >= brokenForAll && !ids.some((id) => users.has(id) || missing.has(id))) {
    throw new DependencyError(
      'user-service',
      'The user service says of nobody who they are: no user in its answer has an id that was asked for',
    );
  }
  for (const id of ids)
    if (!users.has(id) && !missing.has(id)) users.set(id, { fault: '/id: nobody in the answer has it' });
  return users;
}

function toUser(found: { id: string }): User | UnusableUser {
  const result = user.safeParse(found);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  return { fault: `/${issue?.path.join('/')}: ${issue?.message}` };
}

function parse<S extends z.ZodType>(schema: S, text: string): z.output<S> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new TransientError('not_json', 'its answer is not JSON', { cause: error });
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new TransientError(
    'unexpected_answer',
    `its answer breaks the contract at /${issue?.path.join('/')}: ${issue?.message}`,
  );
}
