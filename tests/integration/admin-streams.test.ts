// What updates by itself on a page ends with the session that it was opened with.
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { closeSessionsOf } from '../../services/admin/sessions.ts';
import { type AdminLab, startAdminLab, type Visitor } from '../support/admin-lab.ts';
import { eventually } from '../support/eventually.ts';

let lab: AdminLab;
let admin: Visitor;
beforeAll(async () => {
  lab = await startAdminLab();
  admin = await lab.logIn('admin');
});
afterAll(() => lab?.stop());

const idOf = async (visitor: Visitor) =>
  (
    await lab.db
      .selectFrom('admin_users')
      .select('admin_user_id')
      .where('name', '=', visitor.name)
      .executeTakeFirstOrThrow()
  ).admin_user_id;

/** As an EventSource does. */
async function follow(visitor: Visitor, path: string) {
  const stop = new AbortController();
  onTestFinished(() => stop.abort());
  const headers = { cookie: visitor.cookie, accept: 'text/event-stream' };
  const answer = await fetch(`${lab.url}${path}`, { headers, signal: stop.signal });
  expect(answer.status).toBe(200);
  const stream = { text: '', hasEnded: false };
  void (async () => {
    for await (const piece of answer.body ?? []) stream.text += Buffer.from(piece).toString();
    stream.hasEnded = true;
  })().catch(() => {});
  await eventually(() => stream.text.includes('data:'), 'the part comes');
  return stream;
}

const paths = ['/overview/live', '/topics/live', '/dead-letters/live'];
const ends: { name: string; end(visitor: Visitor): Promise<unknown> }[] = [
  { name: 'the log-out', end: (visitor) => visitor.post('/logout') },
  {
    name: 'a disabled log-in',
    end: async (visitor) => admin.post(`/access/users/${await idOf(visitor)}/disable`),
  },
  {
    name: 'a new password from an admin',
    end: async (visitor) => admin.post(`/access/users/${await idOf(visitor)}/password`),
  },
  {
    name: 'other roles',
    end: async (visitor) => admin.post(`/access/users/${await idOf(visitor)}/roles`, { roles: 'viewer' }),
  },
  {
    name: 'other roles that a hand has written into the table',
    end: async (visitor) =>
      sql`update admin_users set roles = '{viewer}' where admin_user_id = ${await idOf(visitor)}`.execute(lab.db),
  },
  {
    name: 'the end of its days',
    end: async (visitor) =>
      sql`update admin_sessions set expires_at = now() where admin_user_id = ${await idOf(visitor)}`.execute(lab.db),
  },
  {
    name: 'twelve hours without use',
    end: async (visitor) =>
      sql`update admin_sessions set seen_at = now() - interval '12 hours 1 second'
          where admin_user_id = ${await idOf(visitor)}`.execute(lab.db),
  },
];

it.each(ends)('a stream ends with $name, says so, and nothing more comes', async ({ end }) => {
  const visitor = await lab.logIn('operator', 'support');
  const streams = await Promise.all(paths.map((path) => follow(visitor, path)));
  await end(visitor);
  await eventually(() => streams.every(({ hasEnded }) => hasEnded), 'all have ended', 5_000);
  for (const { text } of streams) expect(text).toMatch(/event: ended\ndata: ?\n\n$/);
});

it('a changed password ends the streams of other sessions and not of the own', async () => {
  const visitor = await lab.logIn('operator');
  const [path = ''] = paths;
  const own = await follow(visitor, path);
  await closeSessionsOf(lab.db, await idOf(visitor), visitor.cookie.split('=')[1]);
  const before = own.text.length;
  await eventually(() => own.text.length > before, 'it goes on', 15_000);
  expect(own.hasEnded).toBe(false);
});

it('a page that updates by itself is no use of the session', async () => {
  const visitor = await lab.logIn('operator');
  const id = await idOf(visitor);
  await sql`update admin_sessions set seen_at = now() - interval '2 hours' where admin_user_id = ${id}`.execute(lab.db);
  const isOld = async () =>
    (
      await sql<{ old: boolean }>`select seen_at < now() - interval '1 hour' as old from admin_sessions
      where admin_user_id = ${id}`.execute(lab.db)
    ).rows[0]?.old;
  await follow(visitor, paths[0] ?? '');
  expect(await isOld()).toBe(true);
  await visitor.get('/account');
  expect(await isOld()).toBe(false);
});
