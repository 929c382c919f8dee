// The admin service with one connection to Postgres: nothing that it does waits for another of its own connections.
import { randomUUID } from 'node:crypto';
import { request } from 'node:http';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { partitioner } from '../../lib/kafka/client.ts';
import { writeDeadLetterCause } from '../../lib/kafka/headers.ts';
import { wantActions } from '../../services/admin/queries/dead-letters.ts';
import { type AdminLab, startAdminLab, type Visitor } from '../support/admin-lab.ts';
import { eventually } from '../support/eventually.ts';
import { startTestUserService, type TestUserService } from '../support/user-service.ts';

let users: TestUserService;
let lab: AdminLab;
let admin: Visitor;

beforeAll(async () => {
  const env = { ...inject('infrastructure'), DATABASE_CONNECTIONS: '1' };
  users = await startTestUserService(() => false);
  lab = await startAdminLab(users.url, env);
  admin = await lab.logIn('admin');
});
afterAll(async () => {
  await lab?.stop();
  await users?.stop();
});

it('redrives dead letters, and no transaction stays open meanwhile', async () => {
  const topic = lab.topics.deadLetters.planner.name;
  const headers = writeDeadLetterCause({
    originalTopic: lab.topics.requests.name,
    originalPartition: 0,
    originalOffset: '0',
    errorCode: 'bug',
    errorMessage: '',
    stage: 'planner',
    at: Date.now(),
  }) as Record<string, string>;
  const producer = lab.kafka.producer({ createPartitioner: partitioner, allowAutoTopicCreation: false });
  await producer.connect();
  const messages = Array.from({ length: 30 }, (_, n) => ({ key: `k-${n}`, value: 'no Avro', partition: 0, headers }));
  await producer.send({ topic, messages });
  await producer.disconnect();
  const places = messages.map((_, offset) => ({ topic, partition: 0, offset }));
  await wantActions(lab.db, places, { action: 'redrive', template: 'pinned', reason: '', who: 'olga' });
  const open = new Set<string>();
  await eventually(async () => {
    const { rows } = await sql<{ name: string }>`
      select application_name as name from pg_stat_activity
      where datname = current_database() and state = 'idle in transaction'
        and state_change < now() - interval '200 ms'`.execute(lab.db);
    for (const { name } of rows) open.add(name);
    const states = await lab.db.selectFrom('dead_letter_actions').select('state').distinct().execute();
    return states.length === 1 && states[0]?.state === 'done';
  }, 'all are redriven');
  expect([...open]).toEqual([]);
});

it('shows pages and lets people log in while somebody uploads slowly', async () => {
  const mailingId = randomUUID();
  await admin.post('/mailings', { mailing_id: mailingId, title: 'Slow' });
  const headers = { cookie: admin.cookie, 'x-csrf-token': await admin.csrf(), 'content-type': 'text/csv' };
  const upload = request(`${lab.url}/mailings/${mailingId}/people?mode=add&revision=1`, { method: 'PUT', headers });
  upload.on('error', () => {});
  upload.write(`user_id\n${Array.from({ length: 20_000 }, (_, n) => `u-${n}\n`).join('')}`);
  await eventually(async () => {
    const progress = (await (await admin.get(`/mailings/${mailingId}/people/progress`)).json()) as { stored?: number };
    return (progress.stored ?? 0) > 0;
  }, 'the upload has begun to store');
  expect((await admin.get('/mailings')).status).toBe(200);
  expect((await lab.logIn('viewer')).cookie).not.toBe('');
  upload.destroy();
});

it('takes a file while many others are sent slowly, which hold no connection and no transaction', async () => {
  const start = async () => {
    const mailingId = randomUUID();
    await admin.post('/mailings', { mailing_id: mailingId, title: 'Slow' });
    const headers = { cookie: admin.cookie, 'x-csrf-token': await admin.csrf(), 'content-type': 'text/csv' };
    const upload = request(`${lab.url}/mailings/${mailingId}/people?mode=add&revision=1`, { method: 'PUT', headers });
    upload.on('error', () => {});
    upload.write(`user_id\n${Array.from({ length: 12_000 }, (_, n) => `u-${n}\n`).join('')}`);
    await eventually(async () => {
      const answer = await admin.get(`/mailings/${mailingId}/people/progress`);
      return (((await answer.json()) as { stored?: number }).stored ?? 0) > 0;
    }, 'the upload has begun to store');
    return { mailingId, upload };
  };
  const slow: Awaited<ReturnType<typeof start>>[] = [];
  for (let n = 0; n < 8; n++) slow.push(await start());
  const { rows } = await sql<{ state: string }>`
    select state from pg_stat_activity
    where datname = current_database() and application_name = 'posthorn-admin-uploads' and state <> 'idle'`.execute(
    lab.db,
  );
  expect(rows).toEqual([]);
  const last = await start();
  const answer = new Promise<number>((resolve) =>
    last.upload.on('response', ({ statusCode }) => resolve(statusCode ?? 0)),
  );
  last.upload.end('u-last\n');
  expect(await answer).toBe(200);
  const { people_count } = await lab.db
    .selectFrom('mailings')
    .select('people_count')
    .where('mailing_id', '=', last.mailingId)
    .executeTakeFirstOrThrow();
  expect(people_count).toBe(12_001);
  for (const { upload } of slow) upload.destroy();
  await eventually(
    async () => (await lab.db.selectFrom('uploaded_people').select('upload_id').limit(1).execute()).length === 0,
    'nothing is left of those that broke off',
  );
});
