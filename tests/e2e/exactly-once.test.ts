// Nobody gets a message twice: not by lists that repeat people, not by records that come again, not by processes that
// are killed in the middle of their work (product.md 3.5, promises 1 and 2).
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { type MailSink, startMailSink } from '../support/mail-sink.ts';
import { findReachable } from '../support/people.ts';
import { toRequestRecord } from '../support/request-record.ts';
import { type System, startSystem } from '../support/system.ts';
import { addTemplate } from '../support/templates.ts';

let system: System;
let sink: MailSink;

beforeAll(async () => {
  sink = await startMailSink();
  system = await startSystem({ name: 'exactly-once', infrastructure: 'shared', env: { SMTP_URL: sink.smtpUrl } });
  await addTemplate(system.db, {
    templateId: 'plain',
    subject: 'Once, {{ first_name }}',
    text: 'Hello {{ last_name }}',
  });
});

afterAll(async () => {
  await system?.stop();
  await sink?.stop();
});

const mailsTo = (address: string | undefined) => sink.mails.filter(({ to }) => to === address);

/** Everything of these people that was on its way before has arrived when a later message to each of them has. */
async function letAllArrive(userIds: readonly string[]): Promise<void> {
  const last = toRequestRecord({ template_id: 'plain', user_ids: [...userIds] });
  await system.kafka.request([last]);
  await system.ingest.untilDone(last.request_id);
}

it('sends one mail to a person who is in the list several times', async () => {
  const [ada, bob] = findReachable(2);
  const overHttp = await system.ingest.send({ template_id: 'plain', user_ids: [ada?.id, bob?.id, ada?.id] });
  expect(await system.ingest.untilDone(overHttp)).toMatchObject({ planned: 2, sent: 2 });
  const user_ids = [ada?.id ?? '', bob?.id ?? '', ada?.id ?? '', ada?.id ?? ''];
  const overKafka = toRequestRecord({ template_id: 'plain', user_ids });
  await system.kafka.request([overKafka]);
  expect(await system.ingest.untilDone(overKafka.request_id)).toMatchObject({ planned: 2, sent: 2 });
  expect(mailsTo(ada?.email)).toHaveLength(2);
  expect(mailsTo(bob?.email)).toHaveLength(2);
});

it('sends one mail for a record that was produced three times', async () => {
  const [person] = findReachable(1, 100);
  const record = toRequestRecord({ template_id: 'plain', user_ids: [person?.id ?? ''] });
  await system.kafka.request([record, record]);
  await system.ingest.untilDone(record.request_id);
  await system.kafka.request([record]);
  await letAllArrive([person?.id ?? '']);
  expect(mailsTo(person?.email)).toHaveLength(2);
  expect(sink.doubles()).toEqual(new Map());
  expect(await system.ingest.findRequest(record.request_id)).toMatchObject({ planned: 1, sent: 1, state: 'done' });
});

it('takes the same Idempotency-Key as the same request, and refuses it with another body', async () => {
  const [person] = findReachable(1, 200);
  const event = { template_id: 'plain', user_ids: [person?.id] };
  const options = { idempotencyKey: randomUUID() };
  const first = await system.ingest.send(event, options);
  expect(await system.ingest.send(event, options)).toBe(first);
  const other = await system.ingest.post('/send_notification', { event: { ...event, priority: 'high' } }, options);
  expect(other.status).toBe(422);
  await system.ingest.untilDone(first);
  await letAllArrive([person?.id ?? '']);
  expect(mailsTo(person?.email)).toHaveLength(2);
});

it('mails everybody once although planner, enricher, renderer and dispatcher are killed under load', async () => {
  const people = findReachable(2_000, 1_000);
  const lists = Array.from({ length: 10 }, (_, index) => people.slice(index * 200, index * 200 + 200));
  const requestIds: string[] = [];
  const waitingLists = [...lists.entries()];
  const sendNext = async () => {
    const [index, list] = waitingLists.shift() ?? [0, []];
    const priority = index % 2 === 0 ? 'low' : 'medium';
    const user_ids = list.map(({ id }) => id);
    requestIds.push(await system.ingest.send({ template_id: 'plain', priority, user_ids }));
  };
  const { services } = system.launched;
  const before = sink.mails.length;
  // Nobody has to wait for the one before: each is killed while requests come in.
  for (const name of ['planner', 'enricher', 'renderer'] as const) {
    await Promise.all([sendNext(), sendNext()]);
    const pid = services.pid(name);
    services.kill(name, 'SIGKILL');
    await eventually(() => services.pid(name) !== undefined && services.pid(name) !== pid, `${name} is started again`);
  }
  // The dispatcher in the middle of sending, where a break can cost a repeat.
  while (waitingLists.length > 0) await sendNext();
  await eventually(() => sink.mails.length > before + 20, 'the dispatcher sends', 60_000);
  services.kill('dispatcher', 'SIGKILL');

  for (const requestId of requestIds) {
    expect(await system.ingest.untilDone(requestId, 120_000)).toMatchObject({ planned: 200, sent: 200, reasons: [] });
  }
  const mails = sink.mails.slice(before);
  expect(new Set(mails.map(({ to }) => to))).toEqual(new Set(people.map(({ email }) => email)));
  expect(new Set(mails.map(({ messageId }) => messageId)).size).toBe(2_000);
  // The honest window: what was in flight or not yet settled when the dispatcher was killed, each at most once more.
  const repeats = [...sink.doubles().values()];
  expect(repeats.every((count) => count === 2)).toBe(true);
  expect(repeats.length).toBeLessThanOrEqual(2 * (100 + connectionsAtMost));
}, 180_000);

/** Sends in flight per lane: the dispatcher's kept connections. */
const connectionsAtMost = 20;
