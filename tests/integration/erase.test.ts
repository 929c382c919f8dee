// `posthorn erase`: nothing of the person remains in the database, nothing is sent to them afterwards, and the numbers of
// what they were in still balance.
import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { expect, inject, it } from 'vitest';
import { erase } from '../../cli/erase.ts';
import { chunkId, isErasedId, notificationId } from '../../domain/ids.ts';
import { keyedHash } from '../../domain/keyed-hash.ts';
import { type Db, toMonth } from '../../lib/db/database.ts';
import type { NotificationRendered } from '../../lib/events.ts';
import { findPeopleByHash, rememberAddresses } from '../../lib/known-addresses.ts';
import { plan } from '../../services/planner/plan.ts';
import { createRequestStore } from '../../services/planner/request-store.ts';
import { type Driven, drivenColumns } from '../../services/planner/runner/driven.ts';
import { findMissing } from '../../services/planner/runner/missing-people.ts';
import { createCommandRunner } from '../support/command-runner.ts';
import { useDispatcherLab } from '../support/dispatcher-lab.ts';
import { rendered, toMessage } from '../support/ledger-lab.ts';
import { startLyingMailServer } from '../support/lying-mail-server.ts';
import { toRequestRecord } from '../support/request-record.ts';

const secret = 'a secret of the tests';
const open = useDispatcherLab();
const others = sql`erased_people, requests, chunks, feedback, delivery_commands, mailings, mailing_people, test_sends, replays, audit`;

async function openLab() {
  const server = await startLyingMailServer();
  const lab = await open({ smtpUrl: server.smtpUrl });
  await sql`truncate ${others}`.execute(lab.db);
  await lab.ledger.ensureMonths();
  const { rows } = await sql<{ name: string }>`select current_database() as name`.execute(lab.db);
  const url = new URL(inject('infrastructure').DATABASE_URL);
  url.pathname = `/${rows[0]?.name}`;
  const run = createCommandRunner(erase, { DATABASE_URL: url.href, POSTHORN_SECRET: secret });
  return { ...lab, server, run };
}

interface Asked {
  userIds: string[];
  /** Not cut into chunks yet. */
  isScheduled?: boolean;
  context?: string;
  onNoAnswer?: 'resend' | 'park';
}

/** A request as the planner itself stores it, published, and the records of its people as the dispatcher gets them. */
async function addRequest(db: Db, { userIds, isScheduled = false, context = '{}', onNoAnswer = 'resend' }: Asked) {
  const at = new Date();
  const asked = toRequestRecord({
    template_id: 'welcome',
    priority: 'low',
    user_ids: userIds,
    context,
    requested_at: at.getTime(),
    scheduled_at: isScheduled ? at.getTime() + 3_600_000 : null,
  });
  const { request_id: requestId } = asked;
  const template = {
    templateId: 'welcome',
    version: 1,
    kind: 'common',
    channel: 'email',
    onNoAnswer,
    isPromo: false,
  } as const;
  const planned = plan(asked, template, at.getTime(), at.getTime());
  const store = createRequestStore(db);
  await store.insert([planned]);
  await store.markPublished(planned.chunks.map(({ sequence }) => ({ requestId, sequence })));
  return userIds.map((userId) =>
    rendered({
      request_id: requestId,
      user_id: userId,
      chunk_id: chunkId(requestId, 0),
      notification_id: notificationId(requestId, userId, 'email'),
      address: `${userId}@people.example`,
      requested_at: at.getTime(),
      on_no_answer: onNoAnswer,
    }),
  );
}

const find = (events: readonly NotificationRendered[], userId: string): NotificationRendered => {
  const event = events.find((one) => one.user_id === userId);
  if (!event) throw new Error(`nobody is called ${userId}`);
  return event;
};

/** Of every table the rows that hold this text, however deep. */
async function findTraces(db: Db, text: string): Promise<string[]> {
  const tables = await sql<{ name: string }>`
    select table_name as name from information_schema.tables
    where table_schema = 'public' and table_type = 'BASE TABLE'`.execute(db);
  const traces: string[] = [];
  for (const { name } of tables.rows) {
    const { rows } = await sql<{ row: string }>`
      select t::text as row from ${sql.table(name)} t where position(${text} in t::text) > 0`.execute(db);
    traces.push(...rows.map(({ row }) => `${name}: ${row}`));
  }
  return traces;
}

/** Planned people of a request against its ends. */
async function balanceOf(db: Db, requestId: string): Promise<{ planned: number; ended: number; rows: number }> {
  const { rows } = await sql<{ planned: number; ended: number; rows: number }>`
    select (select planned from requests where request_id = ${requestId}) as planned,
      (select coalesce(sum(count), 0)::int from counters where request_id = ${requestId}) as ended,
      (select count(*)::int from deliveries where request_id = ${requestId}) as rows`.execute(db);
  return rows[0] ?? { planned: -1, ended: -1, rows: -1 };
}

/** Whom the mailing runner would publish again. */
async function missingOf(db: Db, requestId: string): Promise<string[]> {
  const { rows } = await sql<Driven>`select ${drivenColumns()} from requests r where request_id = ${requestId}`.execute(
    db,
  );
  const found: string[] = [];
  for await (const portions of findMissing(db, rows))
    found.push(...portions.flatMap(({ chunks }) => chunks.flatMap(({ userIds }) => userIds)));
  return found;
}

async function addEverythingElse(db: Db, userId: string, sent: NotificationRendered): Promise<string> {
  const { address, notification_id: id } = sent;
  const mailingId = randomUUID();
  await sql`insert into feedback (feedback_id, type, notification_id, address, happened_at)
    values (${randomUUID()}, 'bounce', ${id}, ${address}, now()), (${randomUUID()}, 'complaint', null, ${address.toUpperCase()}, now())`.execute(
    db,
  );
  await sql`insert into suppressions (channel, address, reason) values ('email', ${address}, 'bounce')`.execute(db);
  await sql`insert into unsubscribes (user_id, channel, source) values (${userId}, 'email', 'page')`.execute(db);
  await sql`insert into mailings (mailing_id, title, people_count) values (${mailingId}, 'Draft', 2)`.execute(db);
  await sql`insert into mailing_people values (${mailingId}, ${userId}), (${mailingId}, 'zoe')`.execute(db);
  await sql`insert into test_sends (request_id, template_id, template_version, address, user_id, created_by)
    values (${randomUUID()}, 'welcome', 1, 'editor@here.example', ${userId}, 'editor')`.execute(db);
  await sql`insert into replays (replay_id, topic, from_offsets, until_offsets, filter, requested_by)
    values (${randomUUID()}, 't', '{}', '{}', ${JSON.stringify({ user_id: userId })}, 'ada')`.execute(db);
  await sql`insert into delivery_commands (notification_id, kind, requested_by) values (${id}, 'resend', 'ada')`.execute(
    db,
  );
  const entries: [string, object][] = [
    [`person ${userId}`, { channel: 'email' }],
    [`notification ${id}`, { person: userId }],
    [`address ${address}`, { words: 'x' }],
    ['template welcome', {}],
  ];
  for (const [subject, detail] of entries) {
    await sql`insert into audit (who, action, subject, detail) values ('ada', 'x', ${subject}, ${JSON.stringify(detail)})`.execute(
      db,
    );
  }
  return mailingId;
}

it('takes the person out of every table, sends nothing afterwards, and leaves the numbers balanced', async () => {
  const lab = await openLab();
  const { db, server, run } = lab;
  const userId = 'ada-7f3c';
  const done = await addRequest(db, { userIds: [userId, 'bob'] });
  const alone = await addRequest(db, { userIds: [userId], context: '{"code":"secret of ada"}' });
  const deferred = await addRequest(db, { userIds: [userId, 'bob'] });
  const onItsWay = await addRequest(db, { userIds: ['bob', userId, 'cid'] });
  const scheduled = (await addRequest(db, { userIds: [userId, 'bob'], isScheduled: true }))[0]?.request_id ?? '';
  await lab.dispatch(done);
  await lab.dispatch(alone);
  server.behave = (to) =>
    to.startsWith(userId) ? { kind: 'reply', to: 'RCPT', with: `450 4.2.1 <${to}> busy` } : { kind: 'accept' };
  await lab.dispatch(deferred);
  server.behave = () => ({ kind: 'accept' });
  expect(await lab.stateOf(find(deferred, userId))).toMatch(/^deferred/);
  const mailingId = await addEverythingElse(db, userId, find(done, userId));
  const address = { channel: 'email', userId, address: 'ada@of-before.example' } as const;
  await rememberAddresses(db, secret, [address, { ...address, userId: 'bob' }]);
  const takenBefore = server.taken.length;

  const said = await run([userId]);
  expect(said.join('\n')).toMatch(/messages in the ledger, which keep their numbers +3\n/);
  expect(said.join('\n')).toMatch(/chunks that they are planned in +4\n/);
  expect(said.at(-1)).toContain('Dry run: nothing was changed');
  expect((await findTraces(db, userId)).length).toBeGreaterThan(15);

  lab.startWaiting();
  const told = await run([userId, '--execute']);
  expect(told.at(-1)).toContain('Erased.');
  expect(told.join('\n')).not.toContain('without a word');
  expect(lab.told(find(deferred, userId))).toEqual(['skipped cancelled 1']);

  // A record of theirs that comes to a stage only now.
  await rememberAddresses(db, secret, [address]);
  expect(await findTraces(db, userId)).toEqual([]);
  expect(await findPeopleByHash(db, secret, 'email', address.address)).toEqual(['bob']);
  expect(await findTraces(db, 'secret of ada')).toEqual([]);
  expect(await lab.waitingCount()).toBe(0);
  expect(await missingOf(db, onItsWay[0]?.request_id ?? '')).toEqual(['bob', 'cid']);
  await lab.dispatch([...onItsWay, ...deferred, ...done, ...alone]);
  expect(
    server.taken
      .slice(takenBefore)
      .map(({ to }) => to)
      .sort(),
  ).toEqual(['bob@people.example', 'cid@people.example']);
  for (const [events, people] of [
    [done, 2],
    [alone, 1],
    [deferred, 2],
    [onItsWay, 3],
  ] as const) {
    const balance = await balanceOf(db, events[0]?.request_id ?? '');
    expect(balance).toEqual({ planned: people, ended: people, rows: people });
  }
  expect(await lab.counters()).toEqual(await lab.rowCounts());
  expect(await lab.minutes()).toEqual(await lab.rowCounts());

  const rows = await db.selectFrom('deliveries').select(['user_id', 'address', 'detail', 'state']).execute();
  const erased = rows.filter((row) => isErasedId(row.user_id));
  expect(erased.map(({ state }) => state).sort()).toEqual(['sent', 'sent', 'skipped', 'skipped']);
  expect(erased.every(({ address, detail }) => address === null && detail === '')).toBe(true);
  const chunk = await db
    .selectFrom('chunks')
    .select('user_ids')
    .where('request_id', '=', onItsWay[0]?.request_id ?? '')
    .executeTakeFirstOrThrow();
  expect(chunk.user_ids).toEqual(['bob', erased[0]?.user_id, 'cid']);
  const asked = await db
    .selectFrom('requests')
    .select('user_ids')
    .where('request_id', '=', scheduled)
    .executeTakeFirstOrThrow();
  expect(asked.user_ids).toEqual([expect.stringMatching(/^gone:/), 'bob']);
  const mailing = await db
    .selectFrom('mailings')
    .select('people_count')
    .where('mailing_id', '=', mailingId)
    .executeTakeFirstOrThrow();
  expect(mailing.people_count).toBe(1);
  const audit = await db.selectFrom('audit').selectAll().where('action', '=', 'person.erased').execute();
  expect(audit).toMatchObject([
    { who: 'cli', subject: `person hmac:${keyedHash(secret, 'person', userId).toString('hex')}` },
  ]);
  expect(await run([userId])).toEqual([
    expect.stringMatching(/^This person was erased on 20/),
    'Nothing is known of this person.',
  ]);
});

it('leaves what belongs to somebody else at the same address', async () => {
  const { db, run, dispatch } = await openLab();
  const shared = 'family@people.example';
  const both = (await addRequest(db, { userIds: ['eve', 'fay'] })).map((event) => ({ ...event, address: shared }));
  await dispatch(both);
  await sql`insert into suppressions (channel, address, reason) values ('email', ${shared}, 'complaint')`.execute(db);
  await sql`insert into feedback (feedback_id, type, address, happened_at) values (${randomUUID()}, 'complaint', ${shared}, now())`.execute(
    db,
  );
  await run(['eve', '--execute']);
  expect(await findTraces(db, 'eve')).toEqual([]);
  const traces = await findTraces(db, shared);
  const tables = new Set(traces.map((trace) => trace.replace(/(_\d.*)?:.*/, '')));
  expect([...tables].sort()).toEqual(['deliveries', 'feedback', 'suppressions']);
});

it('says unknown, not skipped, of what a dead dispatcher may have sent', async () => {
  const { db, run, ledger, stateOf, endLeases, counters, rowCounts } = await openLab();
  const userId = 'gil';
  const resending = await addRequest(db, { userIds: [userId] });
  const parking = await addRequest(db, { userIds: [userId], onNoAnswer: 'park' });
  const givenBack = await addRequest(db, { userIds: [userId] });
  const token = randomUUID();
  for (const events of [resending, parking, givenBack]) {
    await ledger.claim(events.map(toMessage), { token, fromWaiting: false });
  }
  const held = find(givenBack, userId);
  await ledger.release([
    { notificationId: held.notification_id, month: toMonth(held.requested_at), attempt: 1, token },
  ]);
  await endLeases();
  await run([userId, '--execute']);
  expect(await stateOf(find(resending, userId))).toMatch(/^unknown no_answer/);
  expect(await stateOf(find(parking, userId))).toMatch(/^skipped cancelled/);
  expect(await stateOf(held)).toMatch(/^skipped cancelled/);
  expect(await counters()).toEqual(await rowCounts());
});

it('lets no command send again what was sent to a person who is erased by now', async () => {
  const { db, run, dispatch, server } = await openLab();
  const events = await addRequest(db, { userIds: ['joe'] });
  await dispatch(events);
  await run(['joe', '--execute']);
  await sql`insert into delivery_commands (notification_id, kind, requested_by)
    values (${find(events, 'joe').notification_id}, 'resend', 'ada')`.execute(db);
  await dispatch(events);
  expect(server.taken.length).toBe(1);
  expect(await findTraces(db, 'joe')).toEqual([]);
});

it('waits for what is being sent at this moment', async () => {
  const { db, run, ledger, stateOf } = await openLab();
  const [event] = await addRequest(db, { userIds: ['hal'] });
  if (!event) throw new Error('there is one');
  const token = randomUUID();
  await ledger.claim([toMessage(event)], { token, fromWaiting: false });
  const erasing = run(['hal', '--execute']);
  const month = toMonth(event.requested_at);
  const end = { state: 'sent', reason: '', detail: '250 ok', endedAtMs: Date.now(), suppress: false } as const;
  await expect.poll(async () => (await findTraces(db, 'hal')).some((trace) => trace.startsWith('chunks'))).toBe(false);
  await ledger.settle([
    { notificationId: event.notification_id, month, attempt: 1, token, requestedAtMs: event.requested_at, ...end },
  ]);
  expect((await erasing).join('\n')).toContain('waiting for 1 messages that are being sent');
  expect(await stateOf(event)).toMatch(/^sent/);
  expect(await findTraces(db, 'hal')).toEqual([]);
});

it('says when nobody told of the end of what waited, and deletes it all the same', async () => {
  const { db, run, dispatch, server, waitingCount } = await openLab();
  server.behave = () => ({ kind: 'reply', to: 'RCPT', with: '450 4.2.1 busy' });
  await dispatch(await addRequest(db, { userIds: ['ida'] }));
  expect(await waitingCount()).toBe(1);
  expect((await run(['ida', '--execute'])).join('\n')).toContain('1 of what waited ended without a word');
  expect(await waitingCount()).toBe(0);
});

it('asks whom, and refuses what is no user id', async () => {
  const { run } = await openLab();
  await expect(run([])).rejects.toThrow('say whom');
  await expect(run(['a', 'b'])).rejects.toThrow('say whom');
  await expect(run(['a b'])).rejects.toThrow("'a b' is not a user id");
  await expect(run([`erased:${randomUUID()}`])).rejects.toThrow('is not a user id');
  expect(await run(['nobody'])).toEqual(['Nothing is known of this person.']);
});
