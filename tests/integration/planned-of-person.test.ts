// What is planned for a person and not claimed yet: no row in the ledger tells of it.
import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { notificationId } from '../../domain/ids.ts';
import { toMonth } from '../../lib/db/database.ts';
import { findPlanned } from '../../lib/requests-of-person/find-planned.ts';
import { addRequest, type TestRequest } from '../support/admin-ledger.ts';
import { type IngestHarness, startIngestHarness } from '../support/ingest-harness.ts';

let harness: IngestHarness;
let url: string;
let admin: string;

beforeAll(async () => {
  harness = await startIngestHarness('http://127.0.0.1:1');
  admin = await harness.createApiKey('admin');
  ({ url } = await harness.startReadyIngest());
});
afterAll(() => harness?.stop());

interface Listed {
  notification_id: string;
  request_id: string;
  state: string;
  last_seen?: { stage: string; outcome: string; at: string };
  waits_for?: string;
}

async function list(query: string, key = admin) {
  const answer = await fetch(`${url}/api/v1/notifications?${query}`, { headers: { authorization: `Bearer ${key}` } });
  const body = (await answer.json()) as { notifications: Listed[]; all_planned?: boolean; next: string | null };
  return { status: answer.status, ...body };
}
const requestsOf = async (query: string) => (await list(query)).notifications.map((one) => one.request_id);

async function plan(userIds: string[], request: TestRequest & { publishedAt?: Date | null } = {}): Promise<string> {
  const id = await addRequest(harness.db, { userIds, planned: userIds.length, ...request });
  await harness.db
    .insertInto('chunks')
    .values({ request_id: id, sequence: 0, user_ids: userIds, published_at: request.publishedAt ?? null })
    .execute();
  return id;
}

async function claim(requestId: string, userId: string): Promise<void> {
  await sql`
    insert into deliveries (month, notification_id, request_id, chunk_id, user_id, channel, template_id, template_version,
      priority, state, requested_at)
    select ${toMonth(Date.now())}::date, ${notificationId(requestId, userId, 'email')}, request_id, ${randomUUID()}, ${userId},
      channel, template_id, 1, priority, 'claimed', requested_at from requests where request_id = ${requestId}`.execute(
    harness.db,
  );
}

it('is listed first, with where it was last seen and what that waits for, until the dispatcher claims it', async () => {
  const publishedAt = new Date();
  const earlier = await plan(['ada'], { publishedAt });
  await claim(earlier, 'ada');
  const id = await plan(['ada'], { publishedAt });
  const { notifications, all_planned } = await list('user_id=ada&limit=1');
  expect(notifications.map(({ request_id, state }) => [request_id, state])).toEqual([
    [id, 'planned'],
    [earlier, 'claimed'],
  ]);
  expect(notifications[0]).toMatchObject({
    notification_id: notificationId(id, 'ada', 'email'),
    last_seen: { stage: 'planner', outcome: 'published', at: publishedAt.toISOString() },
    waits_for: expect.stringContaining('in the topics between enricher and dispatcher, high priority'),
  });
  expect(all_planned).toBe(true);
  expect(await requestsOf('user_id=ada&state=planned')).toEqual([id]);
  expect(await requestsOf('user_id=ada&state=claimed')).toEqual([earlier]);
  await claim(id, 'ada');
  expect((await list('user_id=ada')).notifications.map(({ state }) => state)).toEqual(['claimed', 'claimed']);
});

it('is found in a request for many, and in the chunks of a category, and in nobody else’s', async () => {
  const many = await plan(['bob', 'eve', 'kim']);
  const category = await plan(['eve', 'bob']);
  await sql`update requests set user_ids = '{}', user_categories = '{vip}', driven = true where request_id = ${category}`.execute(
    harness.db,
  );
  await plan(['kim']);
  expect(new Set(await requestsOf('user_id=bob'))).toEqual(new Set([many, category]));
});

it('is found where the person is named and was not come to yet: for later, paused, or of a mailing that waits for its time', async () => {
  const scheduledAt = new Date(Date.now() + 3_600_000);
  const later = await addRequest(harness.db, {
    userIds: ['lea'],
    state: 'scheduled',
    scheduledAt,
    planningComplete: false,
  });
  const paused = await addRequest(harness.db, { userIds: ['lea', 'x'], state: 'paused', planningComplete: false });
  await harness.db.insertInto('holds').values({ request_id: paused, state: 'paused' }).execute();
  const mailing_id = randomUUID();
  const mailing = {
    mailing_id,
    title: 'December',
    template_id: 'welcome',
    template_version: 1,
    status: 'confirmed',
  } as const;
  await harness.db
    .insertInto('mailings')
    .values({ ...mailing, scheduled_at: scheduledAt, confirmed_at: new Date() })
    .execute();
  await harness.db.insertInto('mailing_people').values({ mailing_id, user_id: 'lea' }).execute();
  const { notifications } = await list('user_id=lea');
  const waits = new Map(notifications.map((one) => [one.request_id, one.waits_for]));
  expect(waits.get(later)).toBe(`It waits for its time: ${scheduledAt.toISOString()}.`);
  expect(waits.get(paused)).toContain('its request is paused, or a hold covers it');
  expect(waits.get(mailing_id)).toBe(`It waits for its time: ${scheduledAt.toISOString()}.`);
  expect(notifications.map(({ last_seen }) => last_seen?.outcome)).toEqual(['requested', 'requested', 'requested']);
});

it('says that a hold keeps it back, and that the planner has set its request aside', async () => {
  const id = await plan(['hal'], { publishedAt: new Date() });
  const waitsFor = async () => (await list('user_id=hal')).notifications[0]?.waits_for;
  await sql`insert into sending_holds (scope, subject, author, reason) values ('lane', 'high/email', 'somebody', 'a test')`.execute(
    harness.db,
  );
  expect(await waitsFor()).toContain('publishes it again when the pause or hold is lifted');
  await sql`delete from sending_holds`.execute(harness.db);
  await sql`update chunks set published_at = null where request_id = ${id}`.execute(harness.db);
  await sql`insert into set_aside (subject_id, reason, set_aside_until) values (${id}, 'The user service is ill', now() + interval '1 minute')`.execute(
    harness.db,
  );
  expect(await waitsFor()).toContain('The planner leaves its request alone (The user service is ill) until');
});

it('is not made up: of what has ended or was rejected nothing is planned', async () => {
  const ended = await plan(['max'], { state: 'done' });
  await sql`update requests set ended_at = now() where request_id = ${ended}`.execute(harness.db);
  await plan(['max'], { state: 'rejected' });
  await addRequest(harness.db, { userIds: ['max', 'x'], planningComplete: true });
  expect(await list('user_id=max')).toMatchObject({ notifications: [], all_planned: true, next: null });
});

it('is told of a request that a key made itself without the scope admin, and of no other', async () => {
  const key = await harness.createApiKey('send', 'read');
  const made = await fetch(`${url}/api/v1/send_notification`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ event: { template_id: 'welcome', user_ids: ['own'] } }),
  });
  const { request_id: own } = (await made.json()) as { request_id: string };
  await plan(['own'], { requestId: own });
  const other = await plan(['own']);
  expect((await list(`user_id=own&request_id=${own}`, key)).notifications.map((one) => one.request_id)).toEqual([own]);
  expect((await list('user_id=own', key)).status).toBe(403);
  expect((await list('user_id=own&state=planned', key)).status).toBe(403);
  expect(new Set(await requestsOf('user_id=own'))).toEqual(new Set([own, other]));
  expect((await list(`request_id=${own}&state=planned`)).status).toBe(422);
});

it('is found among 30,000 requests by an index, and says so where a request is too large to be looked through', async () => {
  await sql`
    insert into requests (request_id, body_hash, state, template_id, template_version, template_kind, channel, on_no_answer,
      priority, is_promo, context, user_ids, planned, planning_complete, requested_at, ended_at)
    select gen_random_uuid(), 'x', case when n % 3 = 0 then 'running' else 'done' end, 'welcome', 1, 'common', 'email', 'resend',
      'high', false, '{}', array['crowd-' || n], 1, true, now(), case when n % 3 = 0 then null else now() end
    from generate_series(1, 30000) n`.execute(harness.db);
  await sql`analyze requests`.execute(harness.db);
  const id = await plan(['needle']);
  const large = await addRequest(harness.db, { userIds: [], planned: 1_000_500 });
  await sql`update requests set chunk_count = 2001, driven = true, user_categories = '{active}' where request_id = ${large}`.execute(
    harness.db,
  );
  const { rows } = await sql<{ plan: unknown }>`
    explain (format json) select request_id from requests r where cardinality(r.user_ids) = 1 and r.user_categories = '{}'
      and r.user_ids[1] = 'needle' and r.ended_at is null and r.state <> 'rejected'`.execute(harness.db);
  expect(JSON.stringify(rows)).toContain('requests_of_one');
  const found = await findPlanned(harness.db, 'needle', { category: 'active' });
  expect(found.planned.map(({ requestId }) => requestId)).toEqual([id]);
  expect(found.unsearched).toEqual([{ requestId: large, title: expect.any(String) }]);
  expect((await list('user_id=needle')).all_planned).toBe(false);
});
