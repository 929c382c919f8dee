// A release beside the one before it: migrations after the first only add, and what the first release's planner and
// dispatcher wrote (commit 7d02ab2, their statements as they were) still goes into today's tables and is understood.
import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDatabase, type Db } from '../../lib/db/database.ts';
import { migrate } from '../../lib/db/migrate.ts';
import { createLedger } from '../../services/dispatcher/ledger.ts';
import { driveStrays } from '../../services/planner/runner/apply-holds.ts';
import { anyDue } from '../support/ledger-steps.ts';
import { createTestDatabase, type TestDatabase } from '../support/test-database.ts';

let database: TestDatabase;
let db: Db;

beforeAll(async () => {
  database = await createTestDatabase('releases');
  db = createDatabase({ url: database.databaseUrl, applicationName: 'test', maxConnections: 4 });
  await migrate(db);
});
afterAll(async () => {
  await db.destroy();
  await database.drop();
});

const folder = resolve(import.meta.dirname, '../../lib/db/migrations');
const later = readdirSync(folder).filter((name) => /^\d{4}-/.test(name) && !name.startsWith('0001'));

describe('a migration', () => {
  it.each(later)('%s only adds', (name) => {
    const text = readFileSync(join(folder, name), 'utf8').replaceAll(/^\s*\/\/.*$/gm, '');
    expect(text).not.toMatch(/\b(drop|rename|set not null|alter column|truncate|delete from)\b/i);
    const tables = [...text.matchAll(/alter table (\w+)([\s\S]*?)[`']/g)];
    for (const [, table, changes = ''] of tables) {
      for (const column of changes.matchAll(/add column (\w+) ([^,`']*)/g)) {
        const needsValue = /not null/.test(column[2] ?? '') && !/default/.test(column[2] ?? '');
        expect(needsValue, `${table}.${column[1]} can be left out by a release that does not know it`).toBe(false);
      }
    }
  });
});

const ids = { request: randomUUID(), scheduled: randomUUID(), chunk: randomUUID(), notification: randomUUID() };

describe('the first release', () => {
  it('stores requests and chunks as it did; the runner of today adopts what it left for later', async () => {
    const rows = [
      {
        request_id: ids.request,
        state: 'running',
        planned: 1,
        chunk_count: 1,
        planning_complete: true,
        scheduled_at: null,
      },
      {
        ...{ request_id: ids.scheduled, state: 'scheduled', planned: 0, chunk_count: 0, planning_complete: false },
        scheduled_at: '2099-01-01T00:00:00Z',
      },
    ];
    await sql`
      insert into requests (request_id, body_hash, state, detail, template_id, template_version, template_kind,
        channel, on_no_answer, priority, is_promo, context, user_ids, user_categories, planned, chunk_count,
        planning_complete, requested_at, scheduled_at, expires_at)
      select n.request_id, '\\x00', n.state, '', 'plain', 1, 'common', 'email', 'resend', 'low', false, '{}', '{u1}', '{}',
        n.planned, n.chunk_count, n.planning_complete, now(), n.scheduled_at, null
      from json_to_recordset(${JSON.stringify(rows)}::json) as n (request_id uuid, state text, planned int,
        chunk_count int, planning_complete boolean, scheduled_at timestamptz)`.execute(db);
    await sql`insert into chunks (request_id, sequence, user_ids) values (${ids.request}, 0, '{u1}')`.execute(db);
    await driveStrays(db);
    const stored = await db.selectFrom('requests').select(['request_id', 'driven', 'origin']).execute();
    expect(stored).toHaveLength(2);
    expect(stored).toContainEqual({ request_id: ids.request, driven: false, origin: 'request' });
    expect(stored).toContainEqual({ request_id: ids.scheduled, driven: true, origin: 'request' });
  });

  it('puts deliveries off as it did; the waiting loop of today takes them, and cancelling finds them', async () => {
    await sql`
      insert into deliveries (month, notification_id, request_id, chunk_id, user_id, channel, address, template_id,
        template_version, priority, state, attempt, requested_at, claimed_at)
      values (date_trunc('month', now())::date, ${ids.notification}, ${ids.request}, ${ids.chunk}, 'u1', 'email',
        'u1@example.com', 'plain', 1, 'low', 'deferred', 1, now(), now())`.execute(db);
    await sql`
      insert into waiting (notification_id, month, priority, due_at, attempt, reason, key, value, traceparent,
        rendered_partition, rendered_offset)
      values (${ids.notification}, date_trunc('month', now())::date, 'low', now(), 1, 'busy', 'u1', '\\x00', null, 0, 7)`.execute(
      db,
    );
    const delivery = await db.selectFrom('deliveries').select(['is_test', 'state']).executeTakeFirst();
    expect(delivery).toEqual({ is_test: false, state: 'deferred' });
    const ledger = createLedger(db);
    expect((await ledger.claimDue('low', anyDue(10))).map(({ notification_id }) => notification_id)).toEqual([
      ids.notification,
    ]);
    // Put off because its request is paused: from now on its row knows the request, and the end of the pause finds it.
    await ledger.postpone([
      { notificationId: ids.notification, requestId: ids.request, dueInMs: 3_600_000, isPaused: true },
    ]);
    expect((await ledger.wake(undefined)).count).toBe(1);
    expect((await ledger.claimDue('low', anyDue(10))).map(({ notification_id }) => notification_id)).toEqual([
      ids.notification,
    ]);
  });

  it('counts ends under the same keys as today', async () => {
    const count = () =>
      sql`
        insert into counters (request_id, chunk_id, state, reason, count)
        values (${ids.request}, ${ids.chunk}, 'sent', '', 1)
        on conflict (request_id, chunk_id, state, reason) do update set count = counters.count + excluded.count`.execute(
        db,
      );
    await count();
    await count();
    expect(await db.selectFrom('counters').select('count').execute()).toEqual([{ count: 2 }]);
  });
});
