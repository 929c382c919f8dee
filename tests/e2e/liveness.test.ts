// Every service is told to stop, one after the other, while a mailing and single requests are under way: each leaves in under
// 15 s, the next one goes on, and everybody gets exactly one mail. A clean stop has no window in which a mail is sent twice.
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { serviceNames } from '../../dev/services.ts';
import { toUser } from '../../user-mock/users.ts';
import { eventually } from '../support/eventually.ts';
import { type MailSink, startMailSink } from '../support/mail-sink.ts';
import { findReachable } from '../support/people.ts';
import { type System, startSystem } from '../support/system.ts';
import { addTemplate } from '../support/templates.ts';

let system: System;
let sink: MailSink;

beforeAll(async () => {
  sink = await startMailSink();
  // A window much smaller than the audience: the mailing runner plans for as long as the mailing lasts.
  const env = { SMTP_URL: sink.smtpUrl, MAILING_WINDOW: '1000' };
  system = await startSystem({ name: 'liveness', infrastructure: 'shared', env });
  await addTemplate(system.db, { templateId: 'plain', subject: 'Hello {{ first_name }}', text: '{{ last_name }}' });
});
afterAll(async () => {
  await system?.stop();
  await sink?.stop();
});

const category = 'vip';
const audience = 10_000;

function countReachable(): number {
  let count = 0;
  for (let number = 0; number < 1_000_000; number++) {
    const user = toUser(number);
    if (user.category === category && user.email !== null) count += 1;
  }
  return count;
}

async function startMailing(): Promise<string> {
  const mailing_id = randomUUID();
  const confirmed = { status: 'confirmed' as const, confirmed_at: new Date() };
  await system.db
    .insertInto('mailings')
    .values({
      mailing_id,
      ...confirmed,
      title: 'all',
      template_id: 'plain',
      template_version: 1,
      user_categories: [category],
    })
    .execute();
  return mailing_id;
}

/** Posts one request after the other, each until it is taken, as a good caller does. @returns their ids */
function postAllTheWhile(signal: AbortSignal): Promise<string[]> {
  const people = findReachable(2_000, 400_000);
  const post = async (userId: string): Promise<string> => {
    const idempotencyKey = randomUUID();
    for (;;) {
      const event = { template_id: 'plain', priority: 'high', user_ids: [userId] };
      const answer = await system.ingest
        .post('/send_notification', { event }, { idempotencyKey })
        .catch(() => undefined);
      if (answer?.status === 202) return String(answer.body.request_id);
      await delay(100);
    }
  };
  return (async () => {
    const ids: string[] = [];
    for (const { id } of people) {
      if (signal.aborted) break;
      ids.push(await post(id));
      await delay(50);
    }
    return ids;
  })();
}

it('every service leaves in time when it is told to, and nothing is lost or doubled', async () => {
  const { services } = system.launched;
  const mailing = await startMailing();
  const enough = new AbortController();
  const posting = postAllTheWhile(enough.signal);
  await eventually(() => sink.mails.length > 200, 'the mailing is under way', 60_000);
  for (const name of [...serviceNames].reverse()) {
    const before = sink.mails.length;
    const startedAt = performance.now();
    await services.stopOne(name);
    expect(performance.now() - startedAt, name).toBeLessThan(15_000);
    services.startOne(name);
    await eventually(async () => (await system.waitingFor(name))?.length === 0, `${name} is ready again`, 60_000);
    await eventually(() => sink.mails.length > before, `mails leave after ${name} was started again`, 60_000);
  }
  enough.abort();
  const ids = await posting;
  expect(ids.length).toBeGreaterThan(50);

  const isDone = async (id: string) => {
    const { state } = await system.ingest.findRequest(id);
    return state === 'done';
  };
  await eventually(() => isDone(mailing), 'the mailing is done', 180_000);
  for (const id of ids) await eventually(() => isDone(id), `the request ${id} is done`, 60_000);
  const reachable = countReachable();
  expect(await system.ingest.findRequest(mailing)).toMatchObject({
    planned: audience,
    sent: reachable,
    failed: 0,
    unknown: 0,
  });
  expect(sink.doubles()).toEqual(new Map());
  expect(sink.mails).toHaveLength(reachable + ids.length);
  expect(
    system.lines.filter((line) => /was killed after|took too long|is left behind|not stop cleanly| died /.test(line)),
  ).toEqual([]);
});
