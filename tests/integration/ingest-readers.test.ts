// Calls that read, beside calls that send: a mailing of 200,000 people, a rare state, and 25 readers at once.
import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { chunkId, notificationId } from '../../domain/ids.ts';
import { toMonth } from '../../lib/db/database.ts';
import type { RunningIngest } from '../../services/ingest/service.ts';
import { type IngestHarness, startIngestHarness } from '../support/ingest-harness.ts';

const requestId = randomUUID();
const chunkCount = 400;
const peoplePerChunk = 500;
/** In these chunks one person failed. */
const rareChunks = [3, 170, 399];

let harness: IngestHarness;
let ingest: RunningIngest & { url: string };
let headers: { authorization: string };

beforeAll(async () => {
  harness = await startIngestHarness('http://127.0.0.1:9');
  await storeMailing();
  ingest = await harness.startReadyIngest();
  headers = { authorization: `Bearer ${await harness.createApiKey('admin')}` };
});
afterAll(() => harness?.stop());

async function storeMailing(): Promise<void> {
  const { db } = harness;
  const at = new Date();
  await sql`
    insert into requests (request_id, body_hash, template_id, channel, priority, is_promo, context, user_ids, user_categories,
      requested_at, state, planned, planning_complete, chunk_count, origin)
    values (${requestId}, '', 'welcome', 'email', 'low', false, '{}', '{}', '{active}', ${at}, 'done',
      ${chunkCount * peoplePerChunk}, true, ${chunkCount}, 'request')`.execute(db);
  for (let sequence = 0; sequence < chunkCount; sequence++) {
    const userIds = Array.from({ length: peoplePerChunk }, (_, n) => `u-${sequence}-${n}`);
    const ids = userIds.map((userId) => notificationId(requestId, userId, 'email'));
    const failed = rareChunks.includes(sequence) ? 1 : 0;
    const chunk = chunkId(requestId, sequence);
    await sql`insert into chunks (request_id, sequence, user_ids, published_at)
      values (${requestId}, ${sequence}, ${userIds}::text[], now())`.execute(db);
    await sql`
      insert into deliveries (month, notification_id, request_id, chunk_id, user_id, channel, address, template_id,
        template_version, priority, state, reason, requested_at, ended_at)
      select ${toMonth(at.getTime())}::date, id, ${requestId}, ${chunk}, user_id, 'email', 'a@example.com', 'welcome', 1, 'low',
        case when n <= ${failed} then 'failed' else 'sent' end, case when n <= ${failed} then 'refused' else '' end, ${at}, ${at}
      from unnest(${ids}::uuid[], ${userIds}::text[]) with ordinality as t(id, user_id, n)`.execute(db);
    await sql`
      insert into counters (request_id, chunk_id, state, reason, count)
      select ${requestId}, ${chunk}, state, reason, count
      from (values ('sent', '', ${peoplePerChunk - failed}::int), ('failed', 'refused', ${failed}::int)) as t(state, reason, count)
      where count > 0`.execute(db);
  }
  await sql`analyze`.execute(db);
}

interface Page {
  notifications: { user_id: string; state: string }[];
  next: string | null;
}

async function list(query: string): Promise<{ status: number; body: Page; ms: number }> {
  const beganMs = performance.now();
  const answer = await fetch(`${ingest.url}/api/v1/notifications?request_id=${requestId}${query}`, { headers });
  const body = (await answer.json()) as Page;
  return { status: answer.status, body, ms: performance.now() - beganMs };
}

it('finds the few people of a rare state among 200,000 by the counters, whichever page they are on', async () => {
  const found: Page['notifications'] = [];
  let pages = 0;
  for (let next: string | null = ''; next !== null; pages++) {
    const { status, body }: { status: number; body: Page } = await list(
      `&state=failed&limit=2${next && `&after=${next}`}`,
    );
    expect(status).toBe(200);
    found.push(...body.notifications);
    next = body.next;
  }
  expect(found.map((one) => one.user_id)).toEqual(rareChunks.map((sequence) => `u-${sequence}-0`));
  expect(found.every(({ state }) => state === 'failed')).toBe(true);
  expect(pages).toBe(2);
  expect((await list('&state=sending')).body).toEqual({ notifications: [], next: null });
  expect((await list('&state=sent&limit=500')).body.notifications).toHaveLength(500);
});

it('pages through one state to the end, each person once', async () => {
  const seen = new Set<string>();
  let count = 0;
  for (let next: string | null = '390_0'; next !== null; ) {
    const { body }: { body: Page } = await list(`&state=sent&limit=499&after=${next}`);
    for (const { user_id: userId } of body.notifications) seen.add(userId);
    count += body.notifications.length;
    next = body.next;
  }
  expect([count, seen.size]).toEqual([10 * peoplePerChunk - 1, 10 * peoplePerChunk - 1]);
});

/** One after the other. @returns how long half of them take at most, milliseconds */
async function registerAll(count: number): Promise<number> {
  const times: number[] = [];
  for (let n = 0; n < count; n++) {
    const beganMs = performance.now();
    const answer = await fetch(`${ingest.url}/api/v1/user_registration`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json', 'idempotency-key': randomUUID() },
      body: JSON.stringify({ user_id: `new-${n}` }),
    });
    expect(answer.status).toBe(202);
    times.push(performance.now() - beganMs);
  }
  return times.toSorted((a, b) => a - b)[times.length / 2] ?? 0;
}

it('25 readers of anything take no connection away from registrations', async () => {
  const calmMs = await registerAll(20);
  let reading = true;
  const statuses = new Set<number>();
  const queries = ['&state=failed', '&state=unknown', '&state=sending', '&limit=500', '&state=sent&limit=500'];
  const readers = Array.from({ length: 25 }, async (_, n) => {
    while (reading) statuses.add((await list(queries[n % queries.length] ?? '')).status);
  });
  const medianMs = await registerAll(40);
  reading = false;
  await Promise.all(readers);
  expect([...statuses].filter((status) => status !== 200 && status !== 503)).toEqual([]);
  // Without a connection of their own they would wait for seconds.
  expect(medianMs).toBeLessThan(500 + 10 * calmMs);
});

it('what takes longer than 2 s is ended, and the answer says what to do', async () => {
  // Everything on this table waits for us.
  await harness.db.transaction().execute(async (transaction) => {
    await sql`lock table deliveries in access exclusive mode`.execute(transaction);
    const { status, body, ms } = await list('');
    expect([status, body]).toMatchObject([503, { detail: expect.stringContaining('more than 2 s') }]);
    expect(ms).toBeLessThan(4_000);
  });
});
