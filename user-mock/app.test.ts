import { afterEach, expect, it } from 'vitest';
import { type AppOptions, createApp, startUserMock } from './app.ts';
import { toUserId } from './user-ids.ts';
import { toUser } from './users.ts';

const running = new AbortController();
const json = (method: string, body: unknown) => ({ method, body: JSON.stringify(body) });
const world = (options: AppOptions = {}) => {
  const app = createApp(options, running.signal);
  return async (path: string, init?: RequestInit) => {
    const answer = await app.request(path, init);
    const text = await answer.text();
    const isJson = answer.headers.get('content-type')?.startsWith('application/json') === true;
    return { status: answer.status, headers: answer.headers, text, body: isJson ? JSON.parse(text) : undefined };
  };
};
const sms = (key: string, text = 'Hello') => json('POST', { to: '+999550000042', text, idempotency_key: key });

const started: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(started.splice(0).map((mock) => mock.stop()));
});
async function start(options: Partial<Parameters<typeof startUserMock>[0]> = {}) {
  const mock = await startUserMock({ port: 0, host: '127.0.0.1', ...options });
  started.push(mock);
  return mock;
}

it('answers one person whole, and 404 for nobody', async () => {
  const ask = world();
  const { status, body } = await ask(`/users/${toUserId(47)}`);
  expect(status).toBe(200);
  expect(body).toEqual(toUser(47));
  expect(Object.keys(body)).toEqual(
    'id first_name last_name email phone locale time_zone promo_agree category films_month_count favourite_genre'.split(
      ' ',
    ),
  );
  expect(await ask('/users/nobody')).toMatchObject({ status: 404, body: { code: 'user_not_found' } });
});

it('answers a batch in the order asked, each person once, and names who is missing', async () => {
  const ids = [toUserId(9), 'nobody', toUserId(3), toUserId(9), 'nobody'];
  const { body } = await world()('/users/batch', json('POST', { ids }));
  expect(body).toEqual({ users: [toUser(9), toUser(3)], missing: ['nobody'] });
});

it('takes a batch of 1,000 and refuses 1,001 and what is no batch', async () => {
  const ask = world();
  const ids = Array.from({ length: 1_001 }, (_, number) => toUserId(number));
  expect((await ask('/users/batch', json('POST', { ids: ids.slice(1) }))).body.users).toHaveLength(1_000);
  expect(await ask('/users/batch', json('POST', { ids }))).toMatchObject({ status: 422, body: { code: 'bad_batch' } });
  expect(await ask('/users/batch', json('POST', { ids: [7] }))).toMatchObject({ status: 422 });
  expect(await ask('/users/batch', json('POST', {}))).toMatchObject({ status: 422 });
  expect(await ask('/users/batch', { method: 'POST', body: '{"ids"' })).toMatchObject({ status: 400 });
  expect(await ask('/users/batch', { method: 'POST', body: `"${'x'.repeat(300_000)}"` })).toMatchObject({
    status: 413,
  });
});

it('finds people by address, in any letter case, each once, and names addresses that nobody has', async () => {
  const ask = world();
  const [one, two] = [toUser(9), toUser(47)];
  const emails = [one.email, two.email?.toUpperCase(), one.email?.toUpperCase(), 'nobody.1@example.com', 'x'];
  expect((await ask('/users/lookup', json('POST', { emails }))).body).toEqual({
    users: [one, two],
    missing: ['nobody.1@example.com', 'x'],
  });
  const phones = [one.phone, '+999551', '+999550000009x', '+1555010'];
  const byPhone = (await ask('/users/lookup', json('POST', { phones }))).body;
  expect(byPhone).toEqual({ users: one.phone ? [one] : [], missing: phones.slice(1) });
});

it('refuses a look-up of both kinds, of none, and of 1,001', async () => {
  const ask = world();
  const many = Array.from({ length: 1_001 }, (_, number) => `${number}@example.com`);
  for (const body of [{}, { emails: ['a'], phones: ['b'] }, { emails: 'a' }, { emails: [1] }, { emails: many }]) {
    const answer = await ask('/users/lookup', json('POST', body));
    expect(answer, JSON.stringify(body).slice(0, 40)).toMatchObject({ status: 422, body: { code: 'bad_lookup' } });
  }
  expect(await ask('/users/lookup', { method: 'POST', body: '{' })).toMatchObject({ status: 400 });
});

it('pages through a category by id until next is null', async () => {
  const ask = world();
  const seen: string[] = [];
  let pages = 0;
  for (let after = ''; ; ) {
    const { body } = await ask(`/users?category=staff&limit=250&fields=id${after && `&after=${after}`}`);
    seen.push(...body.users);
    pages++;
    if (body.next === null) break;
    after = body.next;
  }
  expect(seen).toHaveLength(1_000);
  expect(pages).toBe(4);
  expect(seen).toEqual([...new Set(seen)].sort());
});

it('unites categories, named with commas or one by one, and answers whole people by default', async () => {
  const ask = world();
  const first = (await ask('/users?category=vip,new&limit=5')).body;
  expect(first.users.map((user: { category: string }) => user.category)).toEqual(expect.arrayContaining(['new']));
  expect(first.users[0]).toHaveProperty('email');
  expect((await ask('/users?category=vip&category=new&limit=5')).body).toEqual(first);
  expect((await ask('/users?category=vip')).body.users).toHaveLength(1_000);
});

it.each([
  ['category=activ', 'unknown_category'],
  ['category=active,', 'unknown_category'],
  ['', 'bad_page'],
  ['category=vip&limit=10001', 'bad_page'],
  ['category=vip&limit=0', 'bad_page'],
  ['category=vip&limit=many', 'bad_page'],
  ['category=vip&fields=email', 'bad_page'],
  ['category=vip&page=2', 'bad_page'],
  ['category=vip&after=nobody', 'unknown_after'],
])('refuses the page %s with %s', async (query, code) => {
  expect(await world()(`/users?${query}`)).toMatchObject({ status: 422, body: { code, error: expect.any(String) } });
});

it('names its categories with their sizes', async () => {
  const { body } = await world()('/categories');
  expect(body[0]).toEqual({ name: 'active', count: 600_000 });
  expect(body.reduce((sum: number, category: { count: number }) => sum + category.count, 0)).toBe(1_000_000);
});

it('delivers a message once for each key, however often it is posted', async () => {
  const ask = world();
  const first = await ask('/sms', sms('a'));
  expect(first).toMatchObject({ status: 202, body: { id: expect.any(String), status: 'accepted' } });
  expect((await ask('/sms', sms('a'))).body).toEqual(first.body);
  await ask('/sms', sms('b'));
  const inbox = await ask('/sms/messages?to=%2B999550000042&limit=10');
  expect(inbox.body).toMatchObject({ total: 2, kept: 2, repeats: 1, messages: [{ idempotency_key: 'b' }, {}] });
  expect((await ask('/sms/messages', { method: 'DELETE' })).body).toEqual({ deleted: 2 });
  expect((await ask('/sms/messages')).body.messages).toEqual([]);
});

it.each([
  ['a number that is none', { to: '0555', text: 'x', idempotency_key: 'k' }, 'to: '],
  ['no text', { to: '+999550000042', text: '', idempotency_key: 'k' }, 'text: is empty'],
  ['no key', { to: '+999550000042', text: 'x' }, 'idempotency_key: '],
  ['more than ten parts', { to: '+999550000042', text: 'я'.repeat(671), idempotency_key: 'k' }, 'more than 10 parts'],
  ['an unknown field', { to: '+999550000042', text: 'x', idempotency_key: 'k', from: 'y' }, 'from'],
])('refuses a message with %s', async (_, body, error) => {
  const answer = await world()('/sms', json('POST', body));
  expect(answer).toMatchObject({ status: 422, body: { code: 'bad_message', error: expect.stringContaining(error) } });
});

it('shows messages on the inbox page with everything escaped', async () => {
  const ask = world();
  expect((await ask('/sms')).text).toContain('No messages yet');
  await ask('/sms', sms('"><img>', `<script>alert("x")</script> O'Connor & я`));
  const page = await ask('/sms?to=%3Cb%3E');
  expect(page.text).toContain('No message to <strong>&lt;b&gt;</strong>');
  const { text, headers } = await ask('/sms');
  expect(text).toContain('&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt; O&#39;Connor &amp; я');
  expect(text).toContain('&quot;&gt;&lt;img&gt;');
  expect(text).toContain('1 part · UCS-2');
  expect(headers.get('content-security-policy')).toContain("default-src 'none'");
});

it('explains itself on the start page and says when it misbehaves', async () => {
  const ask = world();
  expect((await ask('/')).text).not.toContain('Misbehaving');
  await ask('/knobs', json('PUT', { error_rate: 0.5, routes: 'sms' }));
  const { text } = await ask('/');
  expect(text).toMatch(/Misbehaving on purpose<\/strong> \(sms\):\s+error_rate 0.5/);
  expect(text).toContain('Anna &amp; Tom');
});

it('asks for the token of each service when there is one', async () => {
  const ask = world({ userServiceToken: 'u', smsGatewayToken: 's' });
  const withToken = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });
  expect(await ask('/categories')).toMatchObject({ status: 401, body: { code: 'unauthorized' } });
  expect(await ask('/users/batch', { ...json('POST', { ids: [] }), ...withToken('s') })).toMatchObject({ status: 401 });
  expect(await ask('/users/batch', { ...json('POST', { ids: [] }), ...withToken('u') })).toMatchObject({ status: 200 });
  expect(await ask('/sms', { ...sms('a'), ...withToken('u') })).toMatchObject({ status: 401 });
  expect(await ask('/sms', { ...sms('a'), ...withToken('s') })).toMatchObject({ status: 202 });
});

it('answers JSON for what it does not know', async () => {
  expect(await world()('/nothing')).toMatchObject({ status: 404, body: { code: 'no_such_route' } });
});

it('serves on a free port and stops while a request hangs', async () => {
  const mock = await start({ knobs: { hang_rate: 1 } });
  const hanging = fetch(`${mock.url}/categories`).then(
    () => 'answered',
    () => 'cut',
  );
  expect(await (await fetch(`${mock.url}/healthz`)).json()).toEqual({ status: 'ok' });
  await mock.stop();
  expect(await hanging).toBe('cut');
  await expect(fetch(`${mock.url}/healthz`)).rejects.toThrow();
});

it('says by its code that a port is taken', async () => {
  const { port } = await start();
  await expect(start({ port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
});
