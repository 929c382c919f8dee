// Ingest's contract with its callers, on the real Kafka, registry and Postgres: what is accepted and how it is published,
// and every refusal with the place of each fault.
import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { hashApiKey } from '../../lib/api-keys.ts';
import { startUserMock, type UserMock } from '../../user-mock/app.ts';
import { type Call, event, nextYear, refusals, register } from '../support/ingest-calls.ts';
import { type IngestHarness, type PublishedRequest, startIngestHarness } from '../support/ingest-harness.ts';

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const send = '/api/v1/send_notification';

let users: UserMock;
let harness: IngestHarness;
let url: string;
let key: string;
let published: PublishedRequest[];

beforeAll(async () => {
  users = await startUserMock({ port: 0, host: '127.0.0.1' });
  harness = await startIngestHarness(users.url);
  published = (await harness.startReading()).records;
  key = await harness.createApiKey('send', 'read');
  ({ url } = await harness.startReadyIngest());
});

afterAll(async () => {
  await harness?.stop();
  await users?.stop();
});

/** @param call.body sent as it is when it is text; an empty header value leaves the header out */
function post({ path = send, headers = {}, body }: Call): Promise<Response> {
  const all = { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers };
  return fetch(`${url}${path}`, {
    method: 'POST',
    headers: Object.fromEntries(Object.entries(all).filter(([, value]) => value !== '')),
    body: body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body),
  });
}

async function readPublished(response: Response): Promise<PublishedRequest> {
  expect(response.status, await response.clone().text()).toBe(202);
  const { request_id: id } = (await response.json()) as { request_id: string };
  expect(id).toMatch(uuid);
  return vi.waitFor(
    () => {
      const found = published.find(({ event }) => event.request_id === id);
      if (!found) throw new Error(`${id} is not in Kafka`);
      return found;
    },
    { timeout: 30_000 },
  );
}

describe('what is accepted', () => {
  it('is in Kafka at the time of the 202, with everything that was asked for', async () => {
    const response = await post({
      body: event({
        is_promo: true,
        priority: 'low',
        user_ids: ['u1', 'u2', 'u1'],
        user_categories: ['active', 'vip', 'active'],
        context: { month: 'November', deep: { list: [1, 'ä'] } },
        scheduled_at: `${nextYear}-12-01T09:00:00Z`,
        expires_at: `${nextYear}-12-01T12:00:00.5+02:00`,
      }),
    });
    expect(response.headers.get('location')).toMatch(/^\/api\/v1\/requests\/[0-9a-f-]{36}$/);
    const record = await readPublished(response);
    expect(record.topic).toBe(harness.topics.requests.name);
    expect(record.key).toBe(record.event.request_id);
    const { request_id: _id, requested_at: requestedAt, ...rest } = record.event;
    expect(Math.abs(requestedAt - Date.now())).toBeLessThan(10_000);
    expect(rest).toEqual({
      template_id: 'monthly-statistics',
      is_promo: true,
      priority: 'low',
      user_ids: ['u1', 'u2'],
      user_categories: ['active', 'vip'],
      context: '{"deep":{"list":[1,"ä"]},"month":"November"}',
      scheduled_at: Date.UTC(nextYear, 11, 1, 9),
      expires_at: Date.UTC(nextYear, 11, 1, 10, 0, 0, 500),
      test: null,
    });
  });

  it('has defaults for everything but the template and the people, and one person is the key', async () => {
    const { topic, key: recordKey, event: record } = await readPublished(await post({ body: event() }));
    expect(topic).toBe(harness.topics.requests.name);
    expect(recordKey).toBe('u1');
    expect(record).toMatchObject({ is_promo: false, priority: 'medium', user_categories: [], context: '{}' });
    expect(record).toMatchObject({ scheduled_at: null, expires_at: null });
  });

  it('goes to the lane of its own when its priority is high', async () => {
    const record = await readPublished(await post({ body: event({ priority: 'high' }) }));
    expect(record.topic).toBe(harness.topics.requestsHigh.name);
  });

  it("may name a template by its old number, as text or number, and carries the caller's trace", async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const record = await readPublished(await post({ body: event({ template_id: 7 }), headers: { traceparent } }));
    expect(record.event.template_id).toBe('7');
    expect(record.traceparent).toBe(traceparent);
    const begun = await readPublished(await post({ body: event({ template_id: '7' }), headers: { traceparent: 'x' } }));
    expect(begun.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
  });

  it.each([
    ['in the body', { path: register, body: { user_id: 'u9' } }],
    ['in the query, as in the old API', { path: `${register}?user_id=u9`, headers: { 'content-type': '' } }],
  ])('welcomes a new user, named %s, at high priority', async (_where, call) => {
    const record = await readPublished(await post(call));
    expect(record).toMatchObject({ topic: harness.topics.requestsHigh.name, key: 'u9' });
    expect(record.event).toMatchObject({
      template_id: 'welcome',
      priority: 'high',
      user_ids: ['u9'],
      is_promo: false,
    });
  });

  it('keeps names such as __proto__ in a context as the data they are', async () => {
    const body = '{"event":{"template_id":"welcome","user_ids":["u1"],"context":{"__proto__":{"polluted":1},"a":1}}}';
    const { event: record } = await readPublished(await post({ body }));
    expect(record.context).toBe('{"__proto__":{"polluted":1},"a":1}');
    expect({}).not.toHaveProperty('polluted');
  });

  it('reaches the limits: 10,000 ids, 100 categories, 64 kB and 16 levels of context', async () => {
    const ids = Array.from({ length: 10_000 }, (_, index) => `${'x'.repeat(55)}${index}`);
    const many = await readPublished(await post({ body: event({ user_ids: ids }) }));
    expect(many.event.user_ids).toEqual(ids);
    const context = { deep: JSON.parse('['.repeat(15) + ']'.repeat(15)), long: '' };
    context.long = 'x'.repeat(64 * 1024 - JSON.stringify(context).length);
    const large = await readPublished(await post({ body: event({ context }) }));
    expect(large.event.context).toHaveLength(64 * 1024);
  });

  it('is also accepted with categories when the user service cannot be asked', async () => {
    const { url: other } = await harness.startReadyIngest({
      userService: { url: 'http://127.0.0.1:1', token: undefined },
    });
    const response = await fetch(`${other}${send}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify(event({ user_categories: ['no-such-category'] })),
    });
    expect((await readPublished(response)).event.user_categories).toEqual(['no-such-category']);
  });

  it('are the examples of the documentation, given the demo templates', async () => {
    await harness.db
      .insertInto('templates')
      .values({
        template_id: 'new-episode',
        title: 'New episode',
        kind: 'common',
        channel: 'sms',
        active_version: 1,
        legacy_number: null,
        archived_at: null,
      })
      .execute();
    const document = (await (await fetch(`${url}/openapi.json`)).json()) as OpenApi;
    const content = (path: string) => document.paths[path]?.post?.requestBody.content['application/json'];
    const examples = Object.values(content(send)?.examples ?? {});
    expect(examples.length).toBeGreaterThan(0);
    for (const { value } of examples) expect((await post({ body: value })).status).toBe(202);
    expect((await post({ path: register, body: content(register)?.example })).status).toBe(202);
  });
});

interface OpenApi {
  paths: Record<
    string,
    | {
        post?: {
          requestBody: {
            content: Record<string, { examples?: Record<string, { value: unknown }>; example?: unknown }>;
          };
        };
      }
    | undefined
  >;
}

interface ProblemBody {
  status: number;
  title: string;
  detail: string;
  code: string;
  errors?: { pointer?: string; parameter?: string; header?: string; detail: string }[];
}

async function readProblem(response: Response): Promise<ProblemBody> {
  expect(response.headers.get('content-type')).toBe('application/problem+json');
  const problem = (await response.json()) as ProblemBody;
  expect(problem).toMatchObject({ type: 'about:blank', status: response.status });
  expect(problem.title).not.toBe('');
  expect(problem.detail).toMatch(/[.!]$/);
  return problem;
}

async function countAccepted(): Promise<number> {
  const { count } = await harness.db
    .selectFrom('accepted')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow();
  return count;
}

describe('what is refused', () => {
  it.each(refusals)('%s', async (_title, call, status, code, places) => {
    const before = await countAccepted();
    const problem = await readProblem(await post(call));
    expect([problem.status, problem.code]).toEqual([status, code]);
    expect(problem.errors?.map(({ pointer, parameter, header }) => pointer ?? parameter ?? header)).toEqual(places);
    expect(await countAccepted()).toBe(before);
  });

  it('names every fault at once, across fields', async () => {
    const body = { event: { priority: 'x', user_ids: [], context: { a: '\u0001' }, expires_at: 'soon', more: 1 } };
    const problem = await readProblem(await post({ body }));
    expect(problem.errors?.map(({ pointer }) => pointer).sort()).toEqual([
      '/event/context/a',
      '/event/expires_at',
      '/event/more',
      '/event/priority',
      '/event/template_id',
      '/event/user_ids',
    ]);
  });

  it('tells fifty of many faults, and how many there are', async () => {
    const problem = await readProblem(await post({ body: event({ user_ids: Array(70).fill('a b') }) }));
    expect(problem.errors).toHaveLength(50);
    expect(problem.detail).toMatch('50 of 70');
  });

  it('says line and column of malformed JSON', async () => {
    const problem = await readProblem(await post({ body: '{\n  "event": {"a" 1}\n}' }));
    expect(problem.detail).toMatch('line 2, column 17');
  });

  it('says which scope a key lacks', async () => {
    const [reader, sender] = await Promise.all([harness.createApiKey('read'), harness.createApiKey('send')]);
    const sent = await post({ body: event(), headers: { authorization: `Bearer ${reader}` } });
    expect(sent.headers.get('www-authenticate')).toMatch('scope="send"');
    expect((await readProblem(sent)).status).toBe(403);
    const read = await fetch(`${url}/api/v1/notifications?user_id=a`, {
      headers: { authorization: `Bearer ${sender}` },
    });
    expect((await readProblem(read)).code).toBe('forbidden');
    const admin = await harness.createApiKey('admin');
    expect((await post({ body: event(), headers: { authorization: `Bearer ${admin}` } })).status).toBe(202);
  });

  it('a revoked key, within a few seconds', async () => {
    const revoked = await harness.createApiKey('send');
    const use = async () => (await post({ body: event(), headers: { authorization: `Bearer ${revoked}` } })).status;
    expect(await use()).toBe(202);
    await harness.db
      .updateTable('api_keys')
      .set({ revoked_at: new Date() })
      .where('key_hash', '=', hashApiKey(revoked))
      .execute();
    await vi.waitFor(async () => expect(await use()).toBe(401), { timeout: 8_000, interval: 250 });
  });

  it('a body that grows over 1 MiB without having said so', async () => {
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const call = request(`${url}${send}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', 'transfer-encoding': 'chunked' },
      });
      call.on('response', (response) => {
        resolve(response.statusCode);
        response.resume();
      });
      call.on('error', reject);
      for (let count = 0; count < 20; count += 1) call.write('x'.repeat(64 * 1024));
      call.end();
    });
    expect(status).toBe(413);
  });

  it('calls beyond the rate of a key, saying when to come again', async () => {
    const { url: slow } = await harness.startReadyIngest({ ratePerKey: 5 });
    const calls = Array.from({ length: 12 }, () =>
      fetch(`${slow}${send}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        body: JSON.stringify(event()),
      }),
    );
    const answers = await Promise.all(calls);
    const refused = answers.find(({ status }) => status === 429);
    expect(answers.filter(({ status }) => status === 202).length).toBeLessThan(12);
    expect(refused?.headers.get('retry-after')).toBe('1');
    expect((await readProblem(refused as Response)).code).toBe('too_many_requests');
  });
});

describe('for people', () => {
  it('shows its documentation without anything from elsewhere', async () => {
    const page = await (await fetch(`${url}/`)).text();
    for (const [, source] of page.matchAll(/(?:src|href)="([^"]+)"/g)) {
      expect(source).toMatch(/^\//);
      expect((await fetch(`${url}${source}`)).status, source).toBe(200);
    }
  });

  it('counts its answers by route and status', async () => {
    const { url: own, opsPort } = await harness.startReadyIngest();
    await fetch(`${own}/api/v1/requests/x`, { headers: { authorization: `Bearer ${key}` } });
    const metrics = await (await fetch(`http://127.0.0.1:${opsPort}/metrics`)).text();
    expect(metrics).toMatch(/posthorn_http_requests_total\{route="GET \/api\/v1\/requests\/:id",status="404",.*\} 1/);
  });
});
