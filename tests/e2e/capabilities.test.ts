// Everything the system that Posthorn replaces could do through its API: each on real parts, from the request to what
// arrives. What its admin pages could do is in mailings-guide.test.ts and mailing-life.test.ts.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { type MailSink, startMailSink } from '../support/mail-sink.ts';
import { findPeople, findPerson, findReachable } from '../support/people.ts';
import { type System, startSystem } from '../support/system.ts';
import { addTemplate, changeTemplate } from '../support/templates.ts';

let system: System;
let sink: MailSink;

beforeAll(async () => {
  sink = await startMailSink();
  system = await startSystem({ name: 'capabilities', infrastructure: 'shared', env: { SMTP_URL: sink.smtpUrl } });
  const everything = '{{ first_name }}|{{ last_name }}|{{ films_month_count }}|{{ favourite_genre }}|{{ extra }}';
  await addTemplate(system.db, { templateId: 'plain', subject: everything, text: '.', legacyNumber: 17 });
  await addTemplate(system.db, {
    templateId: 'monthly',
    subject: everything,
    text: '.',
    kind: 'monthly_personal_statistic',
  });
  await addTemplate(system.db, { templateId: 'changing', subject: 'before', text: '.' });
});

afterAll(async () => {
  await system?.stop();
  await sink?.stop();
});

/** The subjects of what a request has sent, by address. */
async function subjectsOf(requestId: string): Promise<Map<string, string>> {
  const listed = await system.ingest.listNotifications({ request_id: requestId });
  const ids = new Set(listed.map(({ notification_id }) => notification_id));
  const mails = sink.mails.filter(({ messageId }) => ids.has(messageId.split('@')[0] ?? ''));
  return new Map(mails.map(({ to, subject }) => [to, subject]));
}

async function sendAndWait(event: object) {
  const requestId = await system.ingest.send(event);
  return { requestId, request: await system.ingest.untilDone(requestId) };
}

describe('kinds of templates', () => {
  const ada = findPerson((user) => user.locale === 'en-US' && user.email !== null && /^[a-z]+$/i.test(user.first_name));

  it('fills in only the names for the kind common', async () => {
    const { requestId } = await sendAndWait({ template_id: 'plain', user_ids: [ada.id] });
    expect([...(await subjectsOf(requestId)).values()]).toEqual([`${ada.first_name}|${ada.last_name}|||`]);
  });

  it('fills in films and genre as well for the kind monthly_personal_statistic', async () => {
    const { requestId } = await sendAndWait({ template_id: 'monthly', user_ids: [ada.id] });
    expect([...(await subjectsOf(requestId)).values()]).toEqual([
      `${ada.first_name}|${ada.last_name}|${ada.films_month_count}|${ada.favourite_genre}|`,
    ]);
  });

  it("lets the request's context win over what was gathered, and the person's name over the context", async () => {
    const context = { films_month_count: 99, extra: 'more', first_name: 'Somebody', last_name: 'Else' };
    const { requestId } = await sendAndWait({ template_id: 'monthly', user_ids: [ada.id], context });
    expect([...(await subjectsOf(requestId)).values()]).toEqual([
      `${ada.first_name}|${ada.last_name}|99|${ada.favourite_genre}|more`,
    ]);
  });
});

describe('who gets it', () => {
  it.each(['high', 'medium', 'low'] as const)('carries priority %s to the end', async (priority) => {
    const [person] = findReachable(1);
    const { requestId, request } = await sendAndWait({ template_id: 'plain', priority, user_ids: [person?.id] });
    expect(request).toMatchObject({ planned: 1, sent: 1 });
    const [notification] = await system.ingest.listNotifications({ request_id: requestId });
    expect(notification).toMatchObject({ priority, state: 'sent' });
  });

  it('leaves out of a promotional one who does not want it, and nobody else', async () => {
    const agreeing = findPeople((user) => user.promo_agree && user.email !== null, 3);
    const refusing = findPeople((user) => !user.promo_agree && user.email !== null, 2);
    const user_ids = [...agreeing, ...refusing].map(({ id }) => id);
    const promo = await sendAndWait({ template_id: 'plain', is_promo: true, user_ids });
    expect(promo.request).toMatchObject({
      planned: 5,
      sent: 3,
      skipped: 2,
      reasons: [{ state: 'skipped', reason: 'no_consent', count: 2 }],
    });
    expect(new Set((await subjectsOf(promo.requestId)).keys())).toEqual(new Set(agreeing.map(({ email }) => email)));

    const service = await sendAndWait({ template_id: 'plain', is_promo: false, user_ids });
    expect(service.request).toMatchObject({ planned: 5, sent: 5, skipped: 0 });
  });

  it('skips who is unknown or has no address, says why, and sends to the rest of the list', async () => {
    const [present] = findReachable(1);
    const withoutMail = findPerson((user) => user.email === null);
    const withoutPhone = findPerson((user) => user.phone === null && user.email !== null);
    const user_ids = [present?.id, withoutMail.id, withoutPhone.id, 'nobody-with-this-id'];
    const mailed = await sendAndWait({ template_id: 'plain', user_ids });
    expect(mailed.request).toMatchObject({ planned: 4, sent: 2, skipped: 2 });
    const skipped = await system.ingest.listNotifications({ request_id: mailed.requestId, state: 'skipped' });
    expect(new Map(skipped.map(({ user_id, reason }) => [user_id, reason]))).toEqual(
      new Map([
        [withoutMail.id, 'no_address'],
        ['nobody-with-this-id', 'unknown_user'],
      ]),
    );

    const texted = await sendAndWait({ template_id: 'new-episode', user_ids: [present?.id, withoutPhone.id] });
    expect(texted.request).toMatchObject({
      planned: 2,
      sent: 1,
      reasons: [{ state: 'skipped', reason: 'no_address', count: 1 }],
    });
  });

  it('takes 10,000 people in one call, each of them once', async () => {
    const people = findPeople(() => true, 10_000, 20_000);
    const reachable = people.filter(({ email }) => email !== null);
    const before = sink.mails.length;
    const user_ids = people.map(({ id }) => id);
    const requestId = await system.ingest.send({ template_id: 'plain', priority: 'low', user_ids });
    const request = await system.ingest.untilDone(requestId);
    expect(request).toMatchObject({ planned: 10_000, sent: reachable.length, skipped: 10_000 - reachable.length });
    const taken = sink.mails.slice(before);
    expect(taken).toHaveLength(reachable.length);
    expect(new Set(taken.map(({ to }) => to))).toEqual(new Set(reachable.map(({ email }) => email)));
    expect(await system.ingest.listNotifications({ request_id: requestId })).toHaveLength(10_000);
  });

  it('unites the list with the categories: everybody of both once, whoever is in both as well', async () => {
    const staff = findPeople(({ category }) => category === 'staff', 1_000);
    const others = findPeople(({ category }) => category === 'vip', 2);
    const user_ids = [...staff.slice(0, 3), ...others].map(({ id }) => id);
    const before = sink.mails.length;
    const requestId = await system.ingest.send({ template_id: 'plain', user_ids, user_categories: ['staff'] });
    const request = await system.ingest.untilDone(requestId);
    const reachable = [...staff, ...others].flatMap(({ email }) => email ?? []);
    expect(request).toMatchObject({ planned: 1_002, planning_complete: true, sent: reachable.length });
    const taken = sink.mails.slice(before).map(({ to }) => to);
    expect(taken.sort()).toEqual(reachable.sort());
  });

  it('sends a request with a later time when that has come, and not before', async () => {
    const [person] = findReachable(1);
    const scheduled_at = new Date(Date.now() + 3_000).toISOString();
    const requestId = await system.ingest.send({ template_id: 'plain', user_ids: [person?.id], scheduled_at });
    const kept = await system.ingest.untilRequest(requestId, ({ state }) => state === 'scheduled', 'is scheduled');
    expect(kept).toMatchObject({ planned: 0, planning_complete: false, scheduled_at });
    const before = sink.mails.length;
    await system.ingest.untilDone(requestId);
    const mail = sink.mails.slice(before).find(({ to }) => to === person?.email);
    expect(mail?.receivedAtMs).toBeGreaterThanOrEqual(Date.parse(scheduled_at));
  });

  it('cancels what is not sent yet', async () => {
    const [person] = findReachable(1);
    const scheduled_at = new Date(Date.now() + 3_600_000).toISOString();
    const requestId = await system.ingest.send({ template_id: 'plain', user_ids: [person?.id], scheduled_at });
    await system.ingest.untilRequest(requestId, ({ state }) => state === 'scheduled', 'is scheduled');
    expect((await system.ingest.post(`/requests/${requestId}/cancel`, {})).status).toBe(202);
    const ended = await system.ingest.untilRequest(requestId, ({ state }) => state === 'cancelled', 'is cancelled');
    expect(ended).toMatchObject({ planned: 0, sent: 0 });
  });
});

describe('templates', () => {
  it('finds a template by its old number, as a number or as text', async () => {
    const [person] = findReachable(1);
    for (const template_id of [17, '17']) {
      const { requestId, request } = await sendAndWait({ template_id, user_ids: [person?.id] });
      expect(request).toMatchObject({ sent: 1 });
      const [notification] = await system.ingest.listNotifications({ request_id: requestId });
      expect(notification?.template_id).toBe('plain');
    }
  });

  it('keeps the version that was planned when the template is changed before it is rendered', async () => {
    const [person] = findReachable(1);
    await system.launched.services.stopOne('renderer');
    const first = await system.ingest.send({ template_id: 'changing', user_ids: [person?.id] });
    await system.ingest.untilRequest(first, ({ planned }) => planned === 1, 'is planned');
    await changeTemplate(system.db, { templateId: 'changing', subject: 'after', text: '.' }, 2);
    const second = await system.ingest.send({ template_id: 'changing', user_ids: [person?.id] });
    system.launched.services.startOne('renderer');

    for (const requestId of [first, second]) await system.ingest.untilDone(requestId);
    expect([...(await subjectsOf(first)).values()]).toEqual(['before']);
    expect([...(await subjectsOf(second)).values()]).toEqual(['after']);
    const [notification] = await system.ingest.listNotifications({ request_id: second });
    expect(notification?.template_version).toBe(2);
  });
});

describe('the HTTP interface', () => {
  it('registers a user in the old form as well, with the id in the query', async () => {
    const [person] = findReachable(1, 300);
    const { status, body } = await system.ingest.post(`/user_registration?user_id=${person?.id}`, undefined);
    expect(status).toBe(202);
    await system.ingest.untilDone(String(body.request_id));
    expect(sink.mails.filter(({ to }) => to === person?.email)).toHaveLength(1);
  });

  it('shows its documentation at /docs', async () => {
    const { ingestUrl } = system.launched;
    const page = await fetch(`${ingestUrl}/docs`);
    expect(page.status).toBe(200);
    expect(await page.text()).toContain('swagger-ui');
    const script = await fetch(`${ingestUrl}/docs/swagger-ui-bundle.js`);
    expect(script.status).toBe(200);
    const described = (await (await fetch(`${ingestUrl}/openapi.json`)).json()) as { paths: Record<string, unknown> };
    expect(Object.keys(described.paths)).toEqual(
      expect.arrayContaining(['/api/v1/send_notification', '/api/v1/user_registration', '/api/v1/requests/{id}']),
    );
  });

  it('asks for a key, and names every fault with its place', async () => {
    const { post } = system.ingest;
    const event = { template_id: 'plain', user_ids: ['somebody'] };
    expect((await post('/send_notification', { event }, { apiKey: null })).status).toBe(401);
    expect((await post('/send_notification', { event }, { apiKey: 'not-a-key' })).status).toBe(401);
    const wrong = { template_id: 'no-such-template', user_ids: ['fine', 'not fine'], priority: 'urgent' };
    const { status, headers, body } = await post('/send_notification', { event: wrong });
    expect(status).toBe(422);
    expect(headers.get('content-type')).toContain('application/problem+json');
    expect((body.errors as { pointer: string }[]).map(({ pointer }) => pointer)).toEqual(
      expect.arrayContaining(['/event/user_ids/1', '/event/priority']),
    );
  });
});

it('stays ready all the while', async () => {
  const services = ['ingest', 'planner', 'enricher', 'renderer', 'dispatcher'] as const;
  for (const service of services) {
    await eventually(async () => (await system.waitingFor(service))?.length === 0, `${service} is ready`);
  }
});
