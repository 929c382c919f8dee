import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hashApiKey } from '../../lib/api-keys.ts';
import { writeAudit } from '../../services/admin/audit.ts';
import { setRoles } from '../../services/admin/queries/access.ts';
import { createApiKeys } from '../../services/ingest/api-keys.ts';
import { type AdminLab, startAdminLab, type Visitor, visit } from '../support/admin-lab.ts';
import { auditOf } from '../support/admin-ledger.ts';
import { findBarriers, sidewaysPixels } from '../support/axe.ts';
import { type Look, looks, openWindow, startBrowser } from '../support/browser.ts';

let lab: AdminLab;
let admin: Visitor;
beforeAll(async () => {
  lab = await startAdminLab();
  admin = await lab.logIn('admin');
});
afterAll(() => lab?.stop());

const userOf = (name: string) =>
  lab.db.selectFrom('admin_users').selectAll().where('name', '=', name).executeTakeFirstOrThrow();
const pathOf = async (name: string) => `/access/users/${(await userOf(name)).admin_user_id}`;
const secretIn = (text: string) => /id="secret"[^>]*>([^<]+)</.exec(text)?.[1] ?? '';

/** Everything that is kept or sent along with later requests: the whole audit log, and the answer's headers. */
async function expectNowhere(secret: string, answer: Response): Promise<void> {
  expect(secret.length).toBeGreaterThan(20);
  const { rows } = await sql<{
    text: string;
  }>`select coalesce(string_agg(a::text, ''), '') as text from audit a`.execute(lab.db);
  expect(rows[0]?.text).not.toContain(secret);
  expect(JSON.stringify([...answer.headers])).not.toContain(secret);
  expect(answer.headers.get('cache-control')).toBe('no-store');
}

describe('people with access', () => {
  it('are added with a password that is shown once and has to be changed', async () => {
    const answer = await admin.post('/access/users', { name: ' Jane.Doe ', roles: ['editor', 'support'] });
    expect(answer.status).toBe(200);
    const password = secretIn(await answer.text());
    await expectNowhere(password, answer);
    expect(await userOf('jane.doe')).toMatchObject({ roles: ['support', 'editor'], must_change_password: true });
    expect(await auditOf(lab.db, 'user jane.doe')).toEqual([`${admin.name} user.created`]);
    const jane = await visit(lab.url, 'jane.doe', password);
    expect((await jane.get('/people')).headers.get('location')).toBe('/account');
    expect(await admin.page('/access')).not.toContain(password);
  });

  it('are refused with the fault beside the field, and what was typed stays', async () => {
    const refuse = async (fields: Record<string, string | string[]>) => {
      const answer = await admin.post('/access/users', fields);
      expect(answer.status).toBe(422);
      return answer.text();
    };
    const strange = await refuse({ name: 'Jane Doe', roles: 'viewer' });
    expect(strange).toContain('1 to 64 of a-z, 0-9');
    expect(strange).toContain('value="Jane Doe"');
    expect(strange).toMatch(/value="viewer" checked/);
    expect(await refuse({ name: 'nobody' })).toContain('Choose at least one role.');
    expect(await refuse({ name: 'nobody', roles: 'root' })).toContain('Choose at least one role.');
    expect(await refuse({ name: admin.name, roles: 'viewer' })).toContain('Somebody has this name already.');
  });

  it('lose their sessions with a changed role, a new password and a disabled log-in', async () => {
    const isIn = async (visitor: Visitor) => (await visitor.get('/account')).status === 200;
    const one = await lab.logIn('viewer');
    const path = await pathOf(one.name);
    expect((await admin.post(`${path}/roles`, { roles: ['sender', 'viewer'] })).status).toBe(303);
    expect(await isIn(one)).toBe(false);
    const again = await visit(lab.url, one.name, one.password);
    expect((await again.get('/people')).status).toBe(200);
    const answer = await admin.post(`${path}/password`);
    const password = secretIn(await answer.text());
    await expectNowhere(password, answer);
    expect(await isIn(again)).toBe(false);
    const third = await visit(lab.url, one.name, password);
    expect((await admin.post(`${path}/disable`)).status).toBe(303);
    expect(await isIn(third)).toBe(false);
    await expect(visit(lab.url, one.name, password)).rejects.toThrow('401');
    expect((await admin.post(`${path}/enable`)).status).toBe(303);
    await visit(lab.url, one.name, password);
    const done = (what: string) => `${admin.name} user.${what}`;
    const opened = `${one.name} session.opened`;
    expect(await auditOf(lab.db, `user ${one.name}`)).toEqual([
      done('roles_changed'),
      opened,
      done('password_set'),
      opened,
      done('disabled'),
      done('enabled'),
      opened,
    ]);
  });

  it('keep their last admin: nobody disables or demotes themselves, nor the last one', async () => {
    const own = await pathOf(admin.name);
    expect(await (await admin.post(`${own}/disable`)).text()).toContain('You cannot disable your own log-in.');
    expect(await (await admin.post(`${own}/roles`, { roles: 'viewer' })).text()).toContain('your own roles');
    expect((await admin.post(`${own}/password`)).status).toBe(422);
    expect(await userOf(admin.name)).toMatchObject({ roles: ['admin'], disabled_at: null });
    // Two admins who take the role from each other at the same moment: one of them keeps it.
    const other = await lab.logIn('admin');
    const ids = [(await userOf(admin.name)).admin_user_id, (await userOf(other.name)).admin_user_id];
    const changes = await Promise.all(ids.map((id) => setRoles(lab.db, 'test', id, ['viewer'])));
    expect([...changes].sort()).toEqual(['changed', 'last_admin']);
    await lab.db
      .updateTable('admin_users')
      .set({ roles: ['admin'] })
      .where('admin_user_id', 'in', ids)
      .execute();
    admin = await visit(lab.url, admin.name, admin.password);
    await lab.db.updateTable('admin_users').set({ disabled_at: new Date() }).where('name', '=', other.name).execute();
  });

  it('are the affair of admins alone', async () => {
    const others = await lab.logIn('viewer', 'support', 'editor', 'sender', 'operator');
    const path = await pathOf(admin.name);
    expect((await (await lab.logIn('viewer', 'support', 'editor', 'sender')).get('/audit')).status).toBe(403);
    for (const page of ['/access', path]) expect((await others.get(page)).status, page).toBe(403);
    const forms: [string, Record<string, string>][] = [
      ['/access/users', { name: 'mallory', roles: 'admin' }],
      [`${path}/roles`, { roles: 'viewer' }],
      [`${path}/password`, {}],
      [`${path}/disable`, {}],
      [`${path}/enable`, {}],
      ['/access/keys', { api_key_id: randomUUID(), name: 'mallory', scopes: 'send' }],
      [`/access/keys/${randomUUID()}/revoke`, {}],
    ];
    for (const [form, fields] of forms) expect((await others.post(form, fields)).status, form).toBe(403);
    expect((await admin.get(`/access/users/${randomUUID()}`)).status).toBe(404);
    expect((await admin.get('/access/users/nonsense')).status).toBe(404);
  });
});

describe('API keys', () => {
  const create = (fields: Record<string, string | string[]> = {}) =>
    admin.post('/access/keys', { api_key_id: randomUUID(), name: 'shop backend', scopes: 'send', ...fields });
  const mayUse = async (key: string, scope: 'send' | 'read') => {
    const keys = createApiKeys(lab.db);
    return keys.authorize(`Bearer ${key}`, scope).then(
      ({ name }) => name,
      () => 'refused',
    );
  };

  it('are shown once, serve for their scopes, and are refused when they are revoked', async () => {
    const id = randomUUID();
    const answer = await create({ api_key_id: id });
    const key = secretIn(await answer.text());
    await expectNowhere(key, answer);
    expect([await mayUse(key, 'send'), await mayUse(key, 'read')]).toEqual(['shop backend', 'refused']);
    const row = await lab.db.selectFrom('api_keys').selectAll().where('api_key_id', '=', id).executeTakeFirstOrThrow();
    expect(row.key_hash.equals(hashApiKey(key))).toBe(true);
    const text = await admin.page('/access');
    expect([text.includes(key), text.includes(row.key_hint)]).toEqual([false, true]);
    expect((await admin.post(`/access/keys/${id}/revoke`)).status).toBe(303);
    expect(await mayUse(key, 'send')).toBe('refused');
    expect(await auditOf(lab.db, `key ${id}`)).toEqual([`${admin.name} key.created`, `${admin.name} key.revoked`]);
    expect(await admin.page('/access')).toContain('Revoked keys (1)');
    expect((await admin.post(`/access/keys/${id}/revoke`)).status).toBe(303);
  });

  it('are made once by one form, however often it is sent', async () => {
    const id = randomUUID();
    expect((await create({ api_key_id: id })).status).toBe(200);
    const again = await create({ api_key_id: id });
    expect([again.status, again.headers.get('location')]).toEqual([303, '/access']);
    expect(await auditOf(lab.db, `key ${id}`)).toHaveLength(1);
  });

  it('need a name and a scope', async () => {
    expect(await (await create({ name: ' ' })).text()).toContain('Whose key is it?');
    const noScope = await create({ scopes: 'everything' });
    expect([noScope.status, (await noScope.text()).includes('Choose at least one.')]).toEqual([422, true]);
  });
});

describe('the audit log', () => {
  it('is filtered by who, what and to what, and leads to what it is about', async () => {
    await writeAudit(lab.db, 'zoe', 'template.changed', 'template welcome', {
      version: 3,
      fields: ['html', 'subject'],
    });
    await writeAudit(lab.db, 'zoe', 'person.opened', 'person user-1');
    await writeAudit(lab.db, 'ben', 'template.changed', 'template other');
    const rowsOf = async (query: string) =>
      [...(await admin.page(`/audit?${query}`)).matchAll(/<td>(zoe|ben)<\/td>\s*<td class="nowrap">([^<]+)</g)].map(
        (match) => `${match[1]} ${match[2]}`,
      );
    expect(await rowsOf('who=zoe')).toEqual(['zoe person.opened', 'zoe template.changed']);
    expect(await rowsOf('action=template.changed')).toEqual(['ben template.changed', 'zoe template.changed']);
    expect(await rowsOf('subject=template+welcome&who=zoe')).toEqual(['zoe template.changed']);
    expect(await rowsOf('who=zoe&action=nothing')).toEqual([]);
    const text = await admin.page('/audit?who=zoe');
    expect(text).toContain('<a href="/templates/welcome">');
    expect(text).toContain('<a href="/people/user-1">');
    expect(text).toContain('<th scope="row">version</th><td class="break">3</td>');
    expect(text).toContain('html, subject');
    expect((await admin.get('/audit?who=%00&after=x')).status).toBe(400);
    expect((await admin.get('/audit?who=zoe&after=x')).status).toBe(400);
  });

  it('pages through everything, newest first, each line once', async () => {
    for (let n = 0; n < 250; n++) await writeAudit(lab.db, 'pager', 'page.turned', `page ${n}`);
    const seen: number[] = [];
    for (let path: string | undefined = '/audit?who=pager'; path; ) {
      const text: string = await admin.page(path);
      seen.push(...[...text.matchAll(/<td class="break">page (\d+)/g)].map((match) => Number(match[1])));
      path = /class="pager"><a href="([^"]+)/.exec(text)?.[1]?.replaceAll('&amp;', '&');
    }
    expect(seen).toEqual(Array.from({ length: 250 }, (_, n) => 249 - n));
  });
});

describe('in the browser', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await startBrowser();
    await writeAudit(lab.db, '<script>window.x=1</script>', 'session.refused', '', { address: '<img onerror=x>' });
  });
  afterAll(() => browser?.close());

  it.each(Object.keys(looks) as Look[])('nothing keeps anybody from using the pages (%s)', async (look) => {
    const other = await lab.logIn('editor', 'support');
    await admin.post('/access/keys', {
      api_key_id: randomUUID(),
      name: 'shop <script>window.x=1</script>',
      scopes: 'send',
    });
    const window = await openWindow(browser, lab.url, admin.cookie, look);
    try {
      const page = await window.newPage();
      const lookAt = async (name: string) => {
        expect(await findBarriers(page), name).toEqual([]);
        expect(await sidewaysPixels(page), name).toBe(0);
        expect(await page.evaluate('window.x')).toBeUndefined();
        if (process.env.SCREENSHOTS) {
          await page.screenshot({ path: `${process.env.SCREENSHOTS}/access-${name}-${look}.png`, fullPage: true });
        }
      };
      await page.goto('/access');
      await lookAt('list');
      await page.getByText('Add a person').click();
      await page.getByText('Create an API key').click();
      await lookAt('forms');
      await page.goto(await pathOf(other.name));
      await lookAt('user');
      await page.getByRole('button', { name: 'Make a new password' }).click();
      await page.getByText(`1 person, ${other.name}, is logged out everywhere`).waitFor();
      await page.getByRole('button', { name: 'Make a new password' }).last().click();
      await page.getByText('is shown only now').waitFor();
      await lookAt('secret');
      await page.goto('/audit');
      await lookAt('audit');
    } finally {
      await window.close();
    }
  });
});
