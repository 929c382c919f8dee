// Where a newcomer starts: what Posthorn does, from a request over HTTP to the message in somebody's inbox.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { listSms } from '../support/inbox-reader.ts';
import { findReachable, type Reachable } from '../support/people.ts';
import { type System, startSystem } from '../support/system.ts';

let system: System;

beforeAll(async () => {
  system = await startSystem({ name: 'first-mail', infrastructure: 'shared' });
});

afterAll(async () => {
  await system?.stop();
});

/** As LiquidJS escapes HTML. */
const escapeHtml = (text: string) =>
  text.replace(
    /[&<>"']/g,
    (sign) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&#34;', "'": '&#39;' })[sign] ?? '',
  );

/** One person of every locale, and those whose names are hard on HTML. */
function findEveryScript(): Reachable[] {
  const byLocale = new Map<string, Reachable>();
  const people = findReachable(2_000);
  for (const person of people) if (!byLocale.has(person.locale)) byLocale.set(person.locale, person);
  const ampersand = people.find(({ first_name }) => first_name.includes('&'));
  const apostrophe = people.find(({ first_name }) => first_name.includes("'"));
  const hard = [ampersand, apostrophe].filter((person) => person !== undefined);
  return [...new Set([...byLocale.values(), ...hard])];
}

it('mails the welcome after a registration', async () => {
  const [person] = findReachable(1);
  const { status, body } = await system.ingest.post('/user_registration', { user_id: person?.id });
  expect(status).toBe(202);
  expect(body.request_id).toMatch(/^[0-9a-f-]{36}$/);

  const mail = await system.inbox.untilMail(person?.email ?? '');
  expect(mail.subject).toBe(`Welcome to Lumen, ${person?.first_name}`);
  expect(mail.from).toEqual({ name: 'Lumen', address: 'no-reply@example.com' });
  expect(mail.text).toContain(`The lights go down, ${person?.first_name}.`);
  expect(mail.html).toContain('Choose three films');
});

it('writes every name as it is, in any script', async () => {
  const people = findEveryScript();
  expect(people.length).toBeGreaterThanOrEqual(20);
  const requestId = await system.ingest.send({
    template_id: 'welcome',
    priority: 'high',
    user_ids: people.map(({ id }) => id),
    context: { start_url: 'https://lumen.example/start?from=e2e&lang=many' },
  });
  expect(await system.ingest.untilDone(requestId)).toMatchObject({ planned: people.length, sent: people.length });

  const notifications = await system.ingest.listNotifications({ request_id: requestId });
  const idOf = new Map(notifications.map(({ user_id, notification_id }) => [user_id, notification_id]));
  for (const person of people) {
    const mail = await system.inbox.untilMail(person.email, ({ messageId }) =>
      messageId.includes(idOf.get(person.id) ?? '?'),
    );
    expect(mail.subject).toBe(`Welcome to Lumen, ${person.first_name}`);
    expect(mail.html).toContain(`The lights go down, ${escapeHtml(person.first_name)}</h1>`);
    expect(mail.html).toContain('href="https://lumen.example/start?from=e2e&amp;lang=many"');
    expect(mail.text).toContain(`The lights go down, ${person.first_name}.`);
    expect(mail.text).toContain('https://lumen.example/start?from=e2e&lang=many');
  }
});

it('shows the films of the month and the favourite genre', async () => {
  const people = findReachable(2_000);
  const isHard = (genre: string) => genre.includes('&') || genre.includes("'");
  const chosen = [
    people.find(({ films_month_count: count }) => count > 1),
    people.find(({ films_month_count: count, favourite_genre: genre }) => count > 1 && isHard(genre)),
    people.find(({ films_month_count: count }) => count === 1),
  ].filter((person) => person !== undefined);
  expect(chosen).toHaveLength(3);
  const requestId = await system.ingest.send({
    template_id: 'monthly-statistics',
    is_promo: true,
    priority: 'low',
    user_ids: chosen.map(({ id }) => id),
  });
  expect(await system.ingest.untilDone(requestId)).toMatchObject({ planned: 3, sent: 3, reasons: [] });

  for (const { email, films_month_count: count, favourite_genre: genre } of chosen) {
    const mail = await system.inbox.untilMail(email, ({ subject }) => !subject.startsWith('Welcome'));
    expect(mail.subject).toBe(count > 1 ? `${count} films at Lumen` : 'One film at Lumen');
    expect(mail.html).toContain(`>${count}</div>`);
    expect(mail.html).toContain(escapeHtml(genre));
    // This template has no text part of its own: it is made from the HTML.
    expect(mail.text).toMatch(new RegExp(`^${count}\\s+films?\\b`, 'm'));
    expect(mail.text).toContain(genre);
  }
});

it('sends an SMS for a template of that channel', async () => {
  const [person] = findReachable(1, 500);
  const requestId = await system.ingest.send({
    template_id: 'new-episode',
    user_ids: [person?.id],
    context: { series_title: 'The Lighthouse Keepers', episode: 'Low Water', watch_url: 'https://lumen.example/w/4' },
  });
  expect(await system.ingest.untilDone(requestId)).toMatchObject({ planned: 1, sent: 1 });
  const messages = await listSms(system.userMockUrl, person?.phone);
  expect(messages.map(({ text }) => text)).toEqual([
    `Lumen: ${person?.first_name}, The Lighthouse Keepers has a new episode: Low Water. https://lumen.example/w/4`,
  ]);
});

it('tells the journey of a notification, stage by stage', async () => {
  const [person] = findReachable(1, 900);
  const requestId = await system.ingest.send({ template_id: 'welcome', user_ids: [person?.id] });
  // From the moment of the 202 on.
  expect(await system.ingest.findRequest(requestId)).toMatchObject({ request_id: requestId });
  expect(await system.ingest.untilDone(requestId)).toMatchObject({
    state: 'done',
    planning_complete: true,
    planned: 1,
    sent: 1,
    failed: 0,
    skipped: 0,
    unknown: 0,
    in_flight: 0,
  });

  const [listed] = await system.ingest.listNotifications({ user_id: person?.id ?? '' });
  const notification = await system.ingest.findNotification(listed?.notification_id ?? '');
  expect(notification).toMatchObject({
    request_id: requestId,
    user_id: person?.id,
    channel: 'email',
    template_id: 'welcome',
    template_version: 1,
    priority: 'medium',
    state: 'sent',
    attempts: 1,
  });
  expect(notification.address).not.toContain(person?.email ?? '');
  expect(notification.journey.map(({ stage, outcome }) => [stage, outcome])).toEqual([
    ['ingest', 'requested'],
    ['planner', 'planned'],
    ['enricher', 'enriched'],
    ['renderer', 'rendered'],
    ['dispatcher', 'claimed'],
    ['dispatcher', 'sent'],
  ]);
  const times = notification.journey.map(({ at }) => Date.parse(at));
  expect(times).toEqual([...times].sort((a, b) => a - b));

  const mail = await system.inbox.untilMail(person?.email ?? '');
  expect(mail.messageId).toBe(`<${notification.notification_id}@example.com>`);
});
