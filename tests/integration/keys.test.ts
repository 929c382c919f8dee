// `posthorn keys`: what is made and revoked at the command line stands in the audit log, as in the pages.
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { keys } from '../../cli/keys.ts';
import { createDatabase, type Db } from '../../lib/db/database.ts';
import { migrate } from '../../lib/db/migrate.ts';
import { type CommandRunner, createCommandRunner } from '../support/command-runner.ts';
import { createTestDatabase } from '../support/test-database.ts';

let database: Awaited<ReturnType<typeof createTestDatabase>>;
let db: Db;
let run: CommandRunner;
beforeAll(async () => {
  database = await createTestDatabase('keys', inject('infrastructure').DATABASE_URL);
  db = createDatabase({ url: database.databaseUrl, applicationName: 'test' });
  await migrate(db);
  run = createCommandRunner(keys, { DATABASE_URL: database.databaseUrl, USER: 'ops' });
});
afterAll(async () => {
  await db?.destroy();
  await database?.drop();
});

it('leaves an audit row for a key that is made and one for a key that is revoked, without the key', async () => {
  const [key = ''] = await run(['create', '--name', 'shop', '--scopes', 'send,read']);
  const { api_key_id: id } = await db.selectFrom('api_keys').select('api_key_id').executeTakeFirstOrThrow();
  await run(['revoke', id.toUpperCase()]);
  await expect(run(['revoke', id])).rejects.toThrow('no active key');
  const rows = await db
    .selectFrom('audit')
    .select(['who', 'action', 'subject', 'detail'])
    .orderBy('audit_id')
    .execute();
  expect(rows).toEqual([
    { who: 'cli:ops', action: 'key.created', subject: `key ${id}`, detail: { name: 'shop', scopes: ['send', 'read'] } },
    { who: 'cli:ops', action: 'key.revoked', subject: `key ${id}`, detail: { name: 'shop' } },
  ]);
  expect(JSON.stringify(rows)).not.toContain(key);
});

it.each([
  [['create', '--name', ' ']],
  [['create', '--name', 'a\nb']],
  [['create', '--name', 'x'.repeat(101)]],
  [['revoke', 'x']],
])('refuses %j and leaves nothing behind', async (args) => {
  const before = await db.selectFrom('audit').select('audit_id').execute();
  await expect(run(args)).rejects.toThrow();
  expect(await db.selectFrom('audit').select('audit_id').execute()).toEqual(before);
});
