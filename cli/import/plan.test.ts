import { expect, it } from 'vitest';
import { importedMailingId } from '../../domain/ids.ts';
import type { Entry } from './dump.ts';
import type { Faults } from './fields.ts';
import { type Present, planImport, readEntries } from './plan.ts';

const now = new Date('2026-11-23T12:00:00Z');
const nothing: Present = { templates: [], mailings: new Set() };
const template = (pk: unknown, fields: Record<string, unknown> = {}) => ({
  model: 'admin_panel.template',
  pk,
  fields: {
    title: 'Проба',
    code: 'common',
    template: 'Здравствуйте',
    subject: 'Тема',
    transport: 'email',
    created_at: null,
    updated_at: null,
    ...fields,
  },
});
const task = (pk: unknown, fields: Record<string, unknown> = {}) => ({
  model: 'admin_panel.mailingtask',
  pk,
  fields: {
    status: 'pending',
    is_promo: false,
    priority: 'low',
    template: 1,
    context: {},
    scheduled_datetime: null,
    execution_datetime: null,
    ...fields,
  },
});

function run(list: Omit<Entry, 'index'>[], options: { present?: Present; timeZone?: string } = {}) {
  const faults: Faults = { kept: [], count: 0 };
  const entries = list.map((entry, index) => ({ ...entry, index }));
  const dump = readEntries(entries, faults, options.timeZone);
  return { plan: planImport(dump, options.present ?? nothing, faults, now), faults };
}

const faultOf = (...list: Omit<Entry, 'index'>[]) => run(list).faults.kept.join('\n');

it('takes a body with tags as HTML and any other as text; an SMS is always text, and has no subject', () => {
  const { plan } = run([
    template(1, { template: '<p>Привет,\r\n{{ first_name }}</p>' }),
    template(2, { template: 'Смотрите <3\r\nи 5 < 6 > 4, <имя>' }),
    template(3, { template: 'Фильм <b>дня</b>', transport: 'SMS', subject: 'не нужна' }),
    template(4, { template: 'строка<br/>строка', transport: 'Email ' }),
  ]);
  expect(plan.templates.map(({ html, text, channel, subject }) => [channel, subject, html, text])).toEqual([
    ['email', 'Тема', '<p>Привет,\n{{ first_name }}</p>', null],
    ['email', 'Тема', null, 'Смотрите <3\nи 5 < 6 > 4, <имя>'],
    ['sms', '', null, 'Фильм <b>дня</b>'],
    ['email', 'Тема', 'строка<br/>строка', null],
  ]);
});

it('names templates in the order of their numbers, whatever the order in the dump', () => {
  const [one, two] = [template(1, { title: 'Тест' }), template(2, { title: 'Тест' })];
  const names = (plan: ReturnType<typeof run>['plan']) => plan.templates.map((t) => [t.legacyNumber, t.templateId]);
  expect(names(run([two, one]).plan)).toEqual(names(run([one, two]).plan));
  expect(names(run([one, two]).plan)).toEqual([
    [1, 'test'],
    [2, 'test-2'],
  ]);
});

it('makes drafts of pending tasks, and history of the others', () => {
  const times = { scheduled_datetime: '2022-05-31T12:00:00+03:00', execution_datetime: '2022-05-31T09:00:07Z' };
  const { plan } = run([
    template(1),
    task(5, { scheduled_datetime: '2026-12-01T09:00:00Z' }),
    task(6, { status: 'done', ...times }),
    task(7, { status: 'cancelled', ...times, execution_datetime: null }),
    task(8, { status: 'cancelled', scheduled_datetime: '2027-01-01T00:00:00Z' }),
  ]);
  const sent = new Date('2022-05-31T09:00:07Z');
  const planned = new Date('2022-05-31T09:00:00Z');
  expect(plan.mailings.map((m) => [m.status, m.title, m.scheduledAt, m.confirmedAt, m.createdAt])).toEqual([
    ['draft', 'Проба #5', new Date('2026-12-01T09:00:00Z'), null, now],
    ['done', 'Проба #6', planned, sent, sent],
    ['cancelled', 'Проба #7', planned, null, planned],
    ['cancelled', 'Проба #8', new Date('2027-01-01T00:00:00Z'), null, now],
  ]);
  expect(plan.mailings[0]?.mailingId).toBe(importedMailingId(5));
});

it('takes the audience out of the context, each person once, and leaves the variables', () => {
  const context = { user_ids: ['b', 'a', 'b', 42], user_categories: ['active', 'новички', 'active'], city: 'Омск' };
  const { plan } = run([
    template(1),
    task(1, { context }),
    task(2, { context: JSON.stringify(context) }),
    task(3, { context: null }),
    task(4, { context: { user_ids: null, user_categories: null } }),
  ]);
  const expected = ['{"city":"Омск"}', ['b', 'a', '42'], ['active', 'новички']];
  expect(plan.mailings.map((m) => [m.context, m.userIds, m.userCategories])).toEqual([
    expected,
    expected,
    ['{}', [], []],
    ['{}', [], []],
  ]);
});

it('finds a template in the database when the dump has it not, and leaves what is there alone', () => {
  const present: Present = {
    templates: [
      { templateId: 'renamed', legacyNumber: 1, title: 'Переименован' },
      { templateId: 'proba', legacyNumber: null, title: 'Наш' },
    ],
    mailings: new Set([1]),
  };
  const { plan, faults } = run([template(1), template(2), task(1), task(2, { template: 1 })], { present });
  expect(faults.count).toBe(0);
  expect(plan.templatesThere).toEqual([{ legacyNumber: 1, templateId: 'renamed' }]);
  expect(plan.templates.map(({ templateId }) => templateId)).toEqual(['proba-2']);
  expect(plan.mailingsThere).toEqual([1]);
  expect(plan.mailings).toMatchObject([{ legacyNumber: 2, templateId: 'renamed', title: 'Переименован #2' }]);
});

it('passes over and counts what is not of the old admin, and fields that it does not know', () => {
  const { plan, faults } = run([
    { model: 'auth.user', pk: 'x', fields: { anything: 1 } },
    { model: 'auth.user', pk: 2, fields: {} },
    template(1, { author: 4 }),
  ]);
  expect(faults.count).toBe(0);
  expect([...plan.passedOver]).toEqual([
    ['auth.user', 2],
    ['admin_panel.template: field author', 1],
  ]);
});

it('allows a mailing whose template was deleted', () => {
  const { plan } = run([task(4, { template: null, status: 'done' })]);
  expect(plan.mailings).toMatchObject([{ templateId: null, title: 'Mailing #4' }]);
});

it('takes times without a zone only when one is said', () => {
  const naive = [template(1), task(1, { scheduled_datetime: '2022-05-31T12:00:00' })];
  expect(faultOf(...naive)).toBe(
    '/1/fields/scheduled_datetime (admin_panel.mailingtask, pk 1): "2022-05-31T12:00:00" says no time zone; say --time-zone, such as Europe/Moscow',
  );
  const { plan } = run(naive, { timeZone: 'Europe/Moscow' });
  expect(plan.mailings[0]?.scheduledAt).toEqual(new Date('2022-05-31T09:00:00Z'));
});

it.each<[string, Omit<Entry, 'index'>, RegExp]>([
  [
    'a pk that is no number',
    template('4478cd72-c09b-4ad1-8ef1-881e4db535c1'),
    /^\/0\/pk \(admin_panel\.template, pk "4478/,
  ],
  ['a pk of 0', template(0), /must be a whole number from 1/],
  [
    'an unknown kind',
    template(3, { code: 'weekly' }),
    /^\/0\/fields\/code \(admin_panel\.template, pk 3\): must be one of common, monthly_personal_statistic, and is "weekly"$/,
  ],
  [
    'an unknown channel',
    template(3, { transport: 'push' }),
    /fields\/transport .* must be one of email, sms, and is "push"$/,
  ],
  ['no body', template(3, { template: null }), /fields\/template .* must be a text, and is null$/],
  ['NUL in a body', template(3, { template: 'a\0b' }), /fields\/template .* NUL/],
  ['half a character', template(3, { title: 'a\ud83d' }), /fields\/title .* half of a character/],
  ['a title that is no text', template(3, { title: 5 }), /fields\/title .* and is 5$/],
  ['a title left out', { ...template(3), fields: {} }, /fields\/title .* and is missing\n/],
  [
    'a day that there is not',
    template(3, { created_at: '2022-02-30T00:00:00Z' }),
    /fields\/created_at .* must be a time such as/,
  ],
  ['a time as a number', template(3, { updated_at: 1652214496 }), /fields\/updated_at .* and is 1652214496$/],
  ['a date alone', template(3, { updated_at: '2022-05-10' }), /must be a time such as/],
  ['a time before 1970', template(3, { updated_at: '0001-01-01T00:00:00Z' }), /is not between 1970 and 9999$/],
  [
    'an unknown status',
    task(9, { status: 'sent' }),
    /fields\/status .* must be one of pending, done, cancelled, and is "sent"/,
  ],
  ['an unknown priority', task(9, { priority: 'Высокий' }), /fields\/priority .* high, medium, low, and is "Высокий"/],
  [
    'a mark that is no boolean',
    task(9, { is_promo: 'yes' }),
    /fields\/is_promo .* must be true or false, and is "yes"/,
  ],
  ['a template by its title', task(9, { template: 'Проба' }), /fields\/template .* must be the pk of another entry/],
  [
    'a template that is nowhere',
    task(9, { template: 404 }),
    /fields\/template .* is 404, and no template of that number is in the dump or in the database/,
  ],
  ['a context that is a list', task(9, { context: [1] }), /fields\/context .* must be a JSON object, and is \[1\]/],
  ['a context that is broken JSON', task(9, { context: '{' }), /fields\/context .* must be a JSON object/],
  ['a context that is too large', task(9, { context: { a: 'ы'.repeat(40_000) } }), /fields\/context .* bytes long/],
  ['a wrong user id', task(9, { context: { user_ids: ['a', 'б'] } }), /fields\/context\/user_ids\/1 .* and is "б"/],
  [
    'user ids that are no list',
    task(9, { context: { user_ids: 'all' } }),
    /context\/user_ids .* must be a list, and is "all"/,
  ],
  ['a wrong category', task(9, { context: { user_categories: ['two words'] } }), /context\/user_categories\/0 /],
  [
    'too many categories',
    task(9, { context: { user_categories: Array.from({ length: 101 }, (_, i) => `c${i}`) } }),
    /holds 101 categories; 100 are allowed/,
  ],
])('refuses %s, naming entry and field', (_, entry, message) => {
  expect(faultOf(entry)).toMatch(message);
});

it('refuses the same entry twice', () => {
  expect(faultOf(template(1), template(2), template(1))).toBe(
    '/2/pk (admin_panel.template, pk 1): is that of entry /0 as well',
  );
});

it('tells fifty faults and counts the others', () => {
  const { faults } = run(Array.from({ length: 80 }, (_, index) => template(index + 1, { code: 'x' })));
  expect(faults.kept).toHaveLength(50);
  expect(faults.count).toBe(80);
});
