import { expect, it } from 'vitest';
import { batchFrame, categoriesFrame, findNoCategories, readBatch, readCategories } from './user-answers.ts';

it.each([[[[]]], [[null]], [[42, 'active']], [[{ nome: 'active' }]], [[{ name: 7, count: 1 }]]])(
  'takes the categories %j for a broken answer: a mailing to one of them would go to nobody',
  (answer) => {
    expect(categoriesFrame.safeParse(answer).success).toBe(false);
  },
);

it('reads the categories that can be read, counts the others, and takes none for none', () => {
  expect(readCategories(categoriesFrame.parse([null, { name: 'active', count: 'x' }]))).toEqual({
    readable: [{ name: 'active', count: null }],
    unreadableCount: 1,
  });
  expect(categoriesFrame.parse([])).toEqual([]);
});

it.each([
  [['active'], 1, []],
  [['vip'], 0, ['vip']],
  [['vip'], 1, 'unclear'],
  [['active', 'vip'], 3, 'unclear'],
  [[], 1, []],
])('of the categories %j, with %i that cannot be read, there are not: %j', (names, unreadableCount, missing) => {
  expect(findNoCategories({ readable: [{ name: 'active', count: 1 }], unreadableCount }, names)).toEqual(missing);
});

it.each([
  ['Europe/Berlin', 'Europe/Berlin'],
  ['europe/berlin ', 'Europe/Berlin'],
  ['BST', null],
  ['+02:00', null],
  ['x'.repeat(1_000), null],
  [7, null],
  [null, null],
  [undefined, undefined],
])("a person's time zone %j is read as %j, and fails nobody", (timeZone, expected) => {
  const person = { id: 'u', first_name: 'A', last_name: 'B', email: null, phone: null, promo_agree: true };
  const { users } = readBatch(['u'], batchFrame.parse({ users: [{ ...person, time_zone: timeZone }], missing: [] }));
  expect(users.get('u')).toEqual({ ...person, ...(expected === undefined ? {} : { time_zone: expected }) });
});

it.each([
  ['O\u0092Brien', 'OBrien'],
  ['Ada\r\nBcc: eve@example.org', 'Ada Bcc: eve@example.org'],
  ['\u202eadA', 'adA'],
  ['A\ud800', 'A'],
  ['x'.repeat(100_000), 'x'.repeat(100)],
])("a person's name is one line of at most 100 characters, and fails nobody (%#)", (given, expected) => {
  const person = { id: 'u', first_name: given, last_name: given, email: null, phone: null, promo_agree: true };
  const { users } = readBatch(['u'], batchFrame.parse({ users: [person], missing: [] }));
  expect(users.get('u')).toMatchObject({ first_name: expected, last_name: expected });
});
