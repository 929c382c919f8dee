// How many people a mailing goes to, told before it is confirmed: exact where the user service can tell it cheaply.
import type { Category, UnusableUser, User } from '../../../lib/user-service.ts';

export interface AudienceCount {
  count: number;
  /** False: it is this many at most, for some of those named may be in the categories as well. */
  isExact: boolean;
  named: number;
  inCategories: number;
  /** Named one by one and in a category: they get it once. Null when nobody counted. */
  inBoth: number | null;
  /** Named, and unknown to the user service: they end as skipped. Null when nobody counted. */
  unknown: number | null;
}

/** More than that are not asked for one by one. */
export const maxAskedPeople = 10_000;

/**
 * @param categories of those that are chosen every count is known
 * @param named how many are named one by one
 * @param asked what the user service says of all of them; undefined when they are too many to ask
 */
export function countAudience(
  categories: readonly Category[],
  chosen: readonly string[],
  named: number,
  asked: ReadonlyMap<string, User | UnusableUser> | undefined,
): AudienceCount {
  const inCategories = categories.reduce(
    (sum, { name, count }) => (chosen.includes(name) ? sum + (count ?? 0) : sum),
    0,
  );
  const unknown = asked ? named - asked.size : null;
  if (chosen.length === 0) return { count: named, isExact: true, named, inCategories: 0, inBoth: 0, unknown };
  if (named === 0) return { count: inCategories, isExact: true, named, inCategories, inBoth: 0, unknown: 0 };
  if (!asked) return { count: inCategories + named, isExact: false, named, inCategories, inBoth: null, unknown };
  const inBoth = [...asked.values()].filter(
    (user) => 'category' in user && chosen.includes(user.category ?? ''),
  ).length;
  return { count: inCategories + named - inBoth, isExact: true, named, inCategories, inBoth, unknown };
}

/** Some of many, spread over all of them. */
export function spread<T>(all: readonly T[], count: number): T[] {
  if (all.length <= count) return [...all];
  return Array.from({ length: count }, (_, index) => all[Math.floor((index * all.length) / count)]).filter(
    (one) => one !== undefined,
  );
}
