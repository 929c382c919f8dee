// Nobody gets a message twice: not by lists that repeat people, not by records or calls that come again. Processes that
// are killed in the middle of their work stand in outages.test.ts.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
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
