import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AdminLab, addAdminUser, startAdminLab, visit } from '../support/admin-lab.ts';

let lab: AdminLab;
beforeAll(async () => {
  lab = await startAdminLab();
});
afterAll(() => lab?.stop());

const tryPassword = (name: string, password: string) =>
  fetch(`${lab.url}/login`, { method: 'POST', redirect: 'manual', body: new URLSearchParams({ name, password }) });

describe('logging in', () => {
  it('is what every page asks for first, and leads back to that page', async () => {
    const answer = await fetch(`${lab.url}/mailings`, { redirect: 'manual' });
    expect([answer.status, answer.headers.get('location')]).toEqual([303, '/login?to=%2Fmailings']);
  });

  it('never leads to another site', async () => {
    await addAdminUser(lab.db, 'careful', 'a long password', ['viewer']);
    const odd = ['/\t/evil.example', '/%09/evil.example', '/%5Cevil.example', '/%252F/evil.example', '/@evil.example'];
    for (const to of odd) {
      const page = await (await fetch(`${lab.url}/login?${new URLSearchParams({ to })}`)).text();
      expect(page).toContain('name="to" value="/"');
    }
    for (const to of ['//evil.example', '/\t/evil.example', '/\\evil.example']) {
      const body = new URLSearchParams({ name: 'careful', password: 'a long password', to });
      const answer = await fetch(`${lab.url}/login`, { method: 'POST', redirect: 'manual', body });
      expect(answer.headers.get('location')).toBe('/');
    }
  });

  it('tells neither whether the name exists nor which of the two was wrong, and sets no cookie', async () => {
    await addAdminUser(lab.db, 'known', 'a long password', ['viewer']);
    const [known, unknown] = await Promise.all([tryPassword('known', 'wrong'), tryPassword('nobody', 'wrong')]);
    expect([known.status, unknown.status]).toEqual([401, 401]);
    expect(known.headers.get('set-cookie')).toBeNull();
    const words = (text: string) => text.replace(/value="[^"]*"/g, '');
    expect(words(await known.text())).toBe(words(await unknown.text()));
  });

  it('makes a name wait after five wrong passwords in a row, even with the right one, and says how long', async () => {
    await addAdminUser(lab.db, 'guessed', 'the right password', ['viewer']);
    for (let n = 0; n < 5; n++) expect((await tryPassword('guessed', `wrong ${n}`)).status).toBe(401);
    const answer = await tryPassword('guessed', 'the right password');
    expect(answer.status).toBe(429);
    expect(await answer.text()).toMatch(/Wait (29|30) seconds/);
  });

  it('ends with the log-out, with a disabled account, and with a changed password elsewhere', async () => {
    const [one, other] = [await lab.logIn('viewer'), await lab.logIn('viewer')];
    const elsewhere = await visit(lab.url, other.name, other.password);
    await one.post('/logout');
    expect((await one.get('/account')).status).toBe(303);
    const fields = { current: other.password, wanted: 'another long one', again: 'another long one' };
    expect((await other.post('/account/password', fields)).status).toBe(303);
    expect((await elsewhere.get('/account')).status).toBe(303);
    expect((await other.get('/account')).status).toBe(200);
    await lab.db.updateTable('admin_users').set({ disabled_at: new Date() }).where('name', '=', other.name).execute();
    expect((await other.get('/account')).status).toBe(303);
  });
});

describe('a change', () => {
  const send = (cookie: string, body: Record<string, string>, headers: Record<string, string> = {}) =>
    fetch(`${lab.url}/account/password`, {
      method: 'POST',
      redirect: 'manual',
      headers: { cookie, ...headers },
      body: new URLSearchParams(body),
    });

  it('needs the token of the session', async () => {
    const visitor = await lab.logIn('viewer');
    expect((await send(visitor.cookie, { current: 'x' })).status).toBe(403);
    expect((await send(visitor.cookie, { _csrf: 'guessed', current: 'x' })).status).toBe(403);
    expect((await send(visitor.cookie, { _csrf: await visitor.csrf(), current: 'x' })).status).toBe(422);
  });

  it('is refused from a page of another site', async () => {
    const visitor = await lab.logIn('viewer');
    const body = { _csrf: await visitor.csrf(), current: 'x' };
    expect((await send(visitor.cookie, body, { origin: 'https://evil.example' })).status).toBe(403);
    expect((await send(visitor.cookie, body, { 'sec-fetch-site': 'cross-site' })).status).toBe(403);
  });

  it('is answered with what to do when it is larger than a form may be', async () => {
    const visitor = await lab.logIn('viewer');
    const answer = await visitor.post('/account/password', { current: 'x'.repeat(3 * 1024 * 1024) });
    expect(answer.status).toBe(413);
    expect(await answer.text()).toContain('at most 2048 kB');
  });
});

it('sends every page with a policy that runs no script but our own', async () => {
  const answer = await fetch(`${lab.url}/login`);
  expect(answer.headers.get('content-security-policy')).toContain("script-src 'self';");
  expect(answer.headers.get('cache-control')).toBe('no-store');
});
