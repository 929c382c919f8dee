import { describe, expect, it } from 'vitest';
import { CATEGORIES, type Category, categoryOf, pageNumbers } from './categories.ts';
import { fromUserId, toUserId, USER_COUNT } from './user-ids.ts';
import { findUser, toUser } from './users.ts';

describe('ids', () => {
  it('look like UUIDs of version 8 and sort as their numbers do', () => {
    let before = '';
    for (let number = 0; number < USER_COUNT; number += 7) {
      const id = toUserId(number);
      if (id <= before) expect.fail(`${id} of number ${number} does not follow ${before}`);
      before = id;
    }
    expect(before).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  it('lead back to their number', () => {
    for (const number of [0, 1, 42, 999, 1_000, 500_000, USER_COUNT - 1]) {
      expect(fromUserId(toUserId(number))).toBe(number);
    }
  });

  it.each([
    ['nothing', ''],
    ['another text', 'nobody'],
    ['upper case', toUserId(54).toUpperCase()],
    ['a digit more', `${toUserId(54)}0`],
    ['another last digit', toUserId(54).slice(0, -1) + (toUserId(54).endsWith('0') ? '1' : '0')],
    ['digits beyond the last person', `ffffffff${toUserId(54).slice(8)}`],
    ['a UUID of somebody else', '894cd492-6f4b-4a8e-9d2c-0b4f0f3e1a11'],
  ])('of nobody are refused: %s', (_, id) => {
    expect(fromUserId(id)).toBeNull();
    expect(findUser(id)).toBeNull();
  });

  it('never change: people of earlier runs keep theirs', () => {
    expect(toUserId(0)).toBe('00000cbf-b705-8a7b-96df-5b71a23a2cd1');
    expect(toUserId(50_021)).toBe('0ccd80b4-c5bd-8a59-9cbc-b1bb3d1df6b1');
  });
});

describe('people', () => {
  it('are the same whether asked by number or by id', () => {
    expect(findUser(toUserId(61))).toEqual(toUser(61));
    expect(toUser(61)).toMatchObject({ first_name: 'Anna & Tom', last_name: 'Brontë', locale: 'en-GB' });
  });

  it('are 1 % without e-mail, 5 % without phone and 10 % without consent in every large category', () => {
    for (const { name, count } of CATEGORIES.filter((category) => category.count >= 50_000)) {
      const people = pageNumbers([name], -1, 50_000).numbers.map(toUser);
      const share = (missing: number) => missing / people.length;
      expect(count).toBeGreaterThanOrEqual(people.length);
      expect(share(people.filter((user) => user.email === null).length)).toBeCloseTo(0.01, 2);
      expect(share(people.filter((user) => user.phone === null).length)).toBeCloseTo(0.05, 1.9);
      expect(share(people.filter((user) => !user.promo_agree).length)).toBeCloseTo(0.1, 1.9);
    }
  });

  it('have addresses and phones of their own that reach nobody', () => {
    const people = Array.from({ length: 20_000 }, (_, index) => toUser(index * 50));
    const emails = people.map((user) => user.email).filter((email) => email !== null);
    const phones = people.map((user) => user.phone).filter((phone) => phone !== null);
    expect(new Set(emails).size).toBe(emails.length);
    expect(new Set(phones).size).toBe(phones.length);
    expect(emails.filter((email) => !/^[a-z][a-z.-]*\.\d+@example\.(com|org|net)$/.test(email))).toEqual([]);
    expect(phones.filter((phone) => !/^\+99955\d{7}$/.test(phone))).toEqual([]);
  });

  it.each([
    ['Latin with accents', /[éłřğñ]/],
    ['Cyrillic', /\p{Script=Cyrillic}/u],
    ['Greek', /\p{Script=Greek}/u],
    ['Arabic', /\p{Script=Arabic}/u],
    ['Hebrew', /\p{Script=Hebrew}/u],
    ['Han', /\p{Script=Han}/u],
    ['Kana', /[\p{Script=Hiragana}\p{Script=Katakana}]/u],
    ['an apostrophe', /'/],
    ['an ampersand', / & /],
  ])('have names in many scripts: %s', (_, pattern) => {
    const names = Array.from({ length: 500 }, (_each, number) => toUser(number)).map(
      (user) => `${user.first_name} ${user.last_name}`,
    );
    expect(names.some((name) => pattern.test(name))).toBe(true);
  });

  it('have locales and time zones that exist', () => {
    const people = Array.from({ length: 500 }, (_, number) => toUser(number));
    for (const timeZone of new Set(people.map((user) => user.time_zone))) {
      expect(() => new Intl.DateTimeFormat('en', { timeZone })).not.toThrow();
    }
    expect(Intl.getCanonicalLocales([...new Set(people.map((user) => user.locale))])).toHaveLength(20);
  });
});

describe('categories', () => {
  it('have exactly the sizes that are announced, and hold each person once', () => {
    const counts = new Map<Category, number>();
    for (let number = 0; number < USER_COUNT; number++) {
      counts.set(categoryOf(number), (counts.get(categoryOf(number)) ?? 0) + 1);
    }
    expect(Object.fromEntries(counts)).toEqual(Object.fromEntries(CATEGORIES.map(({ name, count }) => [name, count])));
    expect(counts.get('active')).toBe(600_000);
    expect(counts.get('staff')).toBe(1_000);
  });

  it('page through everybody of several categories once, ascending, whatever the page size', () => {
    for (const limit of [1_000, 7_777, 10_000]) {
      const seen: number[] = [];
      for (let after = -1, more = true; more; ) {
        const page = pageNumbers(['new', 'staff', 'new'], after, limit);
        expect(page.numbers.length).toBeLessThanOrEqual(limit);
        seen.push(...page.numbers);
        after = page.numbers.at(-1) ?? USER_COUNT;
        more = page.more;
      }
      expect(seen).toHaveLength(51_000);
      expect(seen.every((number, index) => index === 0 || number > (seen[index - 1] ?? number))).toBe(true);
      expect(seen.every((number) => ['new', 'staff'].includes(categoryOf(number)))).toBe(true);
    }
  });

  it('say that nobody follows when the last page is exactly full', () => {
    expect(pageNumbers(['staff'], -1, 1_000)).toMatchObject({ more: false });
    expect(pageNumbers(['staff'], -1, 999)).toMatchObject({ more: true });
    expect(pageNumbers(['staff'], USER_COUNT - 1, 10)).toEqual({ numbers: [], more: false });
  });
});
