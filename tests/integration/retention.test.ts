// `posthorn ledger retention`: months that are wholly older go with all that belongs to them, and nothing that may still
// be asked.
import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { ledger } from '../../cli/ledger.ts';
import { createDatabase, type Db, toMonth } from '../../lib/db/database.ts';
import { migrate } from '../../lib/db/migrate.ts';
import { PosthornError } from '../../lib/errors.ts';
import { type CommandRunner, createCommandRunner } from '../support/command-runner.ts';
import { createTestDatabase, type TestDatabase } from '../support/test-database.ts';

let database: TestDatabase;
let db: Db;
let run: CommandRunner;
beforeAll(async () => {
  database = await createTestDatabase('retention');
  db = createDatabase({ url: database.databaseUrl, applicationName: 'test' });
  await migrate(db);
  run = createCommandRunner(ledger, { DATABASE_URL: database.databaseUrl });
});
afterAll(async () => {
  await db?.destroy();
  await database?.drop();
});
beforeEach(async () => {
  await sql`truncate requests, chunks, counters, deliveries, waiting, accepted, feedback, delivery_commands, holds,
    dead_letter_actions, test_sends, audit, mailings, mailing_people, admin_sessions, admin_known_addresses, admin_users`.execute(
    db,
  );
});

/** The middle of the month that many before this one: no day of a month makes it another. */
const monthsAgo = (count: number): Date => {
  const now = new Date();
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - count, 15, 12));
};
const partitionOf = (at: Date): string => `deliveries_${toMonth(at.getTime()).slice(0, 7).replace('-', '_')}`;

interface Changes {
  origin?: 'request' | 'mailing';
  driven?: boolean;
  startedAt?: Date;
  endedAt?: Date;
}

/** A request of two people, both sent, in the ledger of its month. */
async function addRequest(at: Date, { origin = 'request', driven = false, startedAt, endedAt }: Changes = {}) {
  const requestId = randomUUID();
  const month = toMonth(at.getTime());
  await sql`select ensure_delivery_month(${month}::date)`.execute(db);
  await sql`
    insert into requests (request_id, body_hash, state, template_id, priority, is_promo, context, user_ids, planned,
      chunk_count, planning_complete, requested_at, stored_at, origin, driven, started_at, ended_at)
    values (${requestId}, '', 'running', 'welcome', 'low', false, '{}', '{u1,u2}', 2, 1, true, ${at}, ${at}, ${origin},
      ${driven}, ${startedAt ?? null}, ${endedAt ?? null})`.execute(db);
  await sql`insert into chunks (request_id, sequence, user_ids) values (${requestId}, 0, '{u1}'), (${requestId}, 1, '{u2}')`.execute(
    db,
  );
  for (const userId of ['u1', 'u2']) {
    const chunkId = randomUUID();
    await sql`
      insert into deliveries (month, notification_id, request_id, chunk_id, user_id, channel, template_id,
        template_version, priority, state, requested_at)
      values (${month}, ${randomUUID()}, ${requestId}, ${chunkId}, ${userId}, 'email', 'welcome', 1, 'low', 'sent', ${at})
    `.execute(db);
    await sql`insert into counters values (${requestId}, ${chunkId}, 'sent', '', 1)`.execute(db);
  }
  await sql`insert into holds (request_id, state) values (${requestId}, 'cancelled')`.execute(db);
  return requestId;
}

type Table = 'requests' | 'chunks' | 'counters' | 'deliveries' | 'holds';
async function countsOf(requestId: string): Promise<Record<Table, number>> {
  const counts = { requests: 0, chunks: 0, counters: 0, deliveries: 0, holds: 0 };
  for (const table of Object.keys(counts) as Table[]) {
    const { rows } = await sql<{ count: number }>`
      select count(*)::int as count from ${sql.table(table)} where request_id = ${requestId}`.execute(db);
    counts[table] = rows[0]?.count ?? -1;
  }
  return counts;
}
const whole = { requests: 1, chunks: 2, counters: 2, deliveries: 2, holds: 1 };
const gone = { requests: 0, chunks: 0, counters: 0, deliveries: 0, holds: 0 };
const exists = async (partition: string): Promise<boolean> => {
  const { rows } = await sql<{ found: boolean }>`select to_regclass(${partition}) is not null as found`.execute(db);
  return rows[0]?.found ?? false;
};

it('says what would go with its size and deletes nothing, then deletes exactly that', async () => {
  const [old, young] = [monthsAgo(6), monthsAgo(1)];
  const [oldId, youngId] = [await addRequest(old), await addRequest(young)];
  const said = await run(['retention']);
  expect(said.find((line) => line.startsWith(partitionOf(old)))).toMatch(/about 2 rows +\d+ kB +goes/);
  expect(said.find((line) => line.startsWith('requests'))).toMatch(/ 1 +go$/);
  expect(said.join('\n')).toContain('Dry run: nothing was deleted');
  expect(said.join('\n')).not.toContain(partitionOf(young));
  expect(await countsOf(oldId)).toEqual(whole);

  const done = await run(['retention', '--execute']);
  expect(done.join('\n')).toMatch(/Deleted: 1 requests, \d+ months\./);
  expect(await countsOf(oldId)).toEqual(gone);
  expect(await exists(partitionOf(old))).toBe(false);
  expect(await countsOf(youngId)).toEqual(whole);
  const audit = await db.selectFrom('audit').selectAll().execute();
  expect(audit).toMatchObject([{ who: 'cli', action: 'ledger.retention', detail: { keep_days: 90, requests: 1 } }]);

  const again = await run(['retention', '--execute']);
  expect(again).toContain('There is nothing that old.');
  expect(await db.selectFrom('audit').selectAll().execute()).toHaveLength(1);
});

it('keeps a month of which a request was sent later, goes on or waits, and says so', async () => {
  const at = monthsAgo(7);
  const neighbour = await addRequest(at);
  const late = await addRequest(at, { startedAt: new Date(Date.now() - 20 * 86_400_000) });
  const said = await run(['retention', '--execute']);
  expect(said.join('\n')).toMatch(/stays: 1 of its requests were sent later, the last on \d{4}-/);
  expect([await countsOf(neighbour), await countsOf(late)]).toEqual([whole, whole]);

  await sql`update requests set started_at = null, driven = true where request_id = ${late}`.execute(db);
  expect((await run(['retention', '--execute'])).join('\n')).toContain(
    'stays: 1 of its requests are scheduled, paused',
  );
  await sql`update requests set driven = false`.execute(db);
  await sql`
    insert into waiting (notification_id, month, priority, due_at, attempt, reason, key, value, rendered_partition, rendered_offset)
    values (${randomUUID()}, ${toMonth(at.getTime())}, 'low', now(), 1, 'busy', 'k', '', 0, 0)`.execute(db);
  expect((await run(['retention', '--execute'])).join('\n')).toContain('stays: 1 of its messages wait for a retry');
  expect([await countsOf(neighbour), await countsOf(late)]).toEqual([whole, whole]);
  await sql`truncate waiting`.execute(db);
  await run(['retention', '--execute']);
  expect([await countsOf(neighbour), await countsOf(late)]).toEqual([gone, gone]);
});

it('keeps a mailing with its numbers, and lets go of its people', async () => {
  const mailing = await addRequest(monthsAgo(8), { origin: 'mailing', endedAt: monthsAgo(8) });
  await run(['retention', '--execute']);
  expect(await countsOf(mailing)).toEqual({ ...gone, requests: 1, counters: 1, holds: 1 });
  const row = await db.selectFrom('requests').selectAll().where('request_id', '=', mailing).executeTakeFirstOrThrow();
  expect([row.planned, row.user_ids]).toEqual([2, []]);
  expect(await db.selectFrom('counters').select(['state', 'count']).execute()).toEqual([{ state: 'sent', count: 2 }]);
  expect(await run(['retention'])).toContain('There is nothing that old.');
});

it('deletes what is that old in the other tables, ended sessions, and rows without a month of their own', async () => {
  const [old, young] = [monthsAgo(6), new Date()];
  for (const at of [old, young]) {
    const id = randomUUID();
    await sql`insert into accepted (request_id, api_key_id, body_hash, accepted_at) values (${id}, ${id}, '', ${at})`.execute(
      db,
    );
    await sql`insert into feedback (feedback_id, type, happened_at, received_at) values (${id}, 'bounce', ${at}, ${at})`.execute(
      db,
    );
    await sql`insert into delivery_commands (notification_id, kind, requested_by, requested_at) values (${id}, 'resend', 'a', ${at})`.execute(
      db,
    );
    await sql`insert into dead_letter_actions (topic, partition, record_offset, action, requested_by, requested_at)
      values (${id}, 0, 0, 'discard', 'a', ${at})`.execute(db);
    await sql`insert into test_sends (request_id, template_id, template_version, address, user_id, created_by, created_at)
      values (${id}, 'welcome', 1, 'a@b.example', 'u', 'a', ${at})`.execute(db);
  }
  const ada = randomUUID();
  await sql`insert into admin_users (admin_user_id, name, roles, password_hash) values (${ada}, 'ada', '{}', '')`.execute(
    db,
  );
  const end = (days: number) => sql`now() + make_interval(days => ${days})`;
  await sql`insert into admin_sessions (token_hash, admin_user_id, csrf_token, expires_at)
    values ('a', ${ada}, '', ${end(-1)}), ('b', ${ada}, '', ${end(1)})`.execute(db);
  const ancient = new Date(Date.UTC(2019, 3, 5));
  await sql`insert into deliveries (month, notification_id, request_id, chunk_id, user_id, channel, template_id,
      template_version, priority, state, requested_at)
    values ('2019-04-01', ${ada}, ${ada}, ${ada}, 'u', 'email', 'welcome', 1, 'low', 'sent', ${ancient})`.execute(db);

  const said = (await run(['retention'])).join('\n');
  for (const what of [
    'accepted calls',
    'reports',
    'commands',
    'actions',
    'test-sends',
    'ended sessions',
    'other months',
  ]) {
    expect(said).toContain(what);
  }
  await run(['retention', '--execute']);
  for (const table of [
    'accepted',
    'feedback',
    'delivery_commands',
    'dead_letter_actions',
    'test_sends',
    'admin_sessions',
  ]) {
    const { rows } = await sql<{ count: number }>`select count(*)::int as count from ${sql.table(table)}`.execute(db);
    expect([table, rows[0]?.count]).toEqual([table, 1]);
  }
  expect(await db.selectFrom('deliveries').select('user_id').execute()).toEqual([]);
});

it('waits for nobody for long: a month in use stays, all before it is done, and it can be run again', async () => {
  const at = monthsAgo(9);
  const id = await addRequest(at);
  const reader = createDatabase({ url: database.databaseUrl, applicationName: 'reader', maxConnections: 1 });
  await db.transaction().execute(async (reading) => {
    await sql`select count(*) from deliveries`.execute(reading);
    await expect(run(['retention', '--execute'])).rejects.toMatchObject({ code: 'busy' });
    // Meanwhile nobody was kept from the ledger for longer than the short wait.
    await sql`select count(*) from deliveries`.execute(reader);
  });
  await reader.destroy();
  expect(await countsOf(id)).toEqual({ ...gone, deliveries: 2 });
  await run(['retention', '--execute']);
  expect(await countsOf(id)).toEqual(gone);
});

it('lets only one of them delete at a time', async () => {
  await addRequest(monthsAgo(6));
  await db.transaction().execute(async (other) => {
    await sql`select pg_advisory_xact_lock(5082026)`.execute(other);
    await expect(run(['retention', '--execute'])).rejects.toMatchObject({ code: 'busy' });
  });
});

it('refuses less than 31 days, what is no number, and another action', async () => {
  for (const days of ['30', '0', '-5', '1.5', 'x', '']) {
    const refused = run(['retention', `--keep-days=${days}`]);
    await expect(refused).rejects.toThrow('at least 31: topics keep records for 30 days');
    await expect(refused).rejects.toBeInstanceOf(PosthornError);
  }
  await expect(run(['shrink'])).rejects.toThrow('say retention');
  const at = monthsAgo(4);
  const id = await addRequest(at);
  await run(['retention', '--keep-days', '400', '--execute']);
  expect(await countsOf(id)).toEqual(whole);
  await run(['retention', '--keep-days', '31', '--execute']);
  expect(await countsOf(id)).toEqual(gone);
});
