// POST /api/v1/feedback: bounces and complaints suppress addresses and show in the journey; all of it or nothing.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { liftSuppression } from '../../services/admin/queries/suppressions.ts';
import { createLedger } from '../../services/dispatcher/ledger.ts';
import { type IngestHarness, startIngestHarness } from '../support/ingest-harness.ts';
import { rendered, toMessage } from '../support/ledger-lab.ts';

let harness: IngestHarness;
let url: string;
let key: string;

beforeAll(async () => {
  harness = await startIngestHarness('http://127.0.0.1:1');
  key = await harness.createApiKey('feedback', 'admin');
  ({ url } = await harness.startReadyIngest());
});

afterAll(async () => {
  await harness?.stop();
});

interface Answer {
  status: number;
  contentType: string | null;
  body: Record<string, unknown>;
}

async function call(path: string, init: RequestInit = {}, apiKey = key): Promise<Answer> {
  const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json', ...init.headers };
  const response = await fetch(`${url}/api/v1/${path}`, { ...init, headers });
  const body = (await response.json()) as Record<string, unknown>;
  return { status: response.status, contentType: response.headers.get('content-type'), body };
}
const report = (body: unknown, apiKey?: string) =>
  call('feedback', { method: 'POST', body: JSON.stringify(body) }, apiKey);

const address = () => `p${randomUUID()}@people.example`;
const suppressionOf = (of: string) =>
  harness.db
    .selectFrom('suppressions')
    .select(['channel', 'scope', 'reason', 'detail'])
    .where('address', '=', of)
    .executeTakeFirst();
const rowsOf = (of: string) =>
  harness.db.selectFrom('feedback').selectAll().where('address', '=', of).orderBy('happened_at').execute();

/** A delivery that was sent, in the ledger. */
async function addSent() {
  const event = rendered();
  const ledger = createLedger(harness.db);
  const token = randomUUID();
  await ledger.ensureMonths();
  await ledger.claim([toMessage(event)], { token, fromWaiting: false });
  const month = `${new Date(event.requested_at).toISOString().slice(0, 7)}-01`;
  const { notification_id: notificationId, requested_at: requestedAtMs } = event;
  const end = { state: 'sent', reason: '', detail: '250 ok', endedAtMs: Date.now(), suppress: false } as const;
  await ledger.settle([{ notificationId, month, attempt: 1, token, requestedAtMs, ...end }]);
  return event;
}

it('suppresses everything for an address that will never work, promotional messages for a complaint, and notes the rest', async () => {
  const [dead, bare, full, blocked, angry] = [address(), address(), address(), address(), address()];
  const { status, body } = await report([
    { type: 'bounce', address: dead.toUpperCase(), status: '5.1.1', at: '2026-11-20T09:00:00Z' },
    { type: 'bounce', address: bare },
    { type: 'bounce', address: full, status: '5.2.2' },
    { type: 'bounce', address: blocked, status: '5.7.26' },
    { type: 'complaint', address: angry, status: 'abuse' },
    { type: 'complaint', address: '+15550104477' },
  ]);
  expect([status, body]).toEqual([202, { accepted: 6 }]);
  const bounced = { channel: 'email', scope: 'all', reason: 'bounce', detail: 'it bounced: 5.1.1' };
  expect(await suppressionOf(dead)).toEqual(bounced);
  expect(await Promise.all([bare, full, blocked].map(suppressionOf))).toEqual([undefined, undefined, undefined]);
  expect(await rowsOf(full)).toMatchObject([{ type: 'bounce', status: '5.2.2', channel: 'email' }]);
  const complained = { scope: 'promotional', reason: 'complaint' };
  expect(await suppressionOf(angry)).toMatchObject({ ...complained, detail: 'the recipient complained: abuse' });
  expect(await suppressionOf('+15550104477')).toMatchObject({ ...complained, channel: 'sms' });
});

it.each([['<%s>'], ['rfc822;%s'], ['mailto:%s?subject=x'], ['Bob <%s>'], [' %s\r\n']])(
  'reads the address in a report that writes it as %j',
  async (written) => {
    const bare = address();
    expect((await report([{ type: 'complaint', address: written.replace('%s', bare) }])).status).toBe(202);
    expect(await suppressionOf(bare)).toMatchObject({ reason: 'complaint' });
  },
);

it('keeps one row for an address, which a later bounce widens and a later complaint does not narrow', async () => {
  const [angry, gone, both] = [address(), address(), address()];
  await report([
    { type: 'complaint', address: angry },
    { type: 'bounce', address: gone, status: '5.1.1' },
  ]);
  await report([
    { type: 'bounce', address: angry, status: '5.1.10' },
    { type: 'complaint', address: gone },
    { type: 'complaint', address: both },
    { type: 'bounce', address: both, status: '5.1.2' },
  ]);
  const widest = { scope: 'all', reason: 'complaint' };
  expect(await Promise.all([angry, gone, both].map(suppressionOf))).toMatchObject([widest, widest, widest]);
  expect((await suppressionOf(angry))?.detail).toBe('the recipient complained; it bounced: 5.1.10');
});

it('finds the address of a notification in the ledger, and shows both reports in its journey', async () => {
  const event = await addSent();
  const id = event.notification_id;
  const bounced = {
    type: 'bounce',
    notification_id: id.toUpperCase(),
    status: '4.4.7',
    at: '2026-11-21T10:00:00+01:00',
  };
  expect((await report([bounced])).status).toBe(202);
  expect(await suppressionOf(event.address)).toBeUndefined();
  expect((await report([{ type: 'complaint', notification_id: id, at: '2026-11-22T09:00:00Z' }])).status).toBe(202);
  expect(await suppressionOf(event.address)).toMatchObject({ reason: 'complaint' });
  const { body } = await call(`notifications/${id}`);
  expect((body.journey as { stage: string }[]).slice(-3)).toEqual([
    expect.objectContaining({ stage: 'dispatcher', outcome: 'sent' }),
    { stage: 'ingest', at: '2026-11-21T09:00:00.000Z', outcome: 'bounced', reason: null, detail: '4.4.7' },
    { stage: 'ingest', at: '2026-11-22T09:00:00.000Z', outcome: 'complained', reason: null, detail: null },
  ]);
  expect(body.state).toBe('sent');
});

it('keeps what it cannot place, and completes it when it comes again with the ledger knowing it', async () => {
  const unknown = randomUUID();
  expect((await report([{ type: 'bounce', notification_id: unknown }])).body).toEqual({ accepted: 1 });
  const find = (id: string) =>
    harness.db.selectFrom('feedback').selectAll().where('notification_id', '=', id).execute();
  expect(await find(unknown)).toMatchObject([{ address: null, status: '' }]);

  const event = rendered();
  const early = [{ type: 'bounce', notification_id: event.notification_id, status: '5.1.1' }];
  await report(early);
  await createLedger(harness.db).claim([toMessage(event)], { token: randomUUID(), fromWaiting: false });
  await report(early);
  expect(await find(event.notification_id)).toMatchObject([{ address: event.address }]);
  expect(await suppressionOf(event.address)).toMatchObject({ reason: 'bounce' });
});

it('takes the same report once, and a repeat does not bring back what somebody lifted', async () => {
  const gone = address();
  const same = { type: 'bounce', address: gone, status: '5.1.1', at: '2026-11-20T09:00:00Z' };
  expect((await report([same, same])).body).toEqual({ accepted: 2 });
  await report([{ ...same, address: gone.toUpperCase() }]);
  expect(await rowsOf(gone)).toHaveLength(1);
  await harness.db.deleteFrom('suppressions').where('address', '=', gone).execute();
  await report([same]);
  expect(await suppressionOf(gone)).toBeUndefined();
  await report([{ ...same, at: '2026-11-21T09:00:00Z' }]);
  expect(await suppressionOf(gone)).toMatchObject({ reason: 'bounce' });
});

it('lets a complaint outrank what mail servers said, and nothing outrank what a person wrote', async () => {
  const [first, byHand] = [address(), address()];
  await report([{ type: 'bounce', address: first, status: '5.1.1' }]);
  await report([{ type: 'complaint', address: first }]);
  await report([{ type: 'bounce', address: first, status: '5.1.2' }]);
  expect(await suppressionOf(first)).toMatchObject({ reason: 'complaint' });
  await harness.db
    .insertInto('suppressions')
    .values({ channel: 'email', address: byHand, reason: 'manual', detail: 'asked by phone' })
    .execute();
  await report([{ type: 'complaint', address: byHand }]);
  expect(await suppressionOf(byHand)).toMatchObject({ reason: 'manual', detail: 'asked by phone' });
});

it('suppresses again for a second complaint that says no time, once the first was lifted', async () => {
  const angry = address();
  const complaint = [{ type: 'complaint', address: angry }];
  await report(complaint);
  await report(complaint);
  expect(await rowsOf(angry)).toHaveLength(1);
  expect(await liftSuppression(harness.db, 'email', angry)).toMatchObject({ reason: 'complaint' });
  await report(complaint);
  expect(await suppressionOf(angry)).toMatchObject({ reason: 'complaint' });
  expect(await rowsOf(angry)).toHaveLength(2);
});

it('takes a thousand at once, and not one more', async () => {
  const many = Array.from({ length: 1_000 }, () => ({ type: 'bounce', address: address(), status: '5.1.1' }));
  expect((await report(many)).body).toEqual({ accepted: 1_000 });
  const { status, body } = await report([...many, many[0]]);
  expect([status, body.errors]).toEqual([422, [{ pointer: '', detail: 'may hold at most 1,000 reports' }]]);
});

it('names every fault with its place, and stores nothing of the call', async () => {
  const good = address();
  const at = new Date(Date.now() + 3 * 60 * 60_000).toISOString();
  const wrongShapes = await report([
    { type: 'bounce', address: good },
    { type: 'open', address: good },
    { type: 'bounce', address: 'nobody' },
    { type: 'bounce', notification_id: 'x' },
    { type: 'complaint', address: good, status: 'a\u0000b' },
    { type: 'bounce', address: good, at: 'yesterday', note: 1 },
    'bounce',
  ]);
  expect([wrongShapes.status, wrongShapes.contentType]).toEqual([422, 'application/problem+json']);
  const pointers = (answer: Answer) => (answer.body.errors as { pointer: string }[]).map(({ pointer }) => pointer);
  expect(pointers(wrongShapes)).toEqual([
    '/1/type',
    '/2/address',
    '/3/notification_id',
    '/4/status',
    '/5/at',
    '/5/note',
    '/6',
  ]);
  const wrongReports = await report([
    { type: 'bounce', address: good },
    { type: 'bounce' },
    { type: 'bounce', address: good, notification_id: randomUUID() },
    { type: 'bounce', address: good, status: '2.0.0' },
    { type: 'bounce', address: good, at },
  ]);
  expect(wrongReports.status).toBe(422);
  expect(pointers(wrongReports)).toEqual(['/1', '/2', '/3/status', '/4/at']);
  expect((await report([])).body.errors).toEqual([{ pointer: '', detail: 'must hold at least one report' }]);
  expect((await report({ type: 'bounce' })).body.errors).toEqual([
    { pointer: '', detail: 'must be a list of reports' },
  ]);
  expect((await call('feedback', { method: 'POST', body: '[{' })).status).toBe(400);
  expect(await rowsOf(good)).toEqual([]);
  expect(await suppressionOf(good)).toBeUndefined();
});

it('says in the audit log which key reported, and what it suppressed; a repeat adds nothing', async () => {
  const gone = address();
  const reports = [{ type: 'bounce', address: gone, status: '5.1.1', at: '2026-11-20T09:00:00Z' }];
  await report(reports);
  await report(reports);
  const rows = await harness.db
    .selectFrom('audit')
    .select(['who', 'action', 'detail'])
    .where('subject', '=', `address ${gone}`)
    .execute();
  expect(rows).toMatchObject([
    { who: 'key test', action: 'suppression.added', detail: { scope: 'all', reason: 'bounce', channel: 'email' } },
  ]);
  const { api_key_id: keyId } = await harness.db
    .selectFrom('suppressions')
    .select('api_key_id')
    .where('address', '=', gone)
    .executeTakeFirstOrThrow();
  const calls = harness.db.selectFrom('audit').select('detail').where('subject', '=', `key ${keyId}`);
  expect((await calls.execute()).at(-1)).toEqual({ detail: { reports: 1 } });
});

it('asks for a key that may report, and for POST', async () => {
  const body = [{ type: 'bounce', address: address() }];
  expect((await report(body, await harness.createApiKey('send', 'read', 'cancel'))).status).toBe(403);
  expect((await report(body, 'ph_wrong')).status).toBe(401);
  expect((await call('feedback')).status).toBe(405);
});
