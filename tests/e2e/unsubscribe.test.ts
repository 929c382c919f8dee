// Consent, from end to end: one click ends promotional mail for a person, and nothing but promotional mail.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findReachable, type Reachable } from '../support/people.ts';
import { type System, startSystem } from '../support/system.ts';
import { addTemplate } from '../support/templates.ts';

let system: System;

beforeAll(async () => {
  system = await startSystem({ name: 'unsubscribe', infrastructure: 'shared' });
  await addTemplate(system.db, {
    templateId: 'news',
    subject: 'News {{ number }}',
    html: '<html><body><p>News for {{ first_name }}</p></body></html>',
  });
});

afterAll(async () => {
  await system?.stop();
});

async function send(person: Reachable, number: number, isPromo = true, templateId = 'news') {
  const context = { number };
  return system.ingest.untilDone(
    await system.ingest.send({ template_id: templateId, is_promo: isPromo, user_ids: [person.id], context }),
  );
}

async function readMail(person: Reachable, subject: string | RegExp) {
  const mail = await system.inbox.untilMail(person.email, (one) =>
    typeof subject === 'string' ? one.subject === subject : subject.test(one.subject),
  );
  const source = await system.inbox.readSource(mail);
  const header = (name: string) => new RegExp(`^${name}: (.*)\\r?$`, 'im').exec(source)?.[1];
  return { ...mail, listUnsubscribe: header('List-Unsubscribe'), post: header('List-Unsubscribe-Post') };
}

it('ends promotional mail with one click at the address in the header, and leaves everything else', async () => {
  const [ada, bob] = findReachable(2, 3_000);
  if (!ada || !bob) throw new Error('nobody');
  expect(await send(ada, 1)).toMatchObject({ sent: 1 });

  const mail = await readMail(ada, 'News 1');
  const url = /^<(.*)>$/.exec(mail.listUnsubscribe ?? '')?.[1] ?? '';
  expect(url.startsWith(`${system.launched.ingestUrl}/u/`)).toBe(true);
  expect(mail.post).toBe('List-Unsubscribe=One-Click');
  expect(mail.html).toMatch(
    new RegExp(`<a href="${url.replaceAll(/[?.]/g, '\\$&')}"[^>]*>Unsubscribe</a>[\\s\\S]*</body>`),
  );
  expect(mail.text).toContain(`<${url}>`);

  // A program that follows links changes nothing; the button of the mail program does.
  expect(await (await fetch(url)).text()).toContain('Unsubscribe?');
  expect(await send(ada, 2)).toMatchObject({ sent: 1 });
  const click = await fetch(url, { method: 'POST', body: new URLSearchParams('List-Unsubscribe=One-Click') });
  expect(click.status).toBe(200);

  expect(await send(ada, 3)).toMatchObject({
    sent: 0,
    skipped: 1,
    reasons: [{ state: 'skipped', reason: 'unsubscribed', count: 1 }],
  });
  expect(await send(ada, 4, false)).toMatchObject({ sent: 1 });
  expect(await send(bob, 5)).toMatchObject({ sent: 1 });
  const plain = await readMail(ada, 'News 4');
  expect([plain.listUnsubscribe, plain.post]).toEqual([undefined, undefined]);
  expect(plain.html).not.toContain('Unsubscribe');
  expect((await system.inbox.listTo(ada.email)).map(({ subject }) => subject).sort()).toEqual([
    'News 1',
    'News 2',
    'News 4',
  ]);

  // Taken back on the page.
  const undone = await fetch(url, { method: 'POST', body: new URLSearchParams({ action: 'resubscribe' }) });
  expect(await undone.text()).toContain('You are subscribed again');
  expect(await send(ada, 6)).toMatchObject({ sent: 1 });
});

it("keeps a template's own words and place for the link", async () => {
  const [person] = findReachable(1, 3_500);
  if (!person) throw new Error('nobody');
  await send(person, 1, true, 'monthly-statistics');
  const mail = await readMail(person, /at Lumen$/);
  const url = mail.listUnsubscribe?.slice(1, -1) ?? 'none';
  expect(mail.html.split(url)).toHaveLength(2);
  expect(mail.html).toMatch(
    new RegExp(`<a class="soft" href="${url.replaceAll(/[?.]/g, '\\$&')}"[^>]*>Unsubscribe</a> whenever you like`),
  );
  expect(mail.text).toContain(`Unsubscribe <${url}> whenever you like`);
});
