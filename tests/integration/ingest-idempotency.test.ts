// Idempotency-Key: one key and one body are one request, however often and wherever it is sent, and whatever broke in
// between.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { createAcceptedStore } from '../../services/ingest/accepted-store.ts';
import { type IngestHarness, type PublishedRequest, startIngestHarness } from '../support/ingest-harness.ts';

let harness: IngestHarness;
let urls: string[];
let key: string;
let published: PublishedRequest[];
let idempotencyKey: string;

beforeAll(async () => {
  harness = await startIngestHarness('http://127.0.0.1:1');
  published = (await harness.startReading()).records;
  key = await harness.createApiKey('send', 'read');
  urls = (await Promise.all([harness.startReadyIngest(), harness.startReadyIngest()])).map(({ url }) => url);
});

afterAll(async () => {
  await harness?.stop();
});

beforeEach(() => {
  idempotencyKey = randomUUID();
});

interface Answer {
  status: number;
  id: string | undefined;
  code: string | undefined;
  errors: { pointer: string }[] | undefined;
  retryAfter: string | null;
}

async function post(
  over: object = {},
  options: { at?: number; apiKey?: string; idempotencyKey?: string } = {},
): Promise<Answer> {
  const response = await fetch(`${urls[options.at ?? 0]}/api/v1/send_notification`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${options.apiKey ?? key}`,
      'content-type': 'application/json',
      'idempotency-key': options.idempotencyKey ?? idempotencyKey,
    },
    body: JSON.stringify({ event: { template_id: 'welcome', user_ids: ['u1'], ...over } }),
  });
  const body = (await response.json()) as { request_id?: string; code?: string; errors?: { pointer: string }[] };
  return {
    status: response.status,
    id: body.request_id,
    code: body.code,
    errors: body.errors,
    retryAfter: response.headers.get('retry-after'),
  };
}

const recordsOf = (id: string | undefined) =>
  published.filter(({ event }) => event.request_id === id).map(({ event }) => event);
const arrive = (id: string | undefined, count: number) =>
  vi.waitFor(() => expect(recordsOf(id)).toHaveLength(count), { timeout: 30_000 });
const arrivesFirst = (id: string | undefined) => arrive(id, 1);
const accepted = () => harness.db.updateTable('accepted').where('idempotency_key', '=', idempotencyKey);
/** As a crash between the row and Kafka's answer leaves it. */
const forgetAnswer = (ageSeconds: number) =>
  accepted()
    .set({ published_at: null, accepted_at: new Date(Date.now() - ageSeconds * 1000) })
    .execute();

it('gives the same answer for the same body, from every process, and one record', async () => {
  const first = await post();
  const again = await Promise.all([post(), post({}, { at: 1 }), post({ priority: 'medium', context: {} }, { at: 1 })]);
  expect(first.status).toBe(202);
  for (const answer of again) expect(answer).toMatchObject({ status: 202, id: first.id });
  const last = await post({}, { idempotencyKey: randomUUID() });
  await arrivesFirst(last.id);
  await arrivesFirst(first.id);
  expect(recordsOf(first.id)).toHaveLength(1);
});

it('refuses another body under the same key', async () => {
  await post();
  const other = await post({ user_ids: ['u2'] }, { at: 1 });
  expect(other).toMatchObject({ status: 422, code: 'idempotency_key_reused' });
  expect(other.errors?.[0]?.pointer).toBe('');
});

it('keeps the keys of one API key apart from those of another', async () => {
  const [mine, other] = [
    await post(),
    await post({ user_ids: ['u2'] }, { apiKey: await harness.createApiKey('send') }),
  ];
  expect(other.status).toBe(202);
  expect(other.id).not.toBe(mine.id);
});

it('gives forty concurrent calls at two processes one id and one record; who is early gets 409', async () => {
  const answers = await Promise.all(Array.from({ length: 40 }, (_, index) => post({}, { at: index % 2 })));
  expect(new Set(answers.map(({ status }) => status)).isSubsetOf(new Set([202, 409]))).toBe(true);
  expect(new Set(answers.filter(({ status }) => status === 202).map(({ id }) => id)).size).toBe(1);
  for (const { status, code, retryAfter } of answers) {
    if (status === 409) expect([code, Number(retryAfter) > 0]).toEqual(['request_unanswered', true]);
  }
  const final = await post();
  expect(final.status).toBe(202);
  await arrivesFirst(final.id);
  expect(recordsOf(final.id)).toHaveLength(1);
});

it('answers 409 while the first call is unanswered, and 422 for another body all the same', async () => {
  await post();
  await forgetAnswer(5);
  expect(await post()).toMatchObject({ status: 409, code: 'request_unanswered', retryAfter: '5' });
  expect(await post({ user_ids: ['u2'] })).toMatchObject({ status: 422, code: 'idempotency_key_reused' });
});

it('lets the retry take over after 10 seconds, with the same id and the very same record', async () => {
  const first = await post({ context: { b: 1, a: 2 } });
  await arrivesFirst(first.id);
  const [row] = await harness.db
    .selectFrom('accepted')
    .selectAll()
    .where('idempotency_key', '=', idempotencyKey)
    .execute();
  await forgetAnswer(11);
  await accepted()
    .set({ accepted_at: new Date((row?.accepted_at.getTime() ?? 0) - 11_000) })
    .execute();
  const retry = await post({ context: { a: 2, b: 1 } }, { at: 1 });
  expect(retry).toMatchObject({ status: 202, id: first.id });
  await arrive(first.id, 2);
  const [original, repeated] = recordsOf(first.id);
  expect(repeated).toEqual({ ...original, requested_at: (original?.requested_at ?? 0) - 11_000 });
  expect(original?.requested_at).toBe(row?.accepted_at.getTime());
  expect(await post()).toMatchObject({ status: 422 });
  expect(await post({ context: { a: 2, b: 1 } })).toMatchObject({ status: 202, id: first.id });
});

it('gives the same answer when the template was archived and the time went by since', async () => {
  const template = { template_id: 'short-lived' };
  await harness.db
    .insertInto('templates')
    .values({
      ...template,
      title: '',
      kind: 'common',
      channel: 'sms',
      active_version: 1,
      legacy_number: null,
      archived_at: null,
    })
    .execute();
  await vi.waitFor(async () => expect((await post(template, { idempotencyKey: randomUUID() })).status).toBe(202), {
    timeout: 30_000,
  });
  const expiry = { expires_at: new Date(Date.now() + 1_000).toISOString() };
  const first = await post({ ...template, ...expiry });
  expect(first.status).toBe(202);
  await harness.db
    .updateTable('templates')
    .set({ archived_at: new Date() })
    .where('template_id', '=', 'short-lived')
    .execute();
  await vi.waitFor(async () => expect((await post(template, { idempotencyKey: randomUUID() })).status).toBe(422), {
    timeout: 30_000,
  });
  await vi.waitFor(() => expect(Date.now()).toBeGreaterThan(Date.parse(expiry.expires_at)), { timeout: 2_000 });
  expect(await post({ ...template, ...expiry })).toMatchObject({ status: 202, id: first.id });
  expect(await post({ ...template, ...expiry }, { idempotencyKey: randomUUID() })).toMatchObject({ status: 422 });
});

it('forgets keys after 7 days, in small batches', async () => {
  await Promise.all(Array.from({ length: 5 }, () => post({}, { idempotencyKey: randomUUID() })));
  await post();
  const old = new Date(Date.now() - 7 * 24 * 3_600_000 - 1_000);
  await harness.db
    .updateTable('accepted')
    .set({ accepted_at: old })
    .where('idempotency_key', '!=', idempotencyKey)
    .execute();
  const store = createAcceptedStore(harness.db);
  expect(await store.deleteOld(3)).toBe(3);
  while ((await store.deleteOld(3)) === 3);
  const left = await harness.db.selectFrom('accepted').select('idempotency_key').execute();
  expect(left).toEqual([{ idempotency_key: idempotencyKey }]);
});
