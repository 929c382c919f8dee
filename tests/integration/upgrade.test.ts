// An upgrade: a database with the rows of the release before gets today's migrations. No row and no value is lost, and what the
// rows stood for still holds: suppressions, what keys may do, what waits.
import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { Migrator } from 'kysely/migration';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDatabase, type Db } from '../../lib/db/database.ts';
import { migrate, migrationProvider } from '../../lib/db/migrate.ts';
import { createLedger } from '../../services/dispatcher/ledger.ts';
import type { ApiKey } from '../../services/ingest/api-keys.ts';
import { requireRight } from '../../services/ingest/request-rights.ts';
import { rendered } from '../support/ledger-lab.ts';
import { anyDue, toRequest } from '../support/ledger-steps.ts';
import { createEmptyDatabase, type TestDatabase } from '../support/test-database.ts';

const lastOfBefore = '0007-redrive-leases';
const ids = {
  producer: randomUUID(),
  reader: randomUUID(),
  operator: randomUUID(),
  byProducer: randomUUID(),
  byTopic: randomUUID(),
  waiting: randomUUID(),
  mailing: randomUUID(),
};
const addresses = ['hard@people.example', 'complained@people.example', 'by-hand@people.example'];

let database: TestDatabase;
let db: Db;
let before: Map<string, Record<string, unknown>[]>;

beforeAll(async () => {
  database = await createEmptyDatabase('upgrade');
  db = createDatabase({ url: database.databaseUrl, applicationName: 'test', maxConnections: 4 });
  const { error } = await new Migrator({ db, provider: migrationProvider }).migrateTo(lastOfBefore);
  if (error) throw error;
  await fill();
  before = await readAll();
  await migrate(db);
});
afterAll(async () => {
  await db.destroy();
  await database.drop();
});

/** As the release before wrote them. */
async function fill(): Promise<void> {
  const keys = [
    [ids.producer, 'producer', '{send,read}'],
    [ids.reader, 'reader', '{read}'],
    [ids.operator, 'operator', '{send,read,admin}'],
  ];
  for (const [id, name, scopes] of keys) {
    await sql`insert into api_keys (api_key_id, name, key_hash, key_hint, scopes)
      values (${id}, ${name}, ${Buffer.from(name ?? '')}, 'ph_x…', ${scopes}::text[])`.execute(db);
  }
  await sql`insert into accepted (request_id, api_key_id, idempotency_key, body_hash)
    values (${ids.byProducer}, ${ids.producer}, 'once', '\\x01')`.execute(db);
  for (const requestId of [ids.byProducer, ids.byTopic]) {
    await sql`insert into requests (request_id, body_hash, state, template_id, template_version, template_kind, channel,
        on_no_answer, priority, is_promo, context, user_ids, user_categories, planned, chunk_count, planning_complete, requested_at)
      values (${requestId}, '\\x01', 'running', 'plain', 1, 'common', 'email', 'resend', 'low', false, '{}', '{u1}', '{}', 1, 1,
        true, now())`.execute(db);
  }
  const reasons = ['hard_bounce', 'complaint', 'manual'];
  for (const [at, address] of addresses.entries()) {
    await sql`insert into suppressions (channel, address, reason, detail)
      values ('email', ${address}, ${reasons[at]}, 'as it was')`.execute(db);
  }
  await sql`insert into unsubscribes (user_id, channel, source) values ('u1', 'email', 'one_click')`.execute(db);
  await sql`insert into feedback (feedback_id, type, address, status, happened_at)
    values (${randomUUID()}, 'complaint', ${addresses[1]}, '', now())`.execute(db);
  await sql`select ensure_delivery_month(date_trunc('month', now())::date)`.execute(db);
  await sql`insert into deliveries (month, notification_id, request_id, chunk_id, user_id, channel, address, template_id,
      template_version, priority, state, attempt, requested_at, claimed_at)
    values (date_trunc('month', now())::date, ${ids.waiting}, ${ids.byTopic}, ${randomUUID()}, 'u1', 'email', 'u1@people.example',
      'plain', 1, 'low', 'deferred', 1, now(), now())`.execute(db);
  await sql`insert into waiting (notification_id, month, priority, due_at, attempt, reason, key, value, rendered_partition,
      rendered_offset)
    values (${ids.waiting}, date_trunc('month', now())::date, 'low', now(), 1, 'busy', 'u1', '\\x00', 0, 7)`.execute(
    db,
  );
  await sql`insert into admin_users (admin_user_id, name, roles, password_hash)
    values (${randomUUID()}, 'anna', '{sender}', 'scrypt$15$8$1$x$y')`.execute(db);
  await sql`insert into mailings (mailing_id, title, context, created_by) values (${ids.mailing}, 'A draft', '{"a":1}', 'anna')`.execute(
    db,
  );
  await sql`insert into audit (who, action, subject, detail) values ('anna', 'test_sent', 'template plain', '{}')`.execute(
    db,
  );
}

async function readAll(): Promise<Map<string, Record<string, unknown>[]>> {
  const { rows: tables } = await sql<{ name: string }>`
    select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'
      and relname not like 'kysely%' order by 1`.execute(db);
  const all = new Map<string, Record<string, unknown>[]>();
  for (const { name } of tables) {
    const { rows } = await sql<{
      row: Record<string, unknown>;
    }>`select to_jsonb(t) as row from ${sql.table(name)} t`.execute(db);
    all.set(
      name,
      rows.map(({ row }) => row),
    );
  }
  return all;
}

describe('an upgrade', () => {
  it('keeps every row and value of the release before; only the scopes of keys that could cancel grow', async () => {
    const after = await readAll();
    expect([...before.values()].flat().length).toBeGreaterThan(15);
    for (const [table, rows] of before) {
      const now = after.get(table) ?? [];
      expect(now.length, table).toBe(rows.length);
      for (const row of rows) {
        const { scopes: _, ...same } = row;
        expect(now, table).toContainEqual(expect.objectContaining(table === 'api_keys' ? same : row));
      }
    }
  });

  it('lets a key that could cancel go on cancelling what it asked for, nothing else, and report nothing', async () => {
    const scopes = await db.selectFrom('api_keys').select(['name', 'scopes']).orderBy('name').execute();
    expect(scopes).toEqual([
      { name: 'operator', scopes: ['send', 'read', 'admin', 'cancel'] },
      { name: 'producer', scopes: ['send', 'read', 'cancel'] },
      { name: 'reader', scopes: ['read'] },
    ]);
    const producer: ApiKey = { apiKeyId: ids.producer, name: 'producer', scopes: new Set(['send', 'read', 'cancel']) };
    await requireRight(db, producer, ids.byProducer, 'cancel');
    await expect(requireRight(db, producer, ids.byTopic, 'cancel')).rejects.toThrow();
    await requireRight(db, producer, ids.byTopic, 'read');
    const reader: ApiKey = { apiKeyId: ids.reader, name: 'reader', scopes: new Set(['read']) };
    await expect(requireRight(db, reader, ids.byProducer, 'read')).rejects.toThrow();
  });

  it.each(addresses)('%s, suppressed before, is suppressed for everything', async (address) => {
    const event = rendered({ address, is_promo: false });
    const [row] = await createLedger(db).claim([toRequest(event)], { token: randomUUID(), fromWaiting: false });
    expect(row).toMatchObject({ verdict: 'ended', state: 'skipped', reason: 'suppressed' });
  });

  it('sends what waited', async () => {
    const due = await createLedger(db).claimDue('low', anyDue(10));
    expect(due.map(({ notification_id }) => notification_id)).toEqual([ids.waiting]);
  });
});
