// `posthorn users` and the first log-in that `posthorn setup` makes, on a real Postgres.
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { adminRoles, ensureFirstAdmin } from '../../cli/admin-users.ts';
import { users } from '../../cli/users.ts';
import { createDatabase, type Db } from '../../lib/db/database.ts';
import { migrate } from '../../lib/db/migrate.ts';
import { toNameHash } from '../../lib/log-in-tries.ts';
import { verifyPassword } from '../../lib/passwords.ts';
import { beginTry, countersOf } from '../../services/admin/log-in-tries.ts';
import { roles as rolesOfThePages } from '../../services/admin/roles.ts';
import { type CommandRunner, createCommandRunner } from '../support/command-runner.ts';
import { createEmptyDatabase, type TestDatabase } from '../support/test-database.ts';

let database: TestDatabase;
let db: Db;
let run: CommandRunner;

beforeAll(async () => {
  database = await createEmptyDatabase('users');
  db = createDatabase({ url: database.databaseUrl, applicationName: 'test-users', maxConnections: 4 });
  run = createCommandRunner(users, { DATABASE_URL: database.databaseUrl });
});

afterAll(async () => {
  await db.destroy();
  await database.drop();
});

test('before setup has run it says so', async () => {
  await expect(run(['list'])).rejects.toMatchObject({ code: 'setup_missing' });
  await migrate(db);
  expect(await run(['list'])).toEqual([
    'Nobody can log in yet: `posthorn users create --name <who> --roles admin` makes a log-in.',
  ]);
});

const userOf = (name: string) => db.selectFrom('admin_users').selectAll().where('name', '=', name).executeTakeFirst();
const audited = async () => {
  const rows = await db
    .selectFrom('audit')
    .select(['who', 'action', 'subject', 'detail'])
    .orderBy('audit_id')
    .execute();
  return rows.map(({ who, action, subject, detail }) => `${who} ${action} ${subject} ${JSON.stringify(detail)}`);
};
const sessionsOf = (name: string) =>
  db
    .selectFrom('admin_sessions')
    .innerJoin('admin_users', 'admin_users.admin_user_id', 'admin_sessions.admin_user_id')
    .select('csrf_token')
    .where('name', '=', name)
    .execute();

async function openSession(name: string): Promise<void> {
  await sql`
    insert into admin_sessions (token_hash, admin_user_id, csrf_token, expires_at)
    select sha256(name::bytea), admin_user_id, 'x', now() + interval '1 day' from admin_users where name = ${name}`.execute(
    db,
  );
}

beforeEach(async () => {
  if (await sql`select to_regclass('audit')`.execute(db).then(({ rows }) => !Object.values(rows[0] ?? {})[0])) return;
  await sql`truncate admin_users, admin_sessions, admin_known_addresses, admin_log_in_tries, audit`.execute(db);
});

test('setup makes one admin with a random password, printed once, and never a second one', async () => {
  const lines: string[] = [];
  const print = (line: string) => void lines.push(line);
  await Promise.all([ensureFirstAdmin(db, undefined, print), ensureFirstAdmin(db, undefined, print)]);
  await ensureFirstAdmin(db, undefined, print);
  await ensureFirstAdmin(db, 'another password', print);
  expect(lines).toHaveLength(1);
  const password = /^first admin log-in, shown once: admin \/ (\S+)$/.exec(lines[0] ?? '')?.[1] ?? '';
  const admin = await userOf('admin');
  expect(admin).toMatchObject({ roles: ['admin'], must_change_password: false, disabled_at: null });
  expect(await verifyPassword(password, admin?.password_hash ?? '')).toBe(true);
  expect(await audited()).toEqual(['cli user.created user admin {"roles":["admin"]}']);
});

test('setup takes the password it is given, and does not print it', async () => {
  const lines: string[] = [];
  await ensureFirstAdmin(db, 'chosen by the operator', (line) => lines.push(line));
  expect(lines.join('\n')).not.toContain('chosen');
  expect(await verifyPassword('chosen by the operator', (await userOf('admin'))?.password_hash ?? '')).toBe(true);
});

test('setup leaves a database alone whose people were all disabled', async () => {
  await run(['create', '--name', 'ada', '--roles', 'admin']);
  await run(['disable', '--name', 'ada']);
  await ensureFirstAdmin(db, 'chosen by the operator', () => {});
  expect(await userOf('admin')).toBeUndefined();
});

test('a created log-in has its roles and a random password that has to be changed', async () => {
  const lines = await run(['create', '--name', 'ada', '--roles', 'editor, sender,editor']);
  expect(lines[0]).toBe('created: ada (editor, sender)');
  const password = lines[1]?.split(': ')[1] ?? '';
  const ada = await userOf('ada');
  expect(ada).toMatchObject({ roles: ['editor', 'sender'], must_change_password: true });
  expect(await verifyPassword(password, ada?.password_hash ?? '')).toBe(true);
  expect(await audited()).toEqual(['cli user.created user ada {"roles":["editor","sender"]}']);
  expect(await run(['list'])).toEqual([
    expect.stringMatching(/^ada {2}editor,sender {2}active, has to change the password {2}since \d{4}-\d\d-\d\d$/),
  ]);
});

test('a password on standard input is taken without its line end, stays, and is not printed', async () => {
  const lines = await run(['create', '--name', 'ada', '--roles', 'viewer', '--password-stdin'], 'длинный пароль\r\n');
  expect(lines).toEqual(['created: ada (viewer)']);
  const ada = await userOf('ada');
  expect(ada?.must_change_password).toBe(false);
  expect(await verifyPassword('длинный пароль', ada?.password_hash ?? '')).toBe(true);
});

test.each([
  ['short', /needs 10 characters/],
  ['', /needs 10 characters/],
  ['one line and\nanother one\n', /more than one line/],
  ['a'.repeat(201), /200 characters at most/],
])('refuses %j as a password and changes nothing', async (input, message) => {
  const attempt = run(['create', '--name', 'ada', '--roles', 'viewer', '--password-stdin'], input);
  await expect(attempt).rejects.toMatchObject({ code: 'password_invalid', message: expect.stringMatching(message) });
  expect(await userOf('ada')).toBeUndefined();
});

test('a new password ends sessions and forgets wrong passwords of that person alone', async () => {
  await run(['create', '--name', 'ada', '--roles', 'viewer']);
  await run(['create', '--name', 'bob', '--roles', 'viewer']);
  await Promise.all([openSession('ada'), openSession('bob')]);
  await sql`update admin_users set failed_count = 9, locked_until = now() + interval '1 hour'`.execute(db);
  for (const name of ['ada', 'bob']) {
    await beginTry(db, countersOf(name, '192.0.2.7', false));
  }

  const lines = await run(['password', '--name', 'ada']);
  const password = lines[1]?.split(': ')[1] ?? '';
  const ada = await userOf('ada');
  expect(ada).toMatchObject({ must_change_password: true, failed_count: 0, locked_until: null });
  expect(await verifyPassword(password, ada?.password_hash ?? '')).toBe(true);
  expect(await sessionsOf('ada')).toEqual([]);
  expect(await sessionsOf('bob')).toHaveLength(1);
  expect((await userOf('bob'))?.failed_count).toBe(9);
  const counted = await db.selectFrom('admin_log_in_tries').select(['name_hash', 'address']).execute();
  expect(counted.filter(({ name_hash }) => name_hash.equals(toNameHash('ada')))).toEqual([]);
  expect(counted.filter(({ name_hash }) => name_hash.equals(toNameHash('bob')))).toHaveLength(2);
  expect((await audited()).at(-1)).toBe('cli user.password_set user ada {}');
});

test('disabling ends the sessions and says when no admin is left; enabling gives the log-in back', async () => {
  await run(['create', '--name', 'ada', '--roles', 'admin']);
  await run(['create', '--name', 'bob', '--roles', 'admin']);
  await openSession('ada');
  expect(await run(['disable', '--name', 'ada'])).toEqual(['disabled: ada; open sessions were ended']);
  expect(await sessionsOf('ada')).toEqual([]);
  expect(await run(['disable', '--name', 'ada'])).toEqual(['ada was disabled already']);
  expect(await run(['disable', '--name', 'bob'])).toEqual([
    'disabled: bob; open sessions were ended',
    expect.stringContaining('Nobody with the role admin can log in now'),
  ]);
  expect((await run(['list']))[0]).toMatch(/^ada {2}admin {2}disabled \d{4}/);

  expect(await run(['enable', '--name', 'ada'])).toEqual(['enabled: ada, with the password as it was']);
  expect(await run(['enable', '--name', 'ada'])).toEqual(['ada was enabled already']);
  expect((await userOf('ada'))?.disabled_at).toBeNull();
  expect((await audited()).slice(2)).toEqual([
    'cli user.disabled user ada {}',
    'cli user.disabled user bob {}',
    'cli user.enabled user ada {}',
  ]);
});

test.each([
  [['create', '--name', 'Ada', '--roles', 'viewer'], 'usage', /'Ada' is not 1 to 64/],
  [['create', '--name', 'ada'], 'usage', /--roles is missing; there are viewer/],
  [['create', '--name', 'ada', '--roles', 'viewer,boss'], 'usage', /no role 'boss'/],
  [['create', '--roles', 'viewer'], 'usage', /--name is missing/],
  [['password', '--name', 'nobody'], 'not_found', /no log-in 'nobody'/],
  [['disable', '--name', 'nobody'], 'not_found', /no log-in 'nobody'/],
  [['enable', '--name', 'nobody'], 'not_found', /no log-in 'nobody'/],
  [['rename'], 'usage', /say list, create/],
  [[], 'usage', /say list, create/],
])('refuses %j', async (args, code, message) => {
  await expect(run(args)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
});

test('a name is given once: the second is refused and the first is left as it is', async () => {
  await run(['create', '--name', 'ada', '--roles', 'viewer']);
  const before = await userOf('ada');
  await expect(run(['create', '--name', 'ada', '--roles', 'admin'])).rejects.toMatchObject({ code: 'name_taken' });
  expect(await userOf('ada')).toEqual(before);
});

test('the roles here are those of the admin pages', () => {
  expect([...adminRoles]).toEqual([...rolesOfThePages]);
});
