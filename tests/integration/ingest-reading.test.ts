// What callers read back: how far a request is, one person's messages, the journey of one of them.
import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { toMonth } from '../../lib/db/database.ts';
import type { Database } from '../../lib/db/tables.ts';
import { type PageQuery, selectPage } from '../../services/ingest/notification-queries.ts';
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

async function get<T = Record<string, unknown>>(path: string): Promise<{ status: number; body: T }> {
  const response = await fetch(`${url}/api/v1/${path}`, { headers: { authorization: `Bearer ${key}` } });
  return { status: response.status, body: (await response.json()) as T };
}

async function submit(): Promise<string> {
  const response = await fetch(`${url}/api/v1/send_notification`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ event: { template_id: 'welcome', user_ids: ['u1', 'u2', 'u3'] } }),
  });
  return ((await response.json()) as { request_id: string }).request_id;
}

const at = (second: number) => new Date(Date.UTC(2026, 10, 23, 9, 0, second));

async function storeRequest(requestId: string, over: object = {}): Promise<void> {
  await harness.db
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
      planned: 3,
      planning_complete: true,
      requested_at: at(0),
      scheduled_at: null,
      expires_at: null,
      stored_at: at(1),
      ...over,
    })
    .execute();
}

type Counter = Omit<Database['counters'], 'request_id' | 'chunk_id' | 'reason'> & { reason?: string };
const count = (requestId: string, ...rows: Counter[]) =>
  harness.db
    .insertInto('counters')
    .values(rows.map((row) => ({ ...row, request_id: requestId, chunk_id: randomUUID() })))
    .execute();

it('knows a request from the moment of the 202', async () => {
  const id = await submit();
  const { status, body } = await get(`requests/${id.toUpperCase()}`);
  expect(status).toBe(200);
  expect(body).toMatchObject({
    request_id: id,
    state: 'accepted',
    planning_complete: false,
    planned: 0,
    in_flight: 0,
    reasons: [],
    stored_at: null,
  });
  expect(Math.abs(Date.parse(String(body.accepted_at)) - Date.now())).toBeLessThan(10_000);
});

it('adds up what became of its people, with the reasons, and says done when the numbers balance', async () => {
  const id = await submit();
  await storeRequest(id);
  await count(id, { state: 'sent', count: 1 }, { state: 'deferred', reason: 'greylisted', count: 1 });
  expect((await get(`requests/${id}`)).body).toMatchObject({ state: 'running', planned: 3, sent: 1, in_flight: 2 });
  await count(
    id,
    { state: 'deferred', reason: 'greylisted', count: -1 },
    { state: 'skipped', reason: 'no_consent', count: 1 },
    { state: 'failed', reason: 'refused', count: 1 },
  );
  const { body } = await get(`requests/${id}`);
  expect(body).toMatchObject({
    state: 'done',
    planning_complete: true,
    planned: 3,
    sent: 1,
    failed: 1,
    skipped: 1,
    unknown: 0,
    in_flight: 0,
    requested_at: at(0).toISOString(),
    stored_at: at(1).toISOString(),
  });
  expect(body.reasons).toEqual([
    { state: 'failed', reason: 'refused', count: 1 },
    { state: 'skipped', reason: 'no_consent', count: 1 },
  ]);
});

it('does not say done while planning goes on, and says why a request was rejected', async () => {
  const [planning, rejected] = [randomUUID(), randomUUID()];
  await storeRequest(planning, { planned: 1, planning_complete: false });
  await count(planning, { state: 'sent', count: 1 });
  expect((await get(`requests/${planning}`)).body).toMatchObject({ state: 'running', sent: 1, in_flight: 0 });
  await storeRequest(rejected, { state: 'rejected', detail: 'there is no template', planned: 0, scheduled_at: at(9) });
  expect((await get(`requests/${rejected}`)).body).toMatchObject({
    state: 'rejected',
    detail: 'there is no template',
    scheduled_at: at(9).toISOString(),
    accepted_at: null,
  });
});

const storeMailing = (mailingId: string, over: object = {}) =>
  harness.db
    .insertInto('mailings')
    .values({
      mailing_id: mailingId,
      legacy_number: null,
      status: 'confirmed',
      title: 'News',
      template_id: 'welcome',
      template_version: 1,
      scheduled_at: at(30),
      recurrence: null,
      expires_at: at(60),
      expires_after_minutes: null,
      confirmed_count: 3,
      confirmed_at: at(5),
      confirmed_by: 'ada',
      released_at: null,
      ...over,
    })
    .execute();
const hold = (requestId: string, state: 'paused' | 'cancelled') =>
  harness.db.insertInto('holds').values({ request_id: requestId, state }).execute();
const stateOf = async (requestId: string) => (await get(`requests/${requestId}`)).body.state;

it('knows a mailing from the moment it is confirmed, and not before', async () => {
  const [confirmed, draft] = [randomUUID(), randomUUID()];
  await storeMailing(confirmed);
  await storeMailing(draft, { status: 'draft', confirmed_at: null });
  expect((await get(`requests/${confirmed}`)).body).toMatchObject({
    state: 'scheduled',
    planning_complete: false,
    planned: 0,
    accepted_at: null,
    requested_at: at(5).toISOString(),
    scheduled_at: at(30).toISOString(),
    expires_at: at(60).toISOString(),
    stored_at: null,
    started_at: null,
    ended_at: null,
  });
  expect((await get(`requests/${draft}`)).status).toBe(404);
  await storeRequest(confirmed, { state: 'planning', driven: true, planning_complete: false, started_at: at(31) });
  expect((await get(`requests/${confirmed}`)).body).toMatchObject({
    state: 'planning',
    started_at: at(31).toISOString(),
  });
});

it('says paused of what a shared hold keeps back, until the hold is lifted; never of what waits for its time or is over', async () => {
  const templateId = `held-${randomUUID().slice(0, 8)}`;
  const ids = {
    held: randomUUID(),
    later: randomUUID(),
    done: randomUUID(),
    cancelled: randomUUID(),
    other: randomUUID(),
  };
  const all = [ids.held, ids.later, ids.done, ids.cancelled, ids.other];
  const ofTemplate = { template_id: templateId };
  await storeRequest(ids.held, ofTemplate);
  const soon = new Date(Date.now() + 3_600_000);
  await storeRequest(ids.later, {
    ...ofTemplate,
    state: 'scheduled',
    planned: 0,
    planning_complete: false,
    scheduled_at: soon,
  });
  await Promise.all([
    storeRequest(ids.done, ofTemplate),
    storeRequest(ids.cancelled, ofTemplate),
    storeRequest(ids.other),
  ]);
  await count(ids.done, { state: 'sent', count: 3 });
  await hold(ids.cancelled, 'cancelled');
  const before = await Promise.all(all.map(stateOf));
  const values = { scope: 'template', subject: templateId, author: 'ada', reason: 'the link is wrong' } as const;
  await harness.db.insertInto('sending_holds').values(values).execute();
  expect(await Promise.all(all.map(stateOf))).toEqual(['paused', 'scheduled', 'done', 'cancelled', 'running']);
  await harness.db.updateTable('sending_holds').set({ lifted_at: new Date(), released_at: new Date() }).execute();
  expect(await Promise.all(all.map(stateOf))).toEqual(before);
});

it('says paused and cancelled as people want it, and done only when the numbers balance', async () => {
  const balance = (id: string) => count(id, { state: 'sent', count: 3 });
  const [paused, cancelled, rejected] = [randomUUID(), randomUUID(), randomUUID()];
  const [early, resumed] = [randomUUID(), randomUUID()];
  await Promise.all([paused, cancelled].map((id) => storeRequest(id)));
  await storeRequest(rejected, { state: 'rejected', planned: 0 });
  await storeRequest(resumed, { state: 'paused', driven: true });
  await storeMailing(early);
  await Promise.all([hold(paused, 'paused'), hold(early, 'paused'), hold(cancelled, 'cancelled')]);
  await hold(rejected, 'cancelled');
  expect(await Promise.all([paused, cancelled, rejected, early, resumed].map(stateOf))).toEqual([
    'paused',
    'cancelled',
    'rejected',
    'paused',
    'running',
  ]);
  await Promise.all([paused, cancelled, resumed].map(balance));
  expect(await Promise.all([paused, cancelled, resumed].map(stateOf))).toEqual(['done', 'cancelled', 'done']);
  const written = randomUUID();
  await storeRequest(written, { state: 'done', driven: true, ended_at: at(40) });
  expect((await get(`requests/${written}`)).body).toMatchObject({ state: 'running', ended_at: at(40).toISOString() });
});

it.each([`requests/${randomUUID()}`, 'requests/x', `notifications/${randomUUID()}`, 'notifications/%00'])(
  'says 404 with a sentence for GET /api/v1/%s',
  async (path) => {
    const { status, body } = await get(path);
    expect([status, body.code]).toEqual([404, 'not_found']);
    expect(body.detail).toMatch(/There is no request|The ledger has no notification/);
  },
);

interface Row {
  requestId: string;
  userId: string;
  second: number;
  over?: object;
}

async function deliver(...rows: Row[]): Promise<string[]> {
  const values = rows.map(({ requestId, userId, second, over }) => ({
    month: toMonth(at(second).getTime()),
    notification_id: randomUUID(),
    request_id: requestId,
    chunk_id: randomUUID(),
    user_id: userId,
    channel: 'email' as const,
    address: 'jane.doe@example.com',
    template_id: 'welcome',
    template_version: 2,
    priority: 'high' as const,
    state: 'sent' as const,
    token: null,
    lease_until: null,
    attempt: 1,
    requested_at: at(second),
    planned_at: at(second + 1),
    enriched_at: at(second + 2),
    rendered_at: at(second + 3),
    claimed_at: at(second + 4),
    ended_at: at(second + 5),
    rendered_partition: 0,
    rendered_offset: 1,
    ...over,
  }));
  await harness.db.insertInto('deliveries').values(values).execute();
  return values.map(({ notification_id: id }) => id);
}

interface Journey {
  address: string;
  state: string;
  attempts: number;
  next_attempt_at: string | null;
  journey: { stage: string; at: string; outcome: string; reason: string | null; detail: string | null }[];
}

it('tells the journey of a message that was sent: every stage with its time', async () => {
  const [id] = await deliver({ requestId: randomUUID(), userId: 'u1', second: 0, over: { detail: '250 2.0.0 Ok' } });
  const { body } = await get<Journey>(`notifications/${id}`);
  expect(body).toMatchObject({ notification_id: id, address: 'j…@example.com', state: 'sent', attempts: 1 });
  expect(body.journey.map(({ stage, outcome }) => `${stage} ${outcome}`)).toEqual([
    'ingest requested',
    'planner planned',
    'enricher enriched',
    'renderer rendered',
    'dispatcher claimed',
    'dispatcher sent',
  ]);
  expect(body.journey.map((step) => step.at)).toEqual([0, 1, 2, 3, 4, 5].map((second) => at(second).toISOString()));
  expect(body.journey.at(-1)?.detail).toBe('250 2.0.0 Ok');
});

it('tells why a message was skipped, and when a deferred one is tried again', async () => {
  const skipped = { state: 'skipped', reason: 'no_consent', stage: 'enricher', attempt: 0, address: null };
  const never = { rendered_at: null, claimed_at: null, enriched_at: null };
  const [first, second] = await deliver(
    { requestId: randomUUID(), userId: 'u1', second: 0, over: { ...skipped, ...never } },
    {
      requestId: randomUUID(),
      userId: 'u1',
      second: 0,
      over: { state: 'deferred', reason: 'greylisted', ended_at: null },
    },
  );
  const { body } = await get<Journey>(`notifications/${first}`);
  expect(body.address).toBeNull();
  expect(body.journey.at(-1)).toMatchObject({ stage: 'enricher', outcome: 'skipped', reason: 'no_consent' });
  await harness.db
    .insertInto('waiting')
    .values({
      notification_id: second ?? '',
      month: toMonth(at(0).getTime()),
      priority: 'high',
      due_at: at(300),
      attempt: 1,
      reason: 'greylisted',
      key: 'u1',
      value: Buffer.alloc(1),
      traceparent: null,
      rendered_partition: 0,
      rendered_offset: 1,
      lease_until: null,
    })
    .execute();
  const deferred = (await get<Journey>(`notifications/${second}`)).body;
  expect(deferred).toMatchObject({ state: 'deferred', next_attempt_at: at(300).toISOString() });
  expect(deferred.journey.at(-1)).toMatchObject({ outcome: 'deferred', reason: 'greylisted' });
});

interface Page {
  notifications: { notification_id: string; user_id: string; state: string; address: string }[];
  next: string | null;
}

async function readAll(query: string): Promise<string[][]> {
  const pages: string[][] = [];
  for (let next: string | null = ''; next !== null; ) {
    const page: { status: number; body: Page } = await get<Page>(
      `notifications?${query}${next === '' ? '' : `&after=${next}`}`,
    );
    expect(page.status).toBe(200);
    pages.push(page.body.notifications.map(({ notification_id: id }) => id));
    next = page.body.next;
  }
  return pages;
}

it("pages through a request's people by id and a person's messages from the newest, each once", async () => {
  const requestId = randomUUID();
  const people = await deliver(...Array.from({ length: 7 }, (_, n) => ({ requestId, userId: `p${n}`, second: 0 })));
  const ofRequest = await readAll(`request_id=${requestId}&limit=3`);
  expect(ofRequest.map((page) => page.length)).toEqual([3, 3, 1]);
  expect(ofRequest.flat()).toEqual([...people].sort());

  // Two at the same moment, so that the time alone cannot order them.
  const seconds = [1, 2, 2, 2, 3, 4];
  const messages = await deliver(...seconds.map((second) => ({ requestId: randomUUID(), userId: 'reader', second })));
  const ofPerson = (await readAll('user_id=reader&limit=2')).flat();
  expect(ofPerson).toHaveLength(6);
  expect([ofPerson[0], ofPerson[1], ofPerson[5]]).toEqual([messages[5], messages[4], messages[0]]);
  expect(new Set(ofPerson)).toEqual(new Set(messages));
});

it('filters by state, and by request and person together; a page never shows a whole address', async () => {
  const requestId = randomUUID();
  const [failed] = await deliver(
    { requestId, userId: 'a', second: 0, over: { state: 'failed', reason: 'refused' } },
    { requestId, userId: 'b', second: 0 },
    { requestId: randomUUID(), userId: 'b', second: 0 },
  );
  expect(await readAll(`request_id=${requestId}&state=failed`)).toEqual([[failed]]);
  const { body } = await get<Page>(`notifications?request_id=${requestId}&user_id=b`);
  expect(body.notifications).toMatchObject([{ user_id: 'b', state: 'sent', address: 'j…@example.com' }]);
  expect(await readAll(`request_id=${randomUUID()}`)).toEqual([[]]);
});

it.each([
  ['', ['request_id']],
  ['request_id=x', ['request_id']],
  ['user_id=a%20b', ['user_id']],
  ['user_id=a&limit=0', ['limit']],
  ['user_id=a&limit=501', ['limit']],
  ['user_id=a&limit=ten&state=gone&after=x&more=1', ['more', 'state', 'after', 'limit']],
  ['user_id=a&user_id=b', ['user_id']],
])('refuses the query "%s", naming its parameters', async (query, parameters) => {
  const { status, body } = await get<{ errors: { parameter: string }[] }>(`notifications?${query}`);
  expect(status).toBe(422);
  expect(body.errors.map(({ parameter }) => parameter)).toEqual(parameters);
});

it('reads pages by their index, not by sorting or scanning the ledger', async () => {
  const explain = async (query: Pick<PageQuery, 'requestId' | 'userId'>) => {
    const after = { requestedAtMs: Date.now(), notificationId: randomUUID() };
    const page = selectPage({ ...query, state: undefined, after, limit: 100 });
    const plan = await harness.db.transaction().execute(async (transaction) => {
      // A table of a few rows would be scanned whole otherwise.
      await sql`set local enable_seqscan = off`.execute(transaction);
      return sql<{ 'QUERY PLAN': string }>`explain ${page}`.execute(transaction);
    });
    const lines = plan.rows.map((row) => row['QUERY PLAN']);
    expect(lines.filter((line) => /(Seq Scan|-> {2}Sort)/.test(line))).toEqual([]);
    return lines.join('\n');
  };
  const byRequest = await explain({ requestId: randomUUID(), userId: undefined });
  expect(byRequest).toMatch(/Index Cond: .*request_id = .*notification_id > /);
  const byUser = await explain({ requestId: undefined, userId: 'u1' });
  expect(byUser).toMatch(/Index Scan Backward using \S*user_id\S*/);
  expect(byUser).toMatch(/Index Cond: .*user_id = .*requested_at <= /);
});
