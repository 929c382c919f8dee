// The user service, as ingest, planner, enricher and admin ask it (its contract: GET /categories, GET /users, POST
// /users/batch, and POST /users/lookup, which it need not have).
import type { z } from 'zod';
import type { Channel } from '../domain/ids.ts';
import { createAsk } from './ask-people.ts';
import { DependencyError, describeError, TransientError } from './errors.ts';
import { type SafeResponse, safeFetch } from './safe-fetch.ts';
import {
  type Addressee,
  batchFrame,
  type Categories,
  categoriesFrame,
  lookupFrame,
  pageFrame,
  readBatch,
  readCategories,
  readLookup,
  readPage,
  type UnusableUser,
  type User,
} from './user-answers.ts';

export type { Addressee, Categories, Category, UnusableUser, User } from './user-answers.ts';

export interface UserService {
  /**
   * Ids without a user are left out of the map; for whom alone the service fails is in it as unusable.
   * @param ids at most 1,000
   */
  fetchUsers(ids: readonly string[], signal?: AbortSignal): Promise<Map<string, User | UnusableUser>>;
  fetchCategories(signal?: AbortSignal): Promise<Categories>;
  /**
   * Whoever has one of these addresses now, as the service says: whether they are theirs is for the caller to compare.
   * @param addresses at most 1,000; the same one in several spellings where the service may be strict
   * @returns undefined where the service cannot look up addresses
   */
  lookUp(channel: Channel, addresses: readonly string[], signal?: AbortSignal): Promise<Addressee[] | undefined>;
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
const defaultTimeoutMs = 5_000;
/** For a call that is a try only: whoever it is about has been waited for once already. */
const shortTimeoutMs = 1_000;
/** People who were answered for lately: by one of them it is told whether the service is down, or one person is at fault. */
const maxKnown = 20;

/** Every function throws DependencyError('user-service') when the service does not answer, or not in its contract. */
export function createUserService(options: Options): UserService {
  const base = options.url.replace(/\/+$/, '');
  const timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
  const known = new Set<string>();
  const headers: Record<string, string> = options.token ? { authorization: `Bearer ${options.token}` } : {};

  function send(path: string, body: unknown, signal: AbortSignal | undefined, isShort = false): Promise<SafeResponse> {
    return safeFetch(`${base}${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: body === undefined ? headers : { ...headers, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      timeoutMs: isShort ? Math.min(timeoutMs, shortTimeoutMs) : timeoutMs,
      maxBytes: maxAnswerBytes,
      signal,
    });
  }

  function call<S extends z.ZodType>(schema: S, path: string, body?: unknown, signal?: AbortSignal, isShort = false) {
    return orDown(path, async () => read(schema, await send(path, body, signal, isShort)));
  }

  async function orDown<T>(path: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
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

  const lookUp: UserService['lookUp'] = (channel, addresses, signal) => {
    const path = '/users/lookup';
    return orDown(path, async () => {
      const answer = await send(path, channel === 'email' ? { emails: addresses } : { phones: addresses }, signal);
      return noSuchCall.has(answer.status) ? undefined : readLookup(read(lookupFrame, answer));
    });
  };

  async function fetchCategories(signal?: AbortSignal): Promise<Categories> {
    return readCategories(await call(categoriesFrame, '/categories', undefined, signal));
  }

  const listUserIds: UserService['listUserIds'] = async (categories, after, limit, signal) => {
    const names = categories.map(encodeURIComponent).join(',');
    const from = after === undefined ? '' : `&after=${encodeURIComponent(after)}`;
    const path = `/users?category=${names}${from}&limit=${limit}&fields=id`;
    const { users, next } = await call(pageFrame, path, undefined, signal);
    return { ids: readPage(users), next };
  };

  const fetchUsers = createAsk({
    async call(ids, isShort, signal) {
      const answers = readBatch(ids, await call(batchFrame, '/users/batch', { ids }, signal, isShort));
      const [answered] = [...answers.users].find(([, found]) => !('fault' in found)) ?? [];
      if (answered !== undefined) remember(answered);
      return answers;
    },
    async findAnother(suspects, signal) {
      const remembered = [...known].reverse().find((id) => !suspects.has(id));
      if (remembered !== undefined) return remembered;
      const category = (await fetchCategories(signal)).readable.find(({ count }) => count !== 0);
      if (!category) return undefined;
      const { ids } = await listUserIds([category.name], undefined, maxKnown, signal);
      return ids.find((id) => id !== '' && !suspects.has(id));
    },
  });

  function remember(id: string): void {
    if (known.has(id)) return;
    const [oldest] = known;
    if (known.size >= maxKnown && oldest !== undefined) known.delete(oldest);
    known.add(id);
  }

  return { fetchUsers, fetchCategories, listUserIds, lookUp };
}

/** Of a service without this path, or with another one of this form, such as GET /users/{id}. */
const noSuchCall = new Set([404, 405, 501]);

function read<S extends z.ZodType>(schema: S, { status, text }: SafeResponse): z.output<S> {
  if (status !== 200) throw new TransientError('bad_status', `it answered ${status}`);
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
