// The user service over HTTP: one person, up to 1,000 at once, by id or by address, and pages of the people of some categories.
import { type Context, Hono } from 'hono';
import { z } from 'zod';
import { CATEGORIES, type Category, isCategory, pageNumbers } from './categories.ts';
import { describeFaults, readJson, refuse } from './refusal.ts';
import { fromUserId, toUserId } from './user-ids.ts';
import { findUser, findUserByEmail, findUserByPhone, toUser, type User } from './users.ts';

const BATCH_LIMIT = 1_000;
const PAGE_LIMIT = 10_000;
const DEFAULT_PAGE_LIMIT = 1_000;

const batchSchema = z.strictObject({ ids: z.array(z.string()).max(BATCH_LIMIT) });

const addresses = z.array(z.string().max(1_000)).max(BATCH_LIMIT);
const lookupSchema = z.union([z.strictObject({ emails: addresses }), z.strictObject({ phones: addresses })], {
  error: `must be {"emails": [at most ${BATCH_LIMIT}]} or {"phones": [at most ${BATCH_LIMIT}]}`,
});

const pageSchema = z.strictObject({
  category: z.string({ error: 'is required: one or more names, separated by commas' }),
  after: z.string().optional(),
  limit: z.coerce.number().int().min(1).max(PAGE_LIMIT).default(DEFAULT_PAGE_LIMIT),
  fields: z.enum(['id']).optional(),
});

export function createUserRoutes(): Hono {
  return new Hono()
    .get('/categories', (c) => c.json(CATEGORIES))
    .get('/users', (c) => answerPage(c))
    .post('/users/batch', (c) => answerBatch(c))
    .post('/users/lookup', (c) => answerLookup(c))
    .get('/users/:id', (c) => {
      const user = findUser(c.req.param('id'));
      return user === null ? refuse(c, 404, 'user_not_found', 'Nobody has this id.') : c.json(user);
    });
}

/** People in the order asked, each once; an id asked twice is answered once. */
async function answerBatch(c: Context): Promise<Response> {
  const body = await readJson(c);
  if (body === undefined) return refuse(c, 400, 'not_json', 'The body is not JSON.');
  const parsed = batchSchema.safeParse(body);
  if (!parsed.success) return refuse(c, 422, 'bad_batch', describeFaults(parsed.error));
  return c.json(findEach(parsed.data.ids, findUser));
}

/** People behind addresses; the letter case of an e-mail address does not matter. */
async function answerLookup(c: Context): Promise<Response> {
  const body = await readJson(c);
  if (body === undefined) return refuse(c, 400, 'not_json', 'The body is not JSON.');
  const parsed = lookupSchema.safeParse(body);
  if (!parsed.success) return refuse(c, 422, 'bad_lookup', describeFaults(parsed.error));
  const asked = parsed.data;
  return c.json('emails' in asked ? findEach(asked.emails, findUserByEmail) : findEach(asked.phones, findUserByPhone));
}

function findEach(asked: readonly string[], find: (one: string) => User | null) {
  const users = new Map<string, User>();
  const missing: string[] = [];
  for (const one of new Set(asked)) {
    const user = find(one);
    if (user === null) missing.push(one);
    else users.set(user.id, user);
  }
  return { users: [...users.values()], missing };
}

function answerPage(c: Context): Response {
  const parsed = pageSchema.safeParse(readQuery(c));
  if (!parsed.success) return refuse(c, 422, 'bad_page', describeFaults(parsed.error));
  const { category, after, limit, fields } = parsed.data;

  const categories: Category[] = [];
  for (const name of category.split(',')) {
    if (!isCategory(name)) {
      const known = CATEGORIES.map((each) => each.name).join(', ');
      return refuse(c, 422, 'unknown_category', `There is no category ${JSON.stringify(name)}; there are ${known}.`);
    }
    categories.push(name);
  }
  const afterNumber = after === undefined ? -1 : fromUserId(after);
  if (afterNumber === null) return refuse(c, 422, 'unknown_after', 'after: nobody has this id.');

  const { numbers, more } = pageNumbers(categories, afterNumber, limit);
  const last = numbers.at(-1);
  return c.json({
    users: fields === 'id' ? numbers.map(toUserId) : numbers.map(toUser),
    next: more && last !== undefined ? toUserId(last) : null,
  });
}

/** A parameter given several times counts as one with commas, so that no second category is dropped in silence. */
function readQuery(c: Context): Record<string, string> {
  return Object.fromEntries(Object.entries(c.req.queries()).map(([name, values]) => [name, values.join(',')]));
}
