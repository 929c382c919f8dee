// A mailing to 10,000 people while planners are killed and share the work: planned is the audience, exactly, and everybody
// who can be reached gets one mail.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { pageNumbers } from '../../user-mock/categories.ts';
import { toUser } from '../../user-mock/users.ts';
import { eventually } from '../support/eventually.ts';
import { type MailSink, startMailSink } from '../support/mail-sink.ts';
import { startSecondPlanner } from '../support/second-planner.ts';
import { type System, startSystem } from '../support/system.ts';
import { addTemplate } from '../support/templates.ts';

let system: System;
let sink: MailSink;

beforeAll(async () => {
  sink = await startMailSink();
  // A window much smaller than the audience: planning lasts for as long as the mailing.
  const env = { SMTP_URL: sink.smtpUrl, MAILING_WINDOW: '1000' };
  system = await startSystem({ name: 'mailing-runner', infrastructure: 'shared', env });
  await addTemplate(system.db, { templateId: 'plain', subject: 'Hello {{ first_name }}', text: '{{ last_name }}' });
});

afterAll(async () => {
  await system?.stop();
  await sink?.stop();
});

const audienceCount = 10_000;
const category = 'vip';
const addresses = new Set(
  pageNumbers([category], -1, audienceCount).numbers.flatMap((number) => toUser(number).email ?? []),
);

async function confirm(): Promise<string> {
  const mailing_id = randomUUID();
  await system.db
    .insertInto('mailings')
    .values({
      mailing_id,
      status: 'confirmed',
      title: category,
      template_id: 'plain',
      template_version: 1,
      user_categories: [category],
      confirmed_at: new Date(),
    })
    .execute();
  return mailing_id;
}

const plannedOf = async (id: string): Promise<number> =>
  (await system.db.selectFrom('requests').select('planned').where('request_id', '=', id).executeTakeFirst())?.planned ??
  0;

async function expectExact(id: string, mailsBefore: number): Promise<void> {
  const isDone = async () =>
    (await system.db.selectFrom('requests').select('state').where('request_id', '=', id).executeTakeFirst())?.state ===
    'done';
  await eventually(isDone, 'the mailing is done', 240_000);
  const status = await system.ingest.findRequest(id);
  expect(status).toMatchObject({
    state: 'done',
    planned: audienceCount,
    sent: addresses.size,
    in_flight: 0,
    failed: 0,
  });
  expect(status.skipped).toBe(audienceCount - addresses.size);
  const mails = sink.mails.slice(mailsBefore);
  expect(mails).toHaveLength(addresses.size);
  expect(new Set(mails.map(({ to }) => to))).toEqual(addresses);
  const { people } = await system.db
    .selectFrom('chunks')
    .select(({ fn }) => fn.countAll<number>().as('people'))
    .where('request_id', '=', id)
    .where('published_at', 'is', null)
    .executeTakeFirstOrThrow();
  expect(people).toBe(0);
}

it('plans everybody once although the planner is killed five times', async () => {
  const before = sink.mails.length;
  const id = await confirm();
  const { services } = system.launched;
  for (const planned of [1, 1_500, 3_000, 4_500, 6_000]) {
    await eventually(async () => (await plannedOf(id)) >= planned, `${planned} are planned`, 120_000);
    const pid = services.pid('planner');
    services.kill('planner', 'SIGKILL');
    await eventually(() => services.pid('planner') !== undefined && services.pid('planner') !== pid, 'it starts again');
  }
  expect(await plannedOf(id), 'it was killed before the end').toBeLessThan(audienceCount);
  await expectExact(id, before);
}, 500_000);

it('plans everybody once with two planners, and one of them is killed', async () => {
  const second = await startSecondPlanner(system);
  try {
    const before = sink.mails.length;
    const id = await confirm();
    await eventually(async () => (await plannedOf(id)) >= 2_000, '2,000 are planned', 60_000);
    system.launched.services.kill('planner', 'SIGKILL');
    await expectExact(id, before);
  } finally {
    await second.stop();
  }
}, 400_000);
