// What went wrong is mended and sent again by people: dead letters, people whose template failed, messages without an
// answer. Whoever got the message gets it no second time, and the numbers balance at the end.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { deadLetters } from '../../cli/dead-letters.ts';
import { addAdminUser, type Visitor, visit } from '../support/admin-lab.ts';
import { createCommandRunner } from '../support/command-runner.ts';
import { eventually } from '../support/eventually.ts';
import { type MailSink, startMailSink } from '../support/mail-sink.ts';
import { findReachable } from '../support/people.ts';
import { toRequestRecord } from '../support/request-record.ts';
import { type System, startSystem } from '../support/system.ts';
import { addTemplate, changeTemplate } from '../support/templates.ts';

let system: System;
let sink: MailSink;
let operator: Visitor;
let supporter: Visitor;
const people = findReachable(40);

beforeAll(async () => {
  sink = await startMailSink();
  system = await startSystem({ name: 'redrive', infrastructure: 'shared', env: { SMTP_URL: sink.smtpUrl } });
  const url = `http://127.0.0.1:${system.launched.ports.admin}`;
  await addAdminUser(system.db, 'olga', 'password of olga', ['operator']);
  await addAdminUser(system.db, 'sven', 'password of sven', ['support']);
  operator = await visit(url, 'olga', 'password of olga');
  supporter = await visit(url, 'sven', 'password of sven');
});

afterAll(async () => {
  await system?.stop();
  await sink?.stop();
});

const mailsTo = (address: string, subject: string) =>
  sink.mails.filter((mail) => mail.to === address && mail.subject === subject);

/** The ids of the dead letters that a page lists. */
async function lettersWith(key: string, state = 'new', withinMs = 60_000): Promise<string[]> {
  let ids: string[] = [];
  await eventually(
    async () => {
      const html = await operator.page(`/dead-letters?state=${state}&q=${encodeURIComponent(key)}`);
      ids = [...html.matchAll(/name="pick" value="([^"]+)"/g)].map(([, id]) => id ?? '');
      return ids.length > 0;
    },
    `a ${state} dead letter of ${key} is listed`,
    withinMs,
  );
  return ids;
}

async function redrive(ids: readonly string[], template = 'pinned'): Promise<void> {
  const answer = await operator.post('/dead-letters/act', { what: 'redrive', pick: [...ids], template });
  expect(answer.status, await answer.text()).toBe(303);
}

async function idOf(requestId: string): Promise<string> {
  const [listed] = await system.ingest.listNotifications({ request_id: requestId });
  return listed?.notification_id ?? '';
}

it('shows a poison record with its cause within 5 s, and not its bytes, which may be confidential', async () => {
  const key = `poison-${randomUUID()}`;
  await system.kafka.produce(system.kafka.topics.requests.name, [{ key, value: Buffer.from('{"user": 1}') }]);
  const [id] = await lettersWith(key);
  const html = await operator.page(`/dead-letters?q=${key}`);
  expect(html).toContain('not_avro');
  const record = await operator.page(`/topics/${id}`);
  expect(record).toContain('its bytes are not shown');
  expect(record).not.toContain('7b 22 75 73 65 72');
});

it('plans a request whose template was missing, after the template was made and its dead letter sent back', async () => {
  const [person] = people;
  const request = toRequestRecord({ template_id: 'made-later', user_ids: [person?.id ?? ''] });
  await system.kafka.request([request]);
  const ids = await lettersWith(request.request_id);
  await addTemplate(system.db, { templateId: 'made-later', text: 'Here it is' });
  await redrive(ids);
  expect(await system.ingest.untilDone(request.request_id)).toMatchObject({ planned: 1, sent: 1 });
  expect(mailsTo(person?.email ?? '', 'made-later')).toHaveLength(1);
  await lettersWith(request.request_id, 'redriven');
});

it('sends to people of a template that failed, after it was mended, and the numbers balance', async () => {
  const some = people.slice(1, 4);
  await addTemplate(system.db, { templateId: 'fails', html: '<p>{{ first_name | shout }}</p>' });
  const requestId = await system.ingest.send({ template_id: 'fails', user_ids: some.map(({ id }) => id) });
  expect(await system.ingest.untilDone(requestId)).toMatchObject({ planned: 3, failed: 3 });
  await changeTemplate(system.db, { templateId: 'fails', html: '<p>{{ first_name }}</p>' }, 2);
  const wish = { state: 'failed', ended_by: 'template_error' };
  expect((await supporter.post(`/mailings/${requestId}/send-again`, wish)).status).toBe(403);

  // With the version it was planned with it fails again, and says so.
  await operator.post(`/mailings/${requestId}/send-again`, wish);
  await eventually(async () => {
    const commands = await system.db.selectFrom('delivery_commands').select('answer').execute();
    return commands.filter(({ answer }) => answer === 'template_error').length === 3;
  }, 'all three have failed once more');
  expect(await system.ingest.untilDone(requestId)).toMatchObject({ failed: 3 });

  const html = await operator.page(`/mailings/${requestId}/people?state=failed&reason=template_error`);
  expect(html).toContain('sent again to these 3 people');
  const answer = await operator.post(`/mailings/${requestId}/send-again`, { ...wish, template: 'active' });
  expect(answer.status).toBe(303);
  await system.ingest.untilRequest(requestId, ({ sent }) => sent === 3, 'has reached all three');
  const done = await system.ingest.untilDone(requestId);
  expect(done).toMatchObject({ planned: 3, sent: 3, failed: 0, reasons: [] });
  for (const { email } of some) expect(mailsTo(email, 'fails')).toHaveLength(1);
  const journey = await operator.page(`/notifications/${await idOf(requestId)}`);
  expect(journey).toContain('version 2');
  expect(journey).toContain('It was sent again');
});

it('sends a chunk that was put aside to everybody in it once, however often it is sent back', async () => {
  const { topics, codec, produce } = system.kafka;
  const some = people.slice(4, 24);
  await addTemplate(system.db, { templateId: 'strange', kind: 'of-the-next-release', text: 'Hello' });
  const requestId = await system.ingest.send({
    template_id: 'strange',
    user_ids: some.map(({ id }) => id),
    priority: 'low',
  });
  expect(await system.ingest.untilDone(requestId)).toMatchObject({
    failed: 20,
    reasons: [{ state: 'failed', reason: 'dead_lettered', count: 20 }],
  });
  // The release that knows this kind would read the same record; this one reads it with a kind that it knows.
  const letter = await system.kafka.untilDeadLetter(({ cause }) => cause.errorCode === 'kind_unknown', 'the chunk');
  const event = await codec.decode(topics.planned.low, letter.value ?? Buffer.alloc(0));
  const value = codec.encode(topics.planned.low, { ...event, template_kind: 'common' });
  const key = `mended-${requestId}`;
  await produce(topics.deadLetters.enricher.name, [{ key, value, headers: letter.headers }]);

  const ids = await lettersWith(key);
  await redrive(ids);
  await system.ingest.untilRequest(requestId, ({ sent }) => sent === 20, 'has reached all of them');
  await redrive(await lettersWith(key, 'redriven'));
  await redrive(await lettersWith(key, 'redriven'), 'active');
  const next = await system.ingest.send({ template_id: 'made-later', user_ids: [some[0]?.id ?? ''], priority: 'low' });
  await system.ingest.untilDone(next);
  await lettersWith(key, 'redriven');
  expect(await system.ingest.untilDone(requestId)).toMatchObject({ planned: 20, sent: 20, failed: 0 });
  for (const { email } of some) expect(mailsTo(email, 'strange')).toHaveLength(1);
});

it('sends what is unknown once more when support says so, with the same Message-ID, and then no more', async () => {
  const [, person] = people.slice(24);
  const address = person?.email ?? '';
  const requestId = await system.ingest.send({ template_id: 'made-later', user_ids: [person?.id ?? ''] });
  await system.ingest.untilDone(requestId);
  const id = await idOf(requestId);
  // As if the mail server's answer had been lost.
  await system.db
    .updateTable('deliveries')
    .set({ state: 'unknown', reason: 'no_answer' })
    .where('notification_id', '=', id)
    .execute();
  await system.db
    .updateTable('counters')
    .set({ state: 'unknown', reason: 'no_answer' })
    .where('request_id', '=', requestId)
    .execute();
  expect(await system.ingest.untilDone(requestId)).toMatchObject({ sent: 0, unknown: 1 });
  expect(await supporter.page(`/notifications/${id}`)).toContain('Send again');

  const answer = await supporter.post(`/notifications/${id}/send-again`, { why: 'the person says it never came' });
  expect(answer.status).toBe(303);
  await system.ingest.untilRequest(requestId, ({ sent }) => sent === 1, 'is sent');
  const mails = mailsTo(address, 'made-later');
  expect(mails).toHaveLength(2);
  expect(new Set(mails.map(({ messageId }) => messageId)).size).toBe(1);
  expect(await system.ingest.untilDone(requestId)).toMatchObject({ planned: 1, sent: 1, unknown: 0 });
  const page = await supporter.page(`/notifications/${id}`);
  expect(page).toContain('the person says it never came');
  expect(page).not.toContain('Send again');
  const later = await supporter.post(`/notifications/${id}/send-again`);
  expect(decodeURIComponent(later.headers.get('set-cookie') ?? '')).toContain('Nothing was done: it is sent');
});

it('does all of it from the command line as well', async () => {
  const run = createCommandRunner(deadLetters, system.launched.env);
  const key = `line-${randomUUID()}`;
  const [, , person] = people.slice(24);
  const request = toRequestRecord({ template_id: 'from-the-line', user_ids: [person?.id ?? ''] });
  await system.kafka.produce(system.kafka.topics.requests.name, [
    { key, value: system.kafka.codec.encode(system.kafka.topics.requests, request) },
    { key, value: Buffer.from('no avro') },
  ]);
  await eventually(async () => (await run(['list', '--key', key])).join('\n').includes('2 match'), 'both are listed');
  const list = (await run(['list', '--key', key, '--code', 'template_unknown'])).join('\n');
  const [place = ''] = /planner\/\d+\/\d+/.exec(list) ?? [];
  expect((await run(['show', place])).join('\n')).toContain('from-the-line');

  await addTemplate(system.db, { templateId: 'from-the-line', text: 'Hello' });
  const all = ['redrive', '--all', '--key', key, '--code', 'template_unknown', '--as', 'olga'];
  expect((await run(all)).join('\n')).toContain('1 dead letter would be sent back');
  expect(mailsTo(person?.email ?? '', 'from-the-line')).toEqual([]);
  expect((await run([...all, '--execute'])).join('\n')).toContain('1 sent back');
  expect(await system.ingest.untilDone(request.request_id)).toMatchObject({ sent: 1 });

  await expect(run(['discard', '--all', '--key', key, '--execute'])).rejects.toThrow('--reason');
  const discarded = await run(['discard', '--all', '--key', key, '--reason', 'no avro', '--execute', '--as', 'olga']);
  expect(discarded.join('\n')).toContain('1 dead letter discarded');
  expect((await run(['list', '--key', key])).join('\n')).toContain('0 match');
});

it('has nobody mailed twice but by a command', () => {
  expect([...sink.doubles().values()]).toEqual([2]);
});
