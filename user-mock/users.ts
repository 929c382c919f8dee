// A million people, each computed from their number: no storage, the same in every process and after every restart.
import { type Category, categoryOf } from './categories.ts';
import { NAME_GROUPS, type Name, type NameGroup } from './names.ts';
import { hashNumber } from './number-hash.ts';
import { fromUserId, toUserId, USER_COUNT } from './user-ids.ts';

export interface User {
  id: string;
  first_name: string;
  last_name: string;
  email: string | null;
  phone: string | null;
  locale: string;
  time_zone: string;
  promo_agree: boolean;
  category: Category;
  films_month_count: number;
  favourite_genre: string;
}

// Reserved for documentation (RFC 2606): no mail to these can reach anybody.
const MAIL_DOMAINS = ['example.com', 'example.org', 'example.net'] as const;
// +999 is a country code the ITU has given to nobody: no message to these can reach anybody.
const PHONE_PREFIX = '+99955';
const GENRES = [
  'drama',
  'comedy',
  'science fiction',
  'crime & mystery',
  'documentary',
  'animation',
  'film noir',
  "children's films",
  'thriller',
  'western',
] as const;

/** @param number 0 to USER_COUNT - 1 */
export function toUser(number: number): User {
  return describeUser(number, toUserId(number));
}

/** @returns null when nobody has this id */
export function findUser(id: string): User | null {
  const number = fromUserId(id);
  return number === null ? null : describeUser(number, id);
}

/** Whoever has this address, in whatever case it is written. @returns null when nobody has it */
export function findUserByEmail(email: string): User | null {
  const wanted = email.trim().toLowerCase();
  const user = findByDigits(/\.(\d{1,7})@[a-z.]+$/.exec(wanted)?.[1]);
  return user?.email === wanted ? user : null;
}

/** @param phone in E.164, with its plus sign */
export function findUserByPhone(phone: string): User | null {
  const wanted = phone.trim();
  const user = findByDigits(wanted.startsWith(PHONE_PREFIX) ? wanted.slice(PHONE_PREFIX.length) : undefined);
  return user?.phone === wanted ? user : null;
}

function findByDigits(digits: string | undefined): User | null {
  const number = /^\d{1,7}$/.test(digits ?? '') ? Number(digits) : USER_COUNT;
  return number < USER_COUNT ? toUser(number) : null;
}

function describeUser(number: number, id: string): User {
  const group = pick<NameGroup>(NAME_GROUPS, number, 1);
  const [firstName, firstAscii] = pick<Name>(group.firstNames, number, 2);
  const [lastName, lastAscii] = pick<Name>(group.lastNames, number, 3);
  const domain = pick(MAIL_DOMAINS, number, 4);
  return {
    id,
    first_name: firstName,
    last_name: lastName,
    // The number makes addresses and phones unique.
    email: isOneIn(100, number, 5) ? null : `${firstAscii}.${lastAscii}.${number}@${domain}`,
    phone: isOneIn(20, number, 6) ? null : `${PHONE_PREFIX}${String(number).padStart(7, '0')}`,
    locale: group.locale,
    time_zone: group.timeZone,
    promo_agree: !isOneIn(10, number, 7),
    category: categoryOf(number),
    films_month_count: countFilms(number),
    favourite_genre: pick(GENRES, number, 9),
  };
}

/** 0 to 30, few people seeing many; the product of two even draws is enough of a slope. */
function countFilms(number: number): number {
  const hash = hashNumber(number, 8);
  return Math.floor(((hash & 0xffff) * (hash >>> 16) * 31) / 2 ** 32);
}

function isOneIn(share: number, number: number, salt: number): boolean {
  return hashNumber(number, salt) % share === 0;
}

function pick<T>(values: readonly T[], number: number, salt: number): T {
  return values[hashNumber(number, salt) % values.length] as T;
}
