// A test-send: what is noted, what is published, and what the page says of it until it has ended.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { notificationId } from '../../domain/ids.ts';
import { startUserMock, type UserMock } from '../../user-mock/app.ts';
import { type AdminLab, startAdminLab, type Visitor } from '../support/admin-lab.ts';
import { eventually } from '../support/eventually.ts';
import { findReachable } from '../support/people.ts';
import { type RequestReader, readRequests } from '../support/request-reader.ts';
import { addTemplate, changeTemplate } from '../support/templates.ts';

let lab: AdminLab;
let users: UserMock;
let editor: Visitor;
let reader: RequestReader;
beforeAll(async () => {
  users = await startUserMock({ port: 0, host: '127.0.0.1' });
  lab = await startAdminLab(users.url);
  editor = await lab.logIn('editor', 'support');
  await addTemplate(lab.db, { templateId: 'mail', html: 'one' });
  await changeTemplate(lab.db, { templateId: 'mail', html: 'two' }, 2);
  await addTemplate(lab.db, { templateId: 'sms', channel: 'sms', text: 'x' });
  reader = await readRequests(lab);
});
afterAll(async () => {
  await reader?.stop();
  await lab?.stop();
  await users?.stop();
});

const [person] = findReachable(1, 60);
const userId = person?.id ?? '';
const send = (templateId: string, fields: Record<string, string>, who = editor) =>
  who.post(`/templates/${templateId}/test`, { user_id: userId, version: '1', ...fields });
const sent = async (templateId: string, fields: Record<string, string>, who = editor) => {
  const answer = await send(templateId, fields, who);
  expect(answer.status).toBe(303);
  const path = answer.headers.get('location') ?? '';
  return { path, requestId: path.split('/').at(-1) ?? '' };
};

describe('a test-send', () => {
  it('is noted and published once, urgently, with its address and version, under the person’s key', async () => {
    const before = Date.now();
    const { requestId, path } = await sent('mail', { address: 'me@example.com', context: '{"city": "Ulm"}' });
    expect(path).toBe(`/templates/mail/test/${requestId}`);
    expect(
      await lab.db.selectFrom('test_sends').selectAll().where('request_id', '=', requestId).execute(),
    ).toMatchObject([
      { template_id: 'mail', template_version: 1, address: 'me@example.com', user_id: userId, created_by: editor.name },
    ]);
    await eventually(
      () => reader.published.some(({ event }) => event.request_id === requestId),
      'the record is in the topic',
    );
    const records = reader.published.filter(({ event }) => event.request_id === requestId);
    expect(records).toHaveLength(1);
    expect(records[0]?.key).toBe(userId);
    expect(records[0]?.event).toMatchObject({
      template_id: 'mail',
      priority: 'high',
      is_promo: false,
      user_ids: [userId],
      user_categories: [],
      context: '{"city": "Ulm"}',
      scheduled_at: null,
      test: { address: 'me@example.com', template_version: 1 },
    });
    expect(records[0]?.event.requested_at).toBeGreaterThanOrEqual(before);
    const audit = await lab.db.selectFrom('audit').selectAll().where('action', '=', 'template.test_sent').execute();
    expect(audit).toMatchObject([
      { who: editor.name, subject: 'template mail', detail: { version: 1, userId, requestId } },
    ]);
    expect(JSON.stringify(audit)).not.toContain('me@example.com');
  });

  it('takes a phone number as people write it, and anybody when no person is chosen', async () => {
    const { requestId } = await sent('sms', { address: '+49 (151) 234-567 89', user_id: '' }, await lab.logIn('admin'));
    const [row] = await lab.db.selectFrom('test_sends').selectAll().where('request_id', '=', requestId).execute();
    expect(row?.address).toBe('+4915123456789');
    expect(row?.user_id).toMatch(/^[0-9a-f-]{36}$/);
  });

  it.each([
    ['mail', { address: 'me' }, 'This is not an e-mail address'],
    ['mail', { address: 'a@example.com, b@example.com' }, 'This is not an e-mail address'],
    ['sms', { address: '0151 234' }, 'This is not a phone number: write it with its country'],
    ['mail', { address: 'a@example.com', context: '[]' }, 'It must be a JSON object.'],
    ['mail', { address: 'a@example.com', user_id: 'nobody' }, 'The user service does not know this id.'],
  ])('of %s with %j is refused beside the field, with what was typed', async (templateId, fields, why) => {
    const answer = await send(templateId, fields);
    const html = await answer.text();
    expect(answer.status).toBe(422);
    expect(html).toContain(why);
    expect(html).toContain(`value="${fields.address}"`);
  });

  it('of a version that is not there finds nothing', async () => {
    expect((await send('mail', { address: 'a@example.com', version: '9' })).status).toBe(404);
  });

  it('of an archived template is refused', async () => {
    await addTemplate(lab.db, { templateId: 'away', html: 'x' });
    await lab.db.updateTable('templates').set({ archived_at: new Date() }).where('template_id', '=', 'away').execute();
    const answer = await send('away', { address: 'a@example.com' });
    expect(answer.status).toBe(422);
    expect(await answer.text()).toContain('It is archived: bring it back under Settings to send a test.');
  });

  it('tells how it goes: waiting, planned, sent, with its journey for those who may see it', async () => {
    const support = await lab.logIn('sender');
    const { requestId, path } = await sent('mail', { address: 'me@example.com', version: '2' }, support);
    const progress = async () =>
      (await fetch(`${lab.url}${path}`, { headers: { cookie: support.cookie, accept: 'application/json' } })).json();
    expect(await progress()).toMatchObject({
      state: 'accepted',
      sentence: 'It waits for the planner.',
      hasEnded: false,
    });
    const request = {
      request_id: requestId,
      body_hash: Buffer.alloc(32),
      state: 'running',
      template_id: 'mail',
    } as const;
    const rest = { priority: 'high', is_promo: false, context: '{}', requested_at: new Date() } as const;
    await lab.db
      .insertInto('requests')
      .values({ ...request, ...rest } as never)
      .execute();
    expect(await progress()).toMatchObject({ state: 'planning', hasEnded: false });
    const month = `${new Date().toISOString().slice(0, 7)}-01`;
    const ids = {
      notification_id: notificationId(requestId, userId, 'email'),
      request_id: requestId,
      chunk_id: randomUUID(),
    };
    const what = {
      user_id: userId,
      channel: 'email',
      template_id: 'mail',
      template_version: 2,
      priority: 'high',
    } as const;
    await lab.db
      .insertInto('deliveries')
      .values({
        month,
        ...ids,
        ...what,
        state: 'failed',
        reason: 'refused',
        detail: '550 no',
        requested_at: new Date(),
      } as never)
      .execute();
    expect(await progress()).toMatchObject({ state: 'failed', hasEnded: true, notificationId: ids.notification_id });
    const html = await support.page(path);
    expect(html).toContain('It could not be sent.');
    expect(html).toContain('550 no');
    expect(html).toContain(`/notifications/${ids.notification_id}`);
    expect(await (await lab.logIn('editor')).page(path)).not.toContain('/notifications/');
    expect((await editor.get(`/templates/sms/test/${requestId}`)).status).toBe(404);
    expect((await editor.get('/templates/mail/test/nonsense')).status).toBe(404);
  });

  it('can be asked for twenty times a minute by one person, not more, and others are not held up', async () => {
    const [busy, calm] = await Promise.all([lab.logIn('editor', 'support'), lab.logIn('editor', 'support')]);
    for (let n = 0; n < 20; n++) await sent('mail', { address: 'me@example.com' }, busy);
    const answer = await send('mail', { address: 'me@example.com' }, busy);
    expect(answer.status).toBe(429);
    expect(await answer.text()).toMatch(/That were 20 tests within a minute. Wait \d+ seconds/);
    await sent('mail', { address: 'me@example.com' }, calm);
  });

  it('says that it may still arrive when Kafka does not answer', async () => {
    const admin = lab.kafka.admin();
    await admin.connect();
    await reader.stop();
    await admin.deleteTopics({ topics: [lab.topics.requestsHigh.name] });
    await admin.disconnect();
    const answer = await send('mail', { address: 'me@example.com' });
    expect(answer.status).toBe(503);
    expect(await answer.text()).toContain('Kafka does not take the test at the moment; it may still arrive.');
  });
});
