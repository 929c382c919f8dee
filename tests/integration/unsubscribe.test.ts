// The pages behind the link in promotional mail: GET shows, POST acts, and nobody needs a log-in.
import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { toUnsubscribeToken, toUnsubscribeUrl } from '../../content/unsubscribe.ts';
import { startFreezableProxy } from '../support/freezable-proxy.ts';
import { type IngestHarness, startIngestHarness } from '../support/ingest-harness.ts';

const secret = 'the secret of this test';
let harness: IngestHarness;
let url: string;
let token: string;
let userId: string;
let count = 0;

beforeAll(async () => {
  harness = await startIngestHarness('http://127.0.0.1:1');
  ({ url } = await harness.startReadyIngest({ secret, publicUrl: 'https://example.com/mail' }));
});

afterAll(async () => {
  await harness?.stop();
});

beforeEach(() => {
  count += 1;
  userId = `person:${count}`;
  token = toUnsubscribeToken(secret, { userId, channel: 'email' });
});

const rows = () =>
  harness.db.selectFrom('unsubscribes').select(['channel', 'source']).where('user_id', '=', userId).execute();
const get = (path = `/u/${token}`, method = 'GET') => fetch(`${url}${path}`, { method });
const post = (body: URLSearchParams | FormData | string, path = `/u/${token}`) =>
  fetch(`${url}${path}`, { method: 'POST', body });
const press = (action: string) => post(new URLSearchParams({ action }));

describe('the page', () => {
  it('asks, and GET and HEAD change nothing', async () => {
    const response = await get();
    expect(response.status).toBe(200);
    const html = await response.text();
    expect(html).toContain('<h1>Unsubscribe?</h1>');
    expect(html).toMatch(/<form method="post"><button name="action" value="unsubscribe">/);
    const head = await get(undefined, 'HEAD');
    expect([head.status, await head.text()]).toEqual([200, '']);
    for (const query of ['?action=unsubscribe', '?List-Unsubscribe=One-Click']) await get(`/u/${token}${query}`);
    expect(await rows()).toEqual([]);
  });

  it('unsubscribes by its button, says so from then on, and takes it back', async () => {
    const done = await press('unsubscribe');
    expect([done.status, await done.text()]).toEqual([200, expect.stringContaining('<h1>You are unsubscribed</h1>')]);
    expect(await rows()).toEqual([{ channel: 'email', source: 'page' }]);
    expect(await (await get()).text()).toMatch(/You are unsubscribed[\s\S]*value="resubscribe"/);
    expect(await (await press('resubscribe')).text()).toContain('You are subscribed again');
    expect(await rows()).toEqual([]);
    expect(await (await get()).text()).toContain('Unsubscribe?');
  });

  it('runs no script, keeps nothing, tells nobody its address and stands in no frame', async () => {
    const { headers } = await get();
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('referrer-policy')).toBe('no-referrer');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('x-robots-tag')).toContain('noindex');
    expect(headers.get('set-cookie')).toBeNull();
    expect(headers.get('content-security-policy')).toMatch(
      /^default-src 'none'; style-src 'sha256-[^']+'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'$/,
    );
  });

  it('is also served below the path of PUBLIC_URL, for proxies that leave it in', async () => {
    const path = `/mail/u/${token}`;
    expect((await get(path)).status).toBe(200);
    expect((await post(new URLSearchParams({ action: 'unsubscribe' }), path)).status).toBe(200);
    expect(await rows()).toHaveLength(1);
  });
});

describe('one click in a mail program (RFC 8058)', () => {
  const form = () => {
    const data = new FormData();
    data.set('List-Unsubscribe', 'One-Click');
    return data;
  };
  const typed = (body: string, type: string | undefined) =>
    fetch(`${url}/u/${token}`, {
      method: 'POST',
      body: Buffer.from(body),
      headers: type === undefined ? {} : { 'content-type': type },
    });

  it.each([
    ['multipart/form-data', form],
    ['application/x-www-form-urlencoded', () => new URLSearchParams('List-Unsubscribe=One-Click')],
  ])('unsubscribes when it comes as %s, as often as it comes', async (_, body) => {
    for (const answer of [await post(body()), await post(body())]) {
      expect([answer.status, answer.redirected, await answer.text()]).toEqual([200, false, 'unsubscribed\n']);
    }
    expect(await rows()).toEqual([{ channel: 'email', source: 'one_click' }]);
  });

  it.each([
    ['something else', new URLSearchParams('List-Unsubscribe=No')],
    ['another type', '{"List-Unsubscribe":"One-Click"}'],
  ])('does nothing for a POST that says %s, and shows the button', async (_, body) => {
    const answer = await post(body);
    expect(answer.status).toBe(400);
    expect(await answer.text()).toMatch(/Nothing was changed[\s\S]*value="unsubscribe"/);
    expect(await rows()).toEqual([]);
  });

  const asForm = 'application/x-www-form-urlencoded';
  it.each([
    ['', undefined],
    ['', 'text/plain'],
    ['', asForm],
    ['', 'multipart/form-data; boundary=x'],
    ['\r\n', 'text/plain'],
    ['List-Unsubscribe=One-Click', undefined],
    ['List-Unsubscribe=One-Click', 'text/plain; charset=utf-8'],
    ['List-Unsubscribe=One-Click\r\n', asForm],
    ['list-unsubscribe=one-click\n', 'text/plain'],
    ['LIST-UNSUBSCRIBE=ONE-CLICK', asForm],
    ['list-unsubscribe=One-Click&x=1', asForm],
  ])('unsubscribes by %j as %s too', async (body, type) => {
    const answer = await typed(body, type);
    expect([answer.status, await answer.text()]).toEqual([200, 'unsubscribed\n']);
    expect(await rows()).toEqual([{ channel: 'email', source: 'one_click' }]);
  });

  it('takes an address with a slash behind it for the same', async () => {
    expect(await (await get(`/u/${token}/`)).text()).toContain('<h1>Unsubscribe?</h1>');
    expect((await post(form(), `/u/${token}/`)).status).toBe(200);
    expect(await rows()).toHaveLength(1);
  });

  it('keeps which request made somebody unsubscribe, by the click and by the button, where the link says so', async () => {
    const requestId = randomUUID();
    const link = new URL(toUnsubscribeUrl('https://example.com', secret, { userId, channel: 'email' }, requestId));
    const kept = () =>
      harness.db.selectFrom('unsubscribes').select('request_id').where('user_id', '=', userId).execute();
    await post(form(), `${link.pathname}${link.search}`);
    expect(await kept()).toEqual([{ request_id: requestId }]);
    await press('resubscribe');
    await post(new URLSearchParams({ action: 'unsubscribe' }), `${link.pathname}${link.search}`);
    expect(await kept()).toEqual([{ request_id: requestId }]);
    await press('resubscribe');
    await post(form(), `${link.pathname}?r=forged`);
    expect(await kept()).toEqual([{ request_id: null }]);
  });

  it('keeps the channels apart', async () => {
    const sms = toUnsubscribeToken(secret, { userId, channel: 'sms' });
    await post(new URLSearchParams('List-Unsubscribe=One-Click'), `/u/${sms}`);
    expect(await rows()).toEqual([{ channel: 'sms', source: 'one_click' }]);
    expect(await (await get()).text()).toContain('Unsubscribe?');
  });
});

describe('a link that is none', () => {
  it.each([
    'x',
    'YWRh.00000000000000000000000000000000',
    '%00',
    '..%2f..%2fetc',
    toUnsubscribeToken('another secret of words', { userId: 'person:1', channel: 'email' }),
  ])('gets a page with 404 in plain words: %s', async (bad) => {
    for (const answer of [
      await get(`/u/${bad}`),
      await post(new URLSearchParams({ action: 'unsubscribe' }), `/u/${bad}`),
    ]) {
      expect(answer.status).toBe(404);
      expect(await answer.text()).toContain('<h1>This link does not work</h1>');
    }
    expect(
      await harness.db.selectFrom('unsubscribes').select('user_id').where('user_id', '=', 'ada').execute(),
    ).toEqual([]);
  });
});

describe('the link of a test message', () => {
  it('says that it is one, and changes nothing', async () => {
    const before = await harness.db.selectFrom('unsubscribes').selectAll().execute();
    for (const answer of [
      await get('/u/test'),
      await post(new URLSearchParams({ action: 'unsubscribe' }), '/u/test'),
    ]) {
      expect([answer.status, await answer.text()]).toEqual([200, expect.stringContaining('This was a test message')]);
    }
    const click = await post(new URLSearchParams('List-Unsubscribe=One-Click'), '/u/test');
    expect(click.status).toBe(200);
    expect(await harness.db.selectFrom('unsubscribes').selectAll().execute()).toEqual(before);
  });
});

describe('what is too much', () => {
  it('refuses a body over 16 kB, announced or not', async () => {
    expect((await post(new URLSearchParams({ action: 'unsubscribe', more: 'x'.repeat(20_000) }))).status).toBe(413);
    const { hostname, port } = new URL(url);
    const head = `POST /u/${token} HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n`;
    const socket = connect(Number(port), hostname);
    const answer = await new Promise<string>((resolve, reject) => {
      socket.once('data', (data) => resolve(data.toString())).once('error', reject);
      socket.write(`${head}Transfer-Encoding: chunked\r\n\r\n5000\r\n${'x'.repeat(0x5000)}\r\n`);
    });
    socket.destroy();
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(await rows()).toEqual([]);
  });

  it('refuses a form that is not what it says', async () => {
    const answer = await fetch(`${url}/u/${token}`, {
      method: 'POST',
      headers: { 'content-type': 'multipart/form-data; boundary=x' },
      body: 'List-Unsubscribe=One-Click',
    });
    expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining('Nothing was changed')]);
    expect(await rows()).toEqual([]);
  });

  it('slows down whoever uses one link over and over, and nobody else', async () => {
    const answers = await Promise.all(Array.from({ length: 30 }, () => get()));
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused.length).toBeGreaterThan(0);
    expect(Number(refused[0]?.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    const other = toUnsubscribeToken(secret, { userId: 'somebody-else', channel: 'email' });
    expect((await get(`/u/${other}`)).status).toBe(200);
  });

  it.each(['PUT', 'DELETE'])('does not take %s', async (method) => {
    const answer = await get(undefined, method);
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET, HEAD, POST']);
  });
});

describe('while Postgres is gone', () => {
  it('says with 503 and Retry-After that nothing was changed', async () => {
    const target = new URL(harness.databaseUrl);
    const proxy = await startFreezableProxy({ host: target.hostname, port: Number(target.port) });
    target.port = String(proxy.port);
    const troubled = await harness.startReadyIngest({ secret, databaseUrl: target.href });
    const address = `${troubled.url}/u/${token}`;
    const call = (method: string, body?: URLSearchParams) =>
      fetch(address, { method, ...(body ? { body } : {}), signal: AbortSignal.timeout(10_000) });
    expect((await call('GET')).status).toBe(200);
    await proxy.stop();
    for (const answer of await Promise.all([
      call('GET'),
      call('POST', new URLSearchParams({ action: 'unsubscribe' })),
      call('POST', new URLSearchParams('List-Unsubscribe=One-Click')),
    ])) {
      expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '2']);
      expect(await answer.text()).toContain('Nothing was changed. Please try again in a minute.');
    }
    await troubled.stop();
    expect(await rows()).toEqual([]);
  });

  it('says the same before the setup has run, but knows test messages and wrong links', async () => {
    const kafka = { brokers: ['127.0.0.1:1'], topicPrefix: '', ssl: false, caFile: undefined, sasl: undefined };
    const early = await harness.startIngest({ secret, kafka });
    const statuses = await Promise.all(
      [token, 'test', 'wrong'].map(async (path) => (await fetch(`${early.url}/u/${path}`)).status),
    );
    expect(statuses).toEqual([503, 200, 404]);
    await early.stop();
  });
});
