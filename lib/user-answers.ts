// What the user service answers, read part by part: what is wrong with one person, or one name, concerns nobody else. Only
// a broken frame (no list where one should be) is the state of the service.
import { z } from 'zod';
import { toPersonName } from '../domain/one-line.ts';
import { toTimeZone } from '../domain/time-zone.ts';

const shortText = z.string().max(500);
/** However long and odd: nobody goes without a message for it. */
const name = z.string().transform(toPersonName);
const user = z.object({
  id: z.string(),
  first_name: name,
  last_name: name,
  email: z.string().max(1_000).nullable(),
  phone: shortText.nullable(),
  locale: shortText.nullish(),
  /** What names no time zone is none: nobody is to get a message by the time of another place (domain/time-zone.ts). */
  time_zone: z
    .string()
    .transform((text) => toTimeZone(text) ?? null)
    .nullish()
    .catch(null),
  promo_agree: z.boolean(),
  category: shortText.nullish(),
  films_month_count: z.number().nullish(),
  favourite_genre: shortText.nullish(),
});

export const batchFrame = z.object({ users: z.array(z.unknown()), missing: z.array(z.unknown()) });
export const pageFrame = z.object({ users: z.array(z.unknown()), next: z.string().min(1).max(500).nullable() });
export const lookupFrame = z.object({ users: z.array(z.unknown()) });
/** What else is said of a person matters to nobody who looks for an address: it may be broken. */
const addressee = z.object({
  id: z.string(),
  email: z.string().max(1_000).nullish().catch(null),
  phone: shortText.nullish().catch(null),
});
const category = z.object({ name: z.string(), count: z.number().nullable().catch(null) });
/** A list in which no name can be read says nothing of categories: a mailing to one of them must wait, not go to nobody. */
export const categoriesFrame = z
  .array(z.unknown())
  .refine((all) => all.length === 0 || all.some((one) => category.safeParse(one).success), 'no category can be read');

export type User = z.output<typeof user>;
/** `count` is null where the answer does not say it: not the same as nobody. */
export type Category = z.output<typeof category>;

export interface Categories {
  readable: Category[];
  /** Each may be any category that `readable` does not name. */
  unreadableCount: number;
}

/** The answer for one person breaks the contract; `fault` says where, without the value. The others are not affected. */
export interface UnusableUser {
  fault: string;
}

export interface Answers {
  users: Map<string, User | UnusableUser>;
  /** Asked for, and named neither as a person nor as missing. */
  unanswered: string[];
  /** Of those asked for, named as the one or the other: so many show that the service is up. */
  answeredCount: number;
}

/** Of an id that comes twice the first answer that can be used counts; who was not asked for is passed over. */
export function readBatch(ids: readonly string[], { users, missing }: z.output<typeof batchFrame>): Answers {
  const asked = new Set(ids);
  const found: Answers['users'] = new Map();
  for (const one of users) {
    const id = idOf(one);
    if (id === undefined || !asked.has(id)) continue;
    const before = found.get(id);
    if (!before || 'fault' in before) found.set(id, toUser(one));
  }
  const gone = new Set(missing);
  const unanswered = [...asked].filter((id) => !found.has(id) && !gone.has(id));
  return { users: found, unanswered, answeredCount: asked.size - unanswered.length };
}

export type Addressee = z.output<typeof addressee>;

/** Elements without an id are passed over. */
export function readLookup({ users }: z.output<typeof lookupFrame>): Addressee[] {
  return users.flatMap((one) => {
    const read = addressee.safeParse(one);
    return read.success ? [read.data] : [];
  });
}

/** @returns the ids as they came; what is no text is empty, so that whoever checks ids meets it as one that is none */
export function readPage(users: readonly unknown[]): string[] {
  return users.map((id) => (typeof id === 'string' ? id : ''));
}

export function readCategories(answer: readonly unknown[]): Categories {
  const readable = answer.flatMap((one) => {
    const read = category.safeParse(one);
    return read.success ? [read.data] : [];
  });
  return { readable, unreadableCount: answer.length - readable.length };
}

/**
 * Which of these names are no categories of the service.
 * @returns 'unclear' when some are not named, and an unreadable element may be one of them
 */
export function findNoCategories(
  { readable, unreadableCount }: Categories,
  names: readonly string[],
): string[] | 'unclear' {
  const known = new Set(readable.map(({ name }) => name));
  const unknown = names.filter((name) => !known.has(name));
  return unknown.length > 0 && unreadableCount > 0 ? 'unclear' : unknown;
}

function idOf(one: unknown): string | undefined {
  return typeof one === 'object' && one !== null && 'id' in one && typeof one.id === 'string' ? one.id : undefined;
}

function toUser(found: unknown): User | UnusableUser {
  const result = user.safeParse(found);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  return { fault: `/${issue?.path.join('/')}: ${issue?.message}` };
}
