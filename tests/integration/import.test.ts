// `posthorn import`: a dump of the old admin, as its people have it, into a real Postgres, and what can be done with it then.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import fc from 'fast-check';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { importDump } from '../../cli/import.ts';
import { renderMessage } from '../../content/render.ts';
import { importedMailingId } from '../../domain/ids.ts';
import { createDatabase, type Db } from '../../lib/db/database.ts';
import { migrate } from '../../lib/db/migrate.ts';
import { findActiveTemplates } from '../../services/planner/template-catalogue.ts';
import { type CommandRunner, createCommandRunner } from '../support/command-runner.ts';
import { createTestDatabase, type TestDatabase } from '../support/test-database.ts';

const dumpFile = resolve(import.meta.dirname, '../support/old-admin-dump.json');
let database: TestDatabase;
let db: Db;
let run: CommandRunner;
let folder: string;

beforeAll(async () => {
  database = await createTestDatabase('import');
  db = createDatabase({ url: database.databaseUrl, applicationName: 'test-import', maxConnections: 4 });
  await migrate(db);
  run = createCommandRunner(importDump, { DATABASE_URL: database.databaseUrl });
  folder = await mkdtemp(join(tmpdir(), 'posthorn-import-'));
});

afterAll(async () => {
  await db.destroy();
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

beforeEach(async () => {
  await sql`truncate mailing_people, mailings, templates, template_versions, audit`.execute(db);
});

/** Every row that an import can write, as text. */
async function everything(): Promise<string> {
  const tables = await Promise.all([
    db.selectFrom('templates').selectAll().orderBy('template_id').execute(),
    db.selectFrom('template_versions').selectAll().orderBy('template_id').orderBy('version').execute(),
    db.selectFrom('mailings').selectAll().orderBy('mailing_id').execute(),
    db.selectFrom('mailing_people').selectAll().orderBy('mailing_id').orderBy('user_id').execute(),
    db.selectFrom('audit').selectAll().orderBy('audit_id').execute(),
  ]);
  return JSON.stringify(tables, null, 1);
}

async function write(name: string, list: unknown): Promise<string> {
  const file = join(folder, name);
  await writeFile(file, typeof list === 'string' ? list : JSON.stringify(list));
  return file;
}

const template = (pk: number, fields: Record<string, unknown> = {}) => ({
  model: 'admin_panel.template',
  pk,
  fields: {
    title: `Шаблон ${pk}`,
    code: 'common',
    template: 'Привет,\r\n{{ first_name }}',
    transport: 'email',
    ...fields,
  },
});
const task = (pk: number, fields: Record<string, unknown> = {}) => ({
  model: 'admin_panel.mailingtask',
  pk,
  fields: { status: 'pending', is_promo: false, priority: 'low', template: 1, context: {}, ...fields },
});

test('templates keep their number, their text and their times, and lose their \\r', async () => {
  await run([dumpFile]);
  const rows = await db.selectFrom('templates').selectAll().orderBy('legacy_number').execute();
  expect(rows.map((row) => [row.legacy_number, row.template_id, row.channel, row.kind])).toEqual([
    [1, 'dobro-pozhalovat', 'email', 'common'],
    [3, 'ezhemesyachnaya-statistika-prosmotrov', 'email', 'monthly_personal_statistic'],
    [4, 'novaya-seriya', 'sms', 'common'],
    [5, 'novaya-seriya-2', 'email', 'common'],
    [8, 'podborka-nedeli-vsyo-luchshee-detyam', 'email', 'common'],
    [9, 'template-9', 'email', 'common'],
  ]);
  expect(rows[1]).toMatchObject({
    title: 'Ежемесячная статистика просмотров',
    active_version: 1,
    archived_at: null,
    created_at: new Date('2022-05-12T07:00:00Z'),
    updated_at: new Date('2022-06-01T09:30:45.500Z'),
    updated_by: 'import',
  });
  const versions = await db.selectFrom('template_versions').selectAll().orderBy('template_id').execute();
  expect(versions).toHaveLength(6);
  for (const { subject, html, text } of versions) expect(`${subject}${html}${text}`).not.toContain('\r');
  expect(versions.find((row) => row.template_id === 'novaya-seriya')).toMatchObject({
    subject: '',
    html: null,
    text: '{{ first_name }}, вышла новая серия: «{{ series_title }}».\nСмотрите <3',
  });
});

test('a request that names the old number is planned with the imported template, which renders', async () => {
  await run([dumpFile]);
  const found = await findActiveTemplates(db, ['3', '4', '9', 'template-9', '2023']);
  expect([...found].map(([name, { templateId, version }]) => [name, templateId, version])).toEqual(
    expect.arrayContaining([
      ['3', 'ezhemesyachnaya-statistika-prosmotrov', 1],
      ['4', 'novaya-seriya', 1],
      ['9', 'template-9', 1],
    ]),
  );
  expect(found.has('2023')).toBe(false);

  const version = await db
    .selectFrom('template_versions')
    .selectAll()
    .where('template_id', '=', found.get('3')?.templateId ?? '')
    .executeTakeFirstOrThrow();
  const message = renderMessage(
    {
      templateId: version.template_id,
      version: version.version,
      channel: 'email',
      subject: version.subject,
      html: version.html,
      text: version.text,
      fromName: null,
      replyTo: null,
    },
    { first_name: 'Анна', films_month_count: 12, favourite_genre: 'драма', promo_code: 'МАЙ-22' },
  );
  expect(message.subject).toBe('Анна, ваша статистика за месяц');
  expect(message.html).toContain('Анна, в этом месяце вы посмотрели фильмов: <strong>12</strong>.');
  expect(message.html).toContain('Ваш любимый жанр — драма.');
  expect(message.html).toContain('действует до конца месяца.');
});

test('pending tasks are drafts that nothing sends, done and cancelled ones are history', async () => {
  await run([dumpFile, '--time-zone', 'Europe/Moscow']);
  const rows = await db.selectFrom('mailings').selectAll().orderBy('legacy_number').execute();
  expect(rows.map((row) => [row.legacy_number, row.status, row.template_id, row.priority, row.is_promo])).toEqual([
    [1, 'done', 'dobro-pozhalovat', 'high', false],
    [2, 'done', 'ezhemesyachnaya-statistika-prosmotrov', 'low', true],
    [3, 'cancelled', 'podborka-nedeli-vsyo-luchshee-detyam', 'low', true],
    [5, 'draft', 'ezhemesyachnaya-statistika-prosmotrov', 'low', true],
    [6, 'draft', 'novaya-seriya', 'medium', false],
  ]);
  expect(rows[1]).toMatchObject({
    mailing_id: importedMailingId(2),
    title: 'Ежемесячная статистика просмотров #2',
    user_categories: ['active', 'sleeping'],
    people_count: 0,
    context: '{"promo_code":"МАЙ-22","promo_until":"31 мая"}',
    scheduled_at: new Date('2022-05-31T09:00:00Z'),
    confirmed_at: new Date('2022-05-31T09:00:03Z'),
  });
  expect(rows[3]).toMatchObject({
    user_categories: ['vip'],
    people_count: 2,
    confirmed_at: null,
    confirmed_count: null,
    scheduled_at: new Date('2026-12-01T09:00:00Z'),
    time_zone: 'Europe/Moscow',
  });
  const people = await db
    .selectFrom('mailing_people')
    .select('user_id')
    .where('mailing_id', '=', importedMailingId(5))
    .orderBy('user_id')
    .execute();
  expect(people.map(({ user_id }) => user_id)).toEqual([
    '39275483-0000-4000-8000-000000000001',
    '39275483-0000-4000-8000-000000000002',
  ]);
});

test('the report says what became what, what was passed over and what needs work; a dry run says the same and writes nothing', async () => {
  const before = await everything();
  const dry = await run([dumpFile, '--dry-run']);
  expect(await everything()).toBe(before);
  expect(dry.at(-1)).toBe('Dry run: nothing was written.');
  const real = await run([dumpFile]);
  expect(real.slice(0, -1)).toEqual(dry.slice(0, -1));
  expect(real.at(-1)).toMatch(/^Written\./);

  const report = real.join('\n');
  expect(report).toContain('Templates: 6 new, 0 there already');
  expect(report).toMatch(
    /^ {2}3 +ezhemesyachnaya-statistika-prosmotrov +email, monthly_personal_statistic +Ежемесячная/m,
  );
  expect(report).toContain('Mailings: 5 new (2 drafts, 2 done, 1 cancelled), 0 there already');
  expect(report).toMatch(/^ {2}5 +\S{36} +draft +ezhemesyachnaya-statistika-prosmotrov +vip \+ 2 people$/m);
  expect(report).toMatch(/^ {2}auth\.user +2 entries$/m);
  expect(report).toMatch(/^ {2}admin_panel\.template: field author +1 entry$/m);
  expect(report).toContain('podborka-nedeli-vsyo-luchshee-detyam: html line 1, column 1: tag "load" not found');
  expect(report).toContain('template-9: html line 3, column 27: forloop.counter: empty here');
});

test('the audit log tells who imported what, once', async () => {
  await run([dumpFile, '--dry-run']);
  await run([dumpFile]);
  await run([dumpFile]);
  const rows = await db.selectFrom('audit').select(['who', 'action', 'subject', 'detail']).execute();
  const detail = { templates: 6, mailings: 5, there_already: 0 };
  expect(rows).toEqual([{ who: 'cli', action: 'import.done', subject: 'import old-admin-dump.json', detail }]);
});

test('run again it changes nothing, also where people have edited since', async () => {
  await run([dumpFile]);
  await sql`update templates set title = 'Переименован', active_version = 1, archived_at = now() where legacy_number = 3`.execute(
    db,
  );
  await sql`update mailings set title = 'Другое', status = 'confirmed' where legacy_number = 5`.execute(db);
  await sql`delete from mailing_people`.execute(db);
  const before = await everything();
  const lines = await run([dumpFile]);
  expect(await everything()).toBe(before);
  expect(lines).toContain('Templates: 0 new, 6 there already');
  expect(lines).toContain('Mailings: 0 new (0 drafts, 0 done, 0 cancelled), 5 there already');
  expect(lines.at(-1)).toBe('Nothing was new: nothing was written.');
});

test('a later dump adds what is new, on templates of the dump before, and a name in use is not taken again', async () => {
  await run([dumpFile]);
  await sql`insert into templates (template_id, title, kind, channel, active_version) values ('shablon-20', 'x', 'common', 'sms', 1)`.execute(
    db,
  );
  const before = await db.selectFrom('mailings').selectAll().orderBy('legacy_number').execute();
  const file = await write('later.json', [template(20), task(5), task(7, { template: 3 }), task(8, { template: 20 })]);
  const lines = await run([file]);
  expect(lines).toContain('Templates: 1 new, 0 there already');
  expect(lines).toContain('Mailings: 2 new (2 drafts, 0 done, 0 cancelled), 1 there already');
  const rows = await db.selectFrom('mailings').selectAll().orderBy('legacy_number').execute();
  expect(rows.filter(({ legacy_number }) => Number(legacy_number) < 7)).toEqual(before);
  expect(rows.slice(5).map((row) => [row.legacy_number, row.template_id])).toEqual([
    [7, 'ezhemesyachnaya-statistika-prosmotrov'],
    [8, 'shablon-20-2'],
  ]);
});

test('one bad entry among many, and nothing at all is written', async () => {
  const before = await everything();
  const file = await write('bad.json', [
    template(1),
    task(1),
    task(2, { template: 404 }),
    task(3, { priority: 'urgent' }),
  ]);
  await expect(run([file])).rejects.toMatchObject({
    code: 'dump_faults',
    message: expect.stringMatching(
      /^the dump has one fault, and nothing was written:\n {2}\/3\/fields\/priority \(admin_panel\.mailingtask, pk 3\): must be one of high, medium, low, and is "urgent"$/,
    ),
  });
  const other = await write('nowhere.json', [template(1), task(1), task(2, { template: 404 })]);
  await expect(run([other])).rejects.toThrow(/\/2\/fields\/template .* is 404, and no template of that number/);
  expect(await everything()).toBe(before);
});

test('a database that fails in the middle keeps nothing of it', async () => {
  const before = await everything();
  const list = [
    template(1),
    ...Array.from({ length: 2_500 }, (_, index) => task(index + 1, { context: { user_ids: ['a'] } })),
  ];
  // The last of the mailings meets a row that the import did not see coming.
  await sql`insert into mailings (mailing_id, title) values (${importedMailingId(2_500)}, 'fremd')`.execute(db);
  await expect(run([await write('many.json', list)])).rejects.toThrow(/duplicate key/);
  await sql`delete from mailings where title = 'fremd'`.execute(db);
  expect(await everything()).toBe(before);
  expect((await run([join(folder, 'many.json')])).at(-1)).toMatch(/^Written/);
  expect(await sql`select from mailing_people`.execute(db).then(({ rows }) => rows.length)).toBe(2_500);
});

test('two imports at once do not meet: the second is told', async () => {
  await db.transaction().execute(async (transaction) => {
    await sql`select pg_advisory_xact_lock(hashtextextended('posthorn import', 0))`.execute(transaction);
    await expect(run([dumpFile])).rejects.toMatchObject({ code: 'import_running' });
  });
  expect((await run([dumpFile])).at(-1)).toMatch(/^Written/);
});

test('a long list of mailings is cut in the report, and whole with --all', async () => {
  const file = await write('long.json', [template(1), ...Array.from({ length: 45 }, (_, index) => task(index + 1))]);
  const cut = await run([file, '--dry-run']);
  expect(cut).toContain('  and 5 more; --all lists them');
  expect(cut.filter((line) => / draft /.test(line))).toHaveLength(40);
  expect((await run([file, '--dry-run', '--all'])).filter((line) => / draft /.test(line))).toHaveLength(45);
});

test.each([
  [[], 'usage', /say which file/],
  [['a.json', 'b.json'], 'usage', /one only/],
  [[dumpFile, '--time-zone', 'Moskau'], 'usage', /This does not name a time zone: 'Moskau'.*Europe\/Moscow/],
  [['/nowhere/dump.json'], 'dump_invalid', /\/nowhere\/dump\.json cannot be read: there is no such file$/],
])('refuses %j', async (args, code, message) => {
  await expect(run(args)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
});

test('a file of something else is an error, not an import of nothing', async () => {
  const other = await write('other.json', [{ model: 'auth.user', pk: 1, fields: {} }]);
  await expect(run([other])).rejects.toMatchObject({
    code: 'nothing_to_import',
    message: expect.stringContaining('auth.user'),
  });
  await expect(run([await write('empty.json', [])])).rejects.toMatchObject({ code: 'nothing_to_import' });
  await expect(run([await write('broken.json', '[{')])).rejects.toMatchObject({ code: 'dump_invalid' });
});

const text = fc.string({ unit: 'grapheme' }).filter((value) => !value.includes('\0') && value.isWellFormed());
const time = fc.option(
  fc.date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true }).map((date) => date.toISOString()),
);
const anyTemplate = fc.record({
  title: fc.oneof(text, fc.constantFrom('Новая серия', '2023', '')),
  code: fc.constantFrom('common', 'monthly_personal_statistic'),
  template: fc.oneof(text, fc.constantFrom('<p>Привет,\r\n{{ first_name }}</p>', '{% load x %}', '{{')),
  subject: fc.option(text),
  transport: fc.constantFrom('email', 'sms', 'SMS'),
  created_at: time,
  updated_at: time,
});
const anyTask = fc.record({
  status: fc.constantFrom('pending', 'done', 'cancelled'),
  is_promo: fc.boolean(),
  priority: fc.constantFrom('high', 'medium', 'low'),
  template: fc.constantFrom(1, 2, null),
  context: fc.record(
    {
      user_ids: fc.array(fc.stringMatching(/^[A-Za-z0-9._:-]{1,8}$/)),
      user_categories: fc.array(fc.constantFrom('active', 'новички')),
      value: fc.jsonValue({ maxDepth: 3 }),
    },
    { requiredKeys: [] },
  ),
  scheduled_datetime: time,
  execution_datetime: time,
});

test('whatever a dump holds, importing it again changes nothing, and every entry is there once', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyTemplate, { minLength: 2, maxLength: 6 }),
      fc.array(anyTask, { maxLength: 6 }),
      async (templates, tasks) => {
        await sql`truncate mailing_people, mailings, templates, template_versions, audit`.execute(db);
        const file = await write('any.json', [
          ...tasks.map((fields, index) => ({ model: 'admin_panel.mailingtask', pk: index + 1, fields })),
          ...templates.map((fields, index) => ({ model: 'admin_panel.template', pk: index + 1, fields })),
        ]);
        await run([file]);
        const before = await everything();
        await run([file]);
        expect(await everything()).toBe(before);
        const numbers = templates.map((_, index) => String(index + 1));
        expect((await findActiveTemplates(db, numbers)).size).toBeGreaterThanOrEqual(templates.length);
        const mailings = await db
          .selectFrom('mailings')
          .select(['legacy_number', 'people_count', 'context'])
          .orderBy('legacy_number')
          .execute();
        expect(mailings.map(({ people_count }) => people_count)).toEqual(
          tasks.map(({ context }) => new Set(context.user_ids).size),
        );
        expect(mailings.map(({ context }) => JSON.parse(context).value)).toEqual(
          tasks.map(({ context }) => JSON.parse(JSON.stringify(context)).value),
        );
      },
    ),
    { numRuns: 25 },
  );
});
