// `posthorn replay` after a day's work, on the whole system: of what went out it sends nothing; of what the ledger has lost
// exactly that, also when the admin service is killed in the middle; and a second time only on purpose.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { replay } from '../../cli/replay.ts';
import { readCounts } from '../../services/admin/operator/replay-types.ts';
import { type CommandRunner, createCommandRunner } from '../support/command-runner.ts';
import { eventually } from '../support/eventually.ts';
import { type MailSink, startMailSink } from '../support/mail-sink.ts';
import { findPeople, findReachable } from '../support/people.ts';
import { type System, startSystem } from '../support/system.ts';
import { addTemplate } from '../support/templates.ts';

let system: System;
let sink: MailSink;
let run: CommandRunner;
let mailingId: string;
let lastSingleId: string;

const staff = findPeople(({ category }) => category === 'staff', 1_000);
const reachableStaff = new Set(staff.flatMap(({ email }) => email ?? []));
const singles = findReachable(30, 20_000);

beforeAll(async () => {
  sink = await startMailSink();
  system = await startSystem({ name: 'replay', infrastructure: 'shared', env: { SMTP_URL: sink.smtpUrl } });
  await addTemplate(system.db, { templateId: 'plain', subject: 'Hello {{ first_name }}', text: '{{ last_name }}' });
  run = createCommandRunner(replay, { ...system.launched.env, USER: 'ops' });

  // The day: a mailing, single requests on every lane, a list with people who get nothing.
  mailingId = randomUUID();
  await system.db
    .insertInto('mailings')
    .values({
      mailing_id: mailingId,
      status: 'confirmed',
      title: 'To our staff',
      template_id: 'plain',
      template_version: 1,
      user_categories: ['staff'],
      confirmed_at: new Date(),
    })
    .execute();
  const requestIds = await Promise.all(
    singles.map(({ id }, index) =>
      system.ingest.send({
        template_id: 'plain',
        priority: ['high', 'medium', 'low'][index % 3],
        user_ids: [id],
      }),
    ),
  );
  lastSingleId = requestIds.at(-1) ?? '';
  const mixed = findPeople(() => true, 200, 40_000).map(({ id }) => id);
  requestIds.push(
    await system.ingest.send({ template_id: 'monthly-statistics', is_promo: true, priority: 'low', user_ids: mixed }),
  );
  for (const id of requestIds) await system.ingest.untilDone(id);
  await eventually(
    async () => (await system.ingest.findRequest(mailingId).catch(() => undefined))?.state === 'done',
    'the mailing is done',
    60_000,
  );
});

afterAll(async () => {
  await system?.stop();
  await sink?.stop();
});

/** The counts of the newest replays, by topic without its prefix. */
async function newest(count: number) {
  const rows = await system.db
    .selectFrom('replays')
    .selectAll()
    .orderBy('requested_at', 'desc')
    .orderBy('replay_id')
    .limit(count)
    .execute();
  return rows.map((row) => ({
    id: row.replay_id,
    state: row.state,
    mode: row.mode,
    topic: row.topic.replace(/^.*notifications\./, ''),
    counts: readCounts(row.counts),
  }));
}

const deliveriesOf = (requestId: string) =>
  system.db.selectFrom('deliveries').selectAll().where('request_id', '=', requestId).execute();

/** As if they had never been written. @returns how many people they were */
async function loseRows(requestId: string): Promise<number> {
  const rows = await system.db.deleteFrom('deliveries').where('request_id', '=', requestId).executeTakeFirst();
  await system.db.deleteFrom('counters').where('request_id', '=', requestId).execute();
  return Number(rows.numDeletedRows);
}

async function expectStaffMailed(before: number): Promise<void> {
  await eventually(async () => (await deliveriesOf(mailingId)).every(({ ended_at }) => ended_at !== null), 'all ended');
  const mails = sink.mails.slice(before);
  expect(new Set(mails.map(({ to }) => to))).toEqual(reachableStaff);
  expect(mails).toHaveLength(reachableStaff.size);
  expect(await deliveriesOf(mailingId)).toHaveLength(staff.length);
}

it('says that there is nothing to send, of everything and of each topic, and sends nothing when executed', async () => {
  const before = sink.mails.length;
  const lines = await run(['--topic', 'everything']);
  expect(lines.filter((line) => /^ +0 +to send/.test(line))).toHaveLength(5);
  expect(lines.filter((line) => line === 'Nobody is missing: it would send nothing.').length).toBe(5);
  await run(['--topic', 'everything', '--execute']);
  for (const topic of ['requests', 'requests.high', 'enriched.low', 'rendered.high']) {
    await run(['--topic', topic, '--execute', '--rate', '1000']);
  }
  const replays = await newest(100);
  expect(replays.filter(({ mode }) => mode === 'execute').map(({ topic }) => topic)).toEqual(
    expect.arrayContaining([
      'requests',
      'requests.high',
      'planned.low',
      'planned.medium',
      'planned.high',
      'rendered.high',
    ]),
  );
  for (const { topic, state, counts } of replays) {
    expect({ topic, state, toSend: counts.toSend, published: counts.published }).toEqual({
      topic,
      state: 'done',
      toSend: 0,
      published: 0,
    });
  }
  const planned = replays.filter(({ topic, mode }) => topic.startsWith('planned.') && mode === 'dry_run');
  const known = planned.reduce((sum, { counts }) => sum + counts.sent + counts.skipped, 0);
  expect(known).toBe(staff.length + singles.length + 200);
  expect(sink.mails.length).toBe(before);
});

it('sends exactly the people of a mailing whose rows were never written', async () => {
  const before = sink.mails.length;
  const lost = await loseRows(mailingId);
  expect(lost).toBe(staff.length);
  const dry = await run(['--topic', 'everything']);
  expect(dry).toContain('It would send to 1,000 people. Nothing was sent.');
  expect(sink.mails.length).toBe(before);

  const executed = await run(['--topic', 'everything', '--execute']);
  expect(executed).toContain('1,000 people were published again.');
  await eventually(async () => (await deliveriesOf(mailingId)).length === staff.length, 'all have a row again');
  await expectStaffMailed(before);
  expect(await run(['--topic', 'everything'])).not.toContain('It would send to 1,000 people. Nothing was sent.');
  for (const { counts } of await newest(3)) expect(counts.toSend).toBe(0);
});

it('goes on where it was when the admin service is killed in the middle', async () => {
  const before = sink.mails.length;
  await loseRows(mailingId);
  const ordered = await run(['--topic', 'planned.low', '--execute', '--rate', '150', '--detach']);
  const id = /replay ([0-9a-f-]{36})/.exec(ordered.join('\n'))?.[1] ?? '';
  const find = async () => (await newest(1))[0];
  await eventually(async () => ((await find())?.counts.published ?? 0) > 150, 'some are published');
  const pid = system.launched.services.pid('admin');
  system.launched.services.kill('admin', 'SIGKILL');
  await eventually(() => {
    const now = system.launched.services.pid('admin');
    return now !== undefined && now !== pid;
  }, 'the admin service is started again');
  expect((await find())?.state).toBe('running');
  await eventually(async () => (await find())?.state === 'done', 'it is done', 60_000);
  const row = await system.db
    .selectFrom('replays')
    .select(['epoch', 'replay_id'])
    .where('replay_id', '=', id)
    .executeTakeFirst();
  expect(row?.epoch).toBe(2);
  await eventually(async () => (await deliveriesOf(mailingId)).length === staff.length, 'all have a row again');
  await expectStaffMailed(before);
});

it('sends a second time only what an admin wants, with a reason, once', async () => {
  const before = sink.mails.length;
  const wish = ['--topic', 'requests', '--request', lastSingleId, '--execute', '--resend'];
  await expect(run([...wish, '--reason', 'wrong link'])).rejects.toThrow('--as is missing');
  await expect(run([...wish, '--reason', 'wrong link', '--as', 'nobody'])).rejects.toThrow('no log-in with the role');
  await expect(run([...wish, '--as', 'admin'])).rejects.toThrow('needs a reason');
  expect(sink.mails.length).toBe(before);

  const lines = await run([...wish, '--reason', 'wrong link', '--as', 'admin']);
  expect(lines.join('\n')).toMatch(/ 1 +sent once more/);
  await eventually(() => sink.mails.length > before, 'the mail came again');
  const [again] = sink.mails.slice(before);
  expect(sink.doubles().get(again?.messageId ?? '')).toBe(2);
  await eventually(async () => {
    const [row] = await deliveriesOf(lastSingleId);
    return row?.state === 'sent' && row.attempt === 2;
  }, 'the ledger tells of the second one');
  const audited = await system.db
    .selectFrom('audit')
    .selectAll()
    .where('action', '=', 'replay.ordered')
    .orderBy('audit_id', 'desc')
    .executeTakeFirst();
  expect(audited).toMatchObject({
    who: 'admin, by ops (command line)',
    detail: { mode: 'resend', reason: 'wrong link' },
  });

  // Without a command nobody gets it once more.
  await run(['--topic', 'requests', '--request', lastSingleId, '--execute']);
  expect(sink.mails.length).toBe(before + 1);
  const request = await system.ingest.findRequest(lastSingleId);
  expect(request).toMatchObject({ planned: 1, sent: 1, in_flight: 0 });
});
