// POST /api/v1/requests/{id}/cancel: what callers are told, and what is written for those who act on it.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type IngestHarness, startIngestHarness } from '../support/ingest-harness.ts';

let harness: IngestHarness;
let url: string;
let key: string;

beforeAll(async () => {
  harness = await startIngestHarness('http://127.0.0.1:1');
  key = await harness.createApiKey('admin');
  ({ url } = await harness.startReadyIngest());
});

afterAll(async () => {
  await harness?.stop();
});

async function call(path: string, options: { apiKey?: string; method?: string; body?: object } = {}) {
  const { apiKey = key, method = 'POST', body } = options;
  const response = await fetch(`${url}/api/v1/${path}`, {
    method,
    headers: { authorization: `Bearer ${apiKey}`, ...(body ? { 'content-type': 'application/json' } : {}) },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Record<string, unknown>,
  };
}
const cancel = (id: string, apiKey?: string) => call(`requests/${id}/cancel`, apiKey ? { apiKey } : {});

async function submit(): Promise<string> {
  const { body } = await call('send_notification', { body: { event: { template_id: 'welcome', user_ids: ['u1'] } } });
  return String(body.request_id);
}

const storeRequest = (requestId: string, over: object = {}) =>
  harness.db
    .insertInto('requests')
    .values({
      request_id: requestId,
      body_hash: Buffer.alloc(32),
      state: 'running',
      template_id: 'welcome',
      template_version: 1,
      template_kind: 'common',
      channel: 'email',
      on_no_answer: 'resend',
      priority: 'low',
      is_promo: false,
      context: '{}',
      planned: 1,
      planning_complete: true,
      requested_at: new Date(),
      scheduled_at: null,
      expires_at: null,
      ...over,
    })
    .execute();
const holdOf = (id: string) =>
  harness.db
    .selectFrom('holds')
    .select(['state', 'changed_by', 'changed_at'])
    .where('request_id', '=', id)
    .executeTakeFirst();

it('cancels what was accepted a moment ago, says who did it, and again is the same', async () => {
  const id = await submit();
  const first = await cancel(id.toUpperCase());
  expect([first.status, first.body]).toEqual([202, { request_id: id }]);
  expect(first.headers.get('location')).toBe(`/api/v1/requests/${id}`);
  const held = await holdOf(id);
  expect(held).toMatchObject({ state: 'cancelled', changed_by: 'test' });
  const again = await cancel(id);
  expect([again.status, again.body]).toEqual([202, { request_id: id }]);
  expect(await holdOf(id)).toEqual(held);
  expect((await call(`requests/${id}`, { method: 'GET' })).body.state).toBe('cancelled');
});

it('cancels what runs, what is paused, and a mailing that is confirmed', async () => {
  const [running, paused, mailing] = [randomUUID(), randomUUID(), randomUUID()];
  await storeRequest(running);
  await storeRequest(paused, { driven: true });
  await harness.db.insertInto('holds').values({ request_id: paused, state: 'paused', changed_by: 'ada' }).execute();
  const unset = { legacy_number: null, template_version: 1, recurrence: null, expires_at: null, released_at: null };
  await harness.db
    .insertInto('mailings')
    .values({
      ...unset,
      mailing_id: mailing,
      status: 'confirmed',
      title: 'News',
      template_id: 'welcome',
      scheduled_at: null,
      expires_after_minutes: null,
      confirmed_count: 1,
      confirmed_at: new Date(),
      confirmed_by: 'ada',
    })
    .execute();
  for (const id of [running, paused, mailing]) {
    expect((await cancel(id)).status).toBe(202);
    expect(await holdOf(id)).toMatchObject({ state: 'cancelled', changed_by: 'test' });
  }
});

it('refuses what has ended already, and writes nothing', async () => {
  const [done, rejected] = [randomUUID(), randomUUID()];
  await storeRequest(done);
  await harness.db
    .insertInto('counters')
    .values({ request_id: done, chunk_id: randomUUID(), state: 'sent', count: 1 })
    .execute();
  await storeRequest(rejected, { state: 'rejected', detail: 'there is no template "x"', planned: 0 });
  for (const id of [done, rejected]) {
    const { status, headers, body } = await cancel(id);
    expect([status, body.code]).toEqual([409, 'request_ended']);
    expect(headers.get('content-type')).toBe('application/problem+json');
    expect(await holdOf(id)).toBeUndefined();
  }
});

it('goes on accepting a cancel whose people have all ended', async () => {
  const id = randomUUID();
  await storeRequest(id);
  await cancel(id);
  await harness.db
    .insertInto('counters')
    .values({ request_id: id, chunk_id: randomUUID(), state: 'skipped', reason: 'cancelled', count: 1 })
    .execute();
  expect((await cancel(id)).status).toBe(202);
});

it.each([randomUUID(), 'x', '%00'])('says 404 for %s, which nobody knows', async (id) => {
  const { status, body } = await cancel(id);
  expect([status, body.code]).toEqual([404, 'not_found']);
});

it('lets a key cancel and read what it asked for itself, and no more', async () => {
  const [mine, other] = await Promise.all([
    harness.createApiKey('send', 'read', 'cancel'),
    harness.createApiKey('send', 'read', 'cancel'),
  ]);
  const submitBy = async (apiKey: string) =>
    String(
      (await call('send_notification', { apiKey, body: { event: { template_id: 'welcome', user_ids: ['u1'] } } })).body
        .request_id,
    );
  const read = async (id: string, apiKey: string) => (await call(`requests/${id}`, { apiKey, method: 'GET' })).status;
  const own = await submitBy(mine);
  expect(await read(own, other)).toBe(403);
  const refused = await cancel(own, other);
  expect([refused.status, refused.body.code, refused.body.detail]).toEqual([
    403,
    'forbidden',
    'Another API key made this request. To cancel it, use a key with the scope "admin".',
  ]);
  expect(await holdOf(own)).toBeUndefined();
  expect(await read(own, mine)).toBe(200);
  expect((await cancel(own, mine)).status).toBe(202);
  const audited = () =>
    harness.db.selectFrom('audit').select(['who', 'action']).where('subject', '=', `request ${own}`).execute();
  expect(await audited()).toEqual([{ who: 'key test', action: 'request.cancelled' }]);
  await cancel(own, mine);
  expect(await audited(), 'cancelled once').toHaveLength(1);

  // Known by the planner's row alone, as after the seven days for which keys are kept.
  const stored = randomUUID();
  const { api_key_id: ownerId } = await harness.db
    .selectFrom('accepted')
    .select('api_key_id')
    .where('request_id', '=', own)
    .executeTakeFirstOrThrow();
  await storeRequest(stored, { api_key_id: ownerId });
  expect([await read(stored, mine), await read(stored, other)]).toEqual([200, 403]);

  const byTopic = randomUUID();
  await storeRequest(byTopic);
  expect(await read(byTopic, other)).toBe(200);
  expect((await cancel(byTopic, other)).status).toBe(403);

  const ofPanel = randomUUID();
  await storeRequest(ofPanel, { origin: 'mailing' });
  expect([await read(ofPanel, other), (await cancel(ofPanel, other)).status]).toEqual([403, 403]);
  expect([await read(ofPanel, key), (await cancel(ofPanel, key)).status]).toEqual([200, 202]);

  const listed = (query: string, apiKey: string) => call(`notifications?${query}`, { apiKey, method: 'GET' });
  expect((await listed('user_id=u1', mine)).status).toBe(403);
  expect((await listed('user_id=u1', key)).status).toBe(200);
  expect((await listed(`request_id=${own}&user_id=u1`, mine)).status).toBe(200);
  expect((await listed(`request_id=${own}`, other)).status).toBe(403);
});

it('asks for a key that may cancel, and for POST', async () => {
  const id = await submit();
  expect((await cancel(id, await harness.createApiKey('send', 'read', 'feedback'))).status).toBe(403);
  expect((await cancel(id, 'ph_wrong')).status).toBe(401);
  const { status, headers } = await call(`requests/${id}/cancel`, { method: 'GET' });
  expect([status, headers.get('allow')]).toEqual([405, 'POST']);
  expect(await holdOf(id)).toBeUndefined();
});
