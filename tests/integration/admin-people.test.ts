import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { sql } from 'kysely';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { notificationId } from '../../domain/ids.ts';
import { findPeopleByHash, rememberAddresses } from '../../lib/known-addresses.ts';
import { startUserMock, type UserMock } from '../../user-mock/app.ts';
import { toUser, type User } from '../../user-mock/users.ts';
import { type AdminLab, startAdminLab, type Visitor } from '../support/admin-lab.ts';
import { addDelivery, addRequest, auditOf } from '../support/admin-ledger.ts';
import { findBarriers, sidewaysPixels } from '../support/axe.ts';
import { type Look, looks, openWindow, startBrowser } from '../support/browser.ts';
import { rendered, renderedMany } from '../support/ledger-lab.ts';
import { findReachable } from '../support/people.ts';
import { addTemplate } from '../support/templates.ts';

let userMock: UserMock;
let lab: AdminLab;
let support: Visitor;
beforeAll(async () => {
  userMock = await startUserMock({ port: 0, host: '127.0.0.1' });
  lab = await startAdminLab(userMock.url);
  support = await lab.logIn('support');
  await addTemplate(lab.db, { templateId: 'welcome', html: 'Hello' });
});
afterAll(async () => {
  await lab?.stop();
  await userMock?.stop();
});

/** One of before: POST /users/lookup has no answer of its own. */
async function startStrictUserService() {
  const server = createServer((request, response) => {
    response.writeHead(request.method === 'POST' && request.url === '/users/lookup' ? 404 : 500).end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, stop: () => server.close() };
}

function findPerson(isWanted: (person: User) => boolean): User {
  for (let number = 0; number < 10_000; number++) {
    const person = toUser(number);
    if (isWanted(person)) return person;
  }
  throw new Error('there is nobody');
}

const search = (wanted: string, visitor = support) => visitor.get(`/people?q=${encodeURIComponent(wanted)}`);
const locationOf = (answer: Response) => [answer.status, answer.headers.get('location')];

describe('the search', () => {
  it('leads to the person behind an address, however it is written', async () => {
    const event = await addDelivery(lab.db, rendered({ user_id: 'one-at-home', address: 'Jane.Doe@Home.example' }));
    expect(locationOf(await search(' jane.doe@HOME.example '))).toEqual([303, `/people/${event.user_id}`]);
    const phone = await addDelivery(
      lab.db,
      rendered({ user_id: 'by-phone', channel: 'sms', address: '+999551234567' }),
    );
    expect(locationOf(await search('00999 55-123 (4567)'))).toEqual([303, `/people/${phone.user_id}`]);
  });

  it('leads to whoever has the address now, though nothing was ever sent there', async () => {
    const [person] = findReachable(1, 500);
    if (!person) throw new Error('there is nobody');
    await addDelivery(lab.db, rendered({ user_id: person.id }), {
      state: 'skipped',
      reason: 'no_consent',
      stage: 'enricher',
      address: null,
      renderedAt: null,
    });
    for (const written of [person.email.toUpperCase(), ` ${person.email} `, `Jane <${person.email}>`, person.phone]) {
      expect(locationOf(await search(written)), written).toEqual([303, `/people/${person.id}`]);
    }
  });

  it('leads to whoever ended before a message came to their address, by its keyed hash, when it is theirs no longer', async () => {
    const { secret } = lab.config;
    const remembered = [
      { channel: 'email', userId: 'left-early', address: 'Left.Early@old.example' },
      { channel: 'sms', userId: 'left-early-sms', address: '+999557654321' },
      { channel: 'email', userId: 'unreadable', address: 'ada@@old.example' },
    ] as const;
    await rememberAddresses(lab.db, secret, [...remembered, ...remembered]);
    await addDelivery(lab.db, rendered({ user_id: 'left-early' }), {
      state: 'skipped',
      reason: 'no_consent',
      address: null,
    });
    expect(locationOf(await search('left.early@OLD.example'))).toEqual([303, '/people/left-early']);
    expect(locationOf(await search('00999 557654321'))).toEqual([303, '/people/left-early-sms']);
    expect(locationOf(await search('ADA@@old.example'))).toEqual([303, '/people/unreadable']);
    const { rows } = await sql<{ text: string }>`select known_addresses::text as text from known_addresses`.execute(
      lab.db,
    );
    expect(rows).toHaveLength(3);
    expect(rows.map(({ text }) => text).join()).not.toMatch(/old\.example|7654321/i);
    // With another secret nobody is found, and nobody can try addresses.
    expect(await findPeopleByHash(lab.db, 'some other secret', 'email', 'left.early@old.example')).toEqual([]);
  });

  it('lists who has the address now and who was written to there, each once, and tells them apart', async () => {
    const [now, ...others] = findReachable(3, 600);
    if (!now) throw new Error('there is nobody');
    for (const { id } of [now, ...others]) await addDelivery(lab.db, rendered({ user_id: id, address: now.email }));
    const text = await support.page(`/people?q=${encodeURIComponent(now.email)}`);
    const rows = [...text.matchAll(/href="\/people\/([^"]+)">[\s\S]*?<td>(yes|no)<\/td>/g)].map((m) => [m[1], m[2]]);
    expect(rows[0]).toEqual([now.id, 'yes']);
    expect(new Map(rows as [string, string][])).toEqual(
      new Map([[now.id, 'yes'], ...others.map(({ id }): [string, string] => [id, 'no'])]),
    );
    expect(rows).toHaveLength(3);
  });

  it('says so where the user service cannot look up addresses, and finds who was written to', async () => {
    const ids = ['strict-1', 'strict-2'];
    const strict = await startStrictUserService();
    const alone = await startAdminLab(strict.url);
    try {
      const visitor = await alone.logIn('support');
      const nobody = await search('nobody@strict.example', visitor);
      expect([nobody.status, await nobody.text()]).toEqual([404, expect.stringContaining('no POST /users/lookup')]);
      for (const user_id of ids) await addDelivery(alone.db, rendered({ user_id, address: 'two@strict.example' }));
      const text = await visitor.page('/people?q=two%40strict.example');
      expect(text).toContain('does not say whose address this is');
      for (const id of ids) expect(text).toContain(`href="/people/${id}"`);
    } finally {
      await alone.stop();
      strict.stop();
    }
  });

  it('lists everybody behind an address that several share, with the address masked', async () => {
    for (const user_id of ['family-1', 'family-2']) {
      await addDelivery(lab.db, rendered({ user_id, address: 'family@shared.example' }));
    }
    const text = await support.page('/people?q=family%40shared.example');
    expect(text).toContain('href="/people/family-1"');
    expect(text).toContain('href="/people/family-2"');
    expect(text).toContain('f…@shared.example');
  });

  it('leads from a user id to the person, also when only the user service knows them', async () => {
    const [person] = findReachable(1);
    expect(locationOf(await search(person?.id ?? ''))).toEqual([303, `/people/${person?.id}`]);
    expect(await support.page(`/people/${person?.id}`)).toContain('Nothing was sent yet.');
  });

  it('leads from the id of a notification to its journey', async () => {
    const event = await addDelivery(lab.db, rendered());
    expect(locationOf(await search(event.notification_id.toUpperCase()))).toEqual([
      303,
      `/notifications/${event.notification_id}`,
    ]);
  });

  it('shows a request with its first people, and where the others are', async () => {
    const requestId = await addRequest(lab.db, { planned: 25 });
    const events = renderedMany(25, { request_id: requestId });
    for (const event of events) await addDelivery(lab.db, event);
    const text = await support.page(`/people?q=${requestId}`);
    expect(text.match(/href="\/notifications\/[0-9a-f-]{36}"/g)).toHaveLength(20);
    expect(text).toContain(`href="/mailings/${requestId}/people"`);
  });

  it('says what was looked for and what to try when there is nothing', async () => {
    const address = await search('nobody@nowhere.example');
    expect(address.status).toBe(404);
    expect(await address.text()).toContain('The user service knows nobody with this address');
    expect(await (await search('nobody-at-all')).text()).toContain('the user service does not know the id');
    expect(await (await search(randomUUID())).text()).toContain('No notification, request or mailing has this id');
    expect(await (await search('Jane Doe')).text()).toContain('Names cannot be searched for');
    expect((await search('\0')).status).toBe(400);
  });

  it('leads from the id of a mailing that nothing was sent under to the mailing', async () => {
    const mailing_id = randomUUID();
    await lab.db.insertInto('mailings').values({ mailing_id, title: 'Films of December' }).execute();
    const text = await support.page(`/people?q=${mailing_id}`);
    expect(text).toContain('This is the mailing “Films of December”');
    expect(text).toContain(`href="/mailings/${mailing_id}"`);
  });

  it('is for those who may see people', async () => {
    for (const path of ['/people', '/people/somebody']) {
      expect((await (await lab.logIn('viewer', 'editor')).get(path)).status).toBe(403);
    }
    for (const role of ['sender', 'operator', 'admin'] as const) {
      expect((await (await lab.logIn(role)).get('/people')).status).toBe(200);
    }
  });
});

describe('the page of a person', () => {
  it('shows who it is, everything they got newest first, and why not in plain words', async () => {
    const [person] = findReachable(1, 100);
    if (!person) throw new Error('there is nobody');
    const now = Date.now();
    const at = (agoMs: number) => ({ user_id: person.id, address: person.email, requested_at: now - agoMs });
    await addDelivery(lab.db, rendered(at(3_000)));
    await addDelivery(lab.db, rendered({ ...at(1_000), template_id: 'of-long-ago' }), {
      state: 'skipped',
      reason: 'unsubscribed',
      renderedAt: null,
      address: null,
      stage: 'enricher',
    });
    const text = await support.page(`/people/${person.id}`);
    expect(text).toContain(person.email.replace("'", '&#39;'));
    expect(text).toContain('It is promotional, and the person has unsubscribed.');
    expect(text.indexOf('>of-long-ago<')).toBeLessThan(text.indexOf('>welcome<'));
    expect(text.indexOf('>of-long-ago<')).toBeGreaterThan(0);
    const skipped = await support.page(`/people/${person.id}?state=skipped`);
    expect([skipped.includes('>of-long-ago<'), skipped.includes('>welcome<')]).toEqual([true, false]);
  });

  it('pages through a long history without leaving out or repeating one', async () => {
    const now = Date.now();
    const events = Array.from({ length: 120 }, (_, n) =>
      // Several at the same moment: the order then goes by the id.
      rendered({ user_id: 'long-history', requested_at: now - Math.floor(n / 7) * 1_000 }),
    );
    for (const event of events) await addDelivery(lab.db, event);
    const seen: string[] = [];
    for (let path: string | undefined = '/people/long-history'; path; ) {
      const text: string = await support.page(path);
      seen.push(
        ...[...text.matchAll(/<div class="what">\s*<a href="\/notifications\/([^"]+)"/g)].map((m) => m[1] ?? ''),
      );
      path = /class="pager"><a href="([^"#]+)/.exec(text)?.[1]?.replaceAll('&amp;', '&');
    }
    expect(seen).toHaveLength(120);
    expect(new Set(seen)).toEqual(new Set(events.map((event) => event.notification_id)));
  });

  it('writes each opening down, once', async () => {
    await addDelivery(lab.db, rendered({ user_id: 'watched' }));
    await support.page('/people/watched');
    await support.page('/people/watched?state=sent');
    expect(await auditOf(lab.db, 'person watched')).toEqual([`${support.name} person.opened`]);
  });

  it('is shown without name and address while the user service is down, and says so', async () => {
    const alone = await startAdminLab();
    try {
      const visitor = await alone.logIn('support');
      await addDelivery(alone.db, rendered({ user_id: 'unreachable', template_id: 'welcome' }));
      const text = await visitor.page('/people/unreachable');
      expect(text).toContain('The user service does not answer at the moment');
      expect(text).toMatch(/E-mail:<\/strong>\s*<span class="pill pill-paused">not known/);
      expect(text).toContain('>welcome<');
      const unknown = await search('who-is-this', visitor);
      expect(await unknown.text()).toContain('the user service cannot be asked now');
    } finally {
      await alone.stop();
    }
  });

  it('unsubscribes by hand and takes it back, both written down; a viewer of people alone may not', async () => {
    const [person] = findReachable(1, 200);
    const path = `/people/${person?.id}`;
    const change = (visitor: Visitor, to: string) => visitor.post(`${path}/consent`, { channel: 'email', to });
    expect((await change(await lab.logIn('sender'), 'unsubscribed')).status).toBe(403);
    expect((await change(support, 'unsubscribed')).status).toBe(303);
    const rows = await lab.db
      .selectFrom('unsubscribes')
      .selectAll()
      .where('user_id', '=', person?.id ?? '')
      .execute();
    expect(rows).toMatchObject([{ channel: 'email', source: 'admin' }]);
    expect(await support.page(path)).toContain('by hand, in these pages');
    await change(support, 'unsubscribed');
    expect((await change(support, 'subscribed')).status).toBe(303);
    expect(await support.page(path)).not.toContain('by hand, in these pages');
    expect(await auditOf(lab.db, `person ${person?.id}`)).toEqual(
      expect.arrayContaining([`${support.name} person.unsubscribed`, `${support.name} person.subscribed_again`]),
    );
    expect((await support.post(`${path}/consent`, { channel: 'fax', to: 'subscribed' })).status).toBe(422);
  });

  it('says that an address of theirs is suppressed, and why', async () => {
    const [person] = findReachable(1, 300);
    const address = (person?.email ?? '').toLowerCase();
    await lab.db
      .insertInto('suppressions')
      .values({ channel: 'email', address, reason: 'refused', detail: '550 5.1.1 no such user' })
      .execute();
    const text = await support.page(`/people/${person?.id}`);
    expect(text).toContain('550 5.1.1 no such user');
    expect(text).toContain(`/suppressions?address=${encodeURIComponent(address)}`);
  });

  it('says for each channel and class whether it would be sent, and else why', async () => {
    const verdictsOf = async (userId: string) => {
      const text = await support.page(`/people/${userId}`);
      const items = /<ul class="plain consent">([\s\S]*?)<\/ul>/.exec(text)?.[1] ?? '';
      return [...items.matchAll(/<div>([\s\S]*?)<\/div>/g)].map((m) =>
        (m[1] ?? '')
          .replace(/<time[^>]*>[^<]*<\/time>/g, 'TIME')
          .replace(/<[^>]+>/g, '')
          .replace(/\s+/g, ' ')
          .trim(),
      );
    };
    const refusing = findPerson(({ promo_agree, email, phone }) => !promo_agree && email !== null && phone === null);
    await lab.db
      .insertInto('suppressions')
      .values({ channel: 'email', address: refusing.email ?? '', reason: 'complaint', scope: 'promotional' })
      .execute();
    expect(await verdictsOf(refusing.id)).toEqual([
      'E-mail: yes',
      'Promotional e-mail: no refused at the user service; also suppressed for everything promotional since TIME (complaint)',
      'SMS: no the user service has no phone number',
      'Promotional SMS: no refused at the user service; also the user service has no phone number',
    ]);
    const [bounced] = findReachable(1, 700);
    const address = (bounced?.email ?? '').toLowerCase();
    const bounce = { channel: 'email', address, reason: 'refused', detail: '550 5.1.1 gone' } as const;
    await lab.db.insertInto('suppressions').values(bounce).execute();
    await lab.db
      .insertInto('unsubscribes')
      .values({ user_id: bounced?.id ?? '', channel: 'sms', source: 'one_click' })
      .execute();
    expect(await verdictsOf(bounced?.id ?? '')).toEqual([
      'E-mail: no suppressed for everything since TIME (550 5.1.1 gone)',
      'Promotional e-mail: no suppressed for everything since TIME (550 5.1.1 gone)',
      'SMS: yes',
      'Promotional SMS: no unsubscribed since TIME (by the button of the mail program)',
    ]);
    await addDelivery(lab.db, rendered({ user_id: 'gone-from-there' }));
    expect((await verdictsOf('gone-from-there'))[0]).toBe('E-mail: no the user service does not know this person');
  });

  it('shows what is planned and not claimed yet, with where it is, and is found by the id alone', async () => {
    const requestId = await addRequest(lab.db, { userIds: ['planned-only'], planned: 1 });
    const chunk = { request_id: requestId, sequence: 0, user_ids: ['planned-only'], published_at: new Date() };
    await lab.db.insertInto('chunks').values(chunk).execute();
    expect(locationOf(await search('planned-only'))).toEqual([303, '/people/planned-only']);
    for (const path of ['/people/planned-only', '/people/planned-only?state=on_its_way']) {
      const text = await support.page(path);
      expect(text).toContain('It is in the topics between enricher and dispatcher, high priority, since');
      expect(text).toContain(`request=${requestId}&amp;user=planned-only`);
      expect(text).not.toContain('Nothing was sent yet');
    }
    expect(await support.page('/people/planned-only?state=sent')).not.toContain('It is in the topics');
    expect(await auditOf(lab.db, 'person planned-only')).toEqual([`${support.name} person.opened`]);
  });

  it('names the mailings that they may be in, for their category is still being planned', async () => {
    const [person] = findReachable(1, 800);
    const mailing_id = await addRequest(lab.db, { state: 'planning', planningComplete: false });
    const user_categories = [person?.category ?? ''];
    await lab.db.updateTable('requests').set({ user_categories }).where('request_id', '=', mailing_id).execute();
    await lab.db.insertInto('mailings').values({ mailing_id, title: 'To a whole category' }).execute();
    expect(await support.page(`/people/${person?.id}`)).toMatch(/Perhaps also[^.]*To a whole category/);
  });

  it('refuses what is no user id, and does not know an id that nobody has', async () => {
    expect((await support.get('/people/a%20b')).status).toBe(404);
    const unknown = await support.get('/people/never-heard-of');
    expect(unknown.status).toBe(404);
    expect(await unknown.text()).toContain('the user service does not know the id');
  });
});

describe('a notification that the ledger does not know yet', () => {
  const open = async (requestId: string, userId: string) => {
    const answer = await support.get(`/notifications/for?request=${requestId}&user=${userId}`);
    expect(answer.headers.get('location')).toContain(notificationId(requestId, userId, 'email'));
    return support.page(answer.headers.get('location') ?? '');
  };

  it('is found through its request, and told where it is', async () => {
    const addChunk = (request_id: string, published_at: Date | null) =>
      lab.db
        .insertInto('chunks')
        .values({ request_id, sequence: 0, user_ids: ['on-its-way'], published_at })
        .execute();
    const published = await addRequest(lab.db, { userIds: ['on-its-way'], planned: 1 });
    await addChunk(published, new Date());
    expect(await support.page(`/people?q=${published}`)).toContain(`request=${published}&amp;user=on-its-way`);
    expect(await open(published, 'on-its-way')).toContain('It is in the topics between enricher and dispatcher');
    const stored = await addRequest(lab.db, { userIds: ['on-its-way'] });
    await addChunk(stored, null);
    expect(await open(stored, 'on-its-way')).toContain('about to be published');
    const later = await addRequest(lab.db, { state: 'scheduled', scheduledAt: new Date(Date.now() + 3_600_000) });
    expect(await open(later, 'on-its-way')).toContain('It waits for its time:');
    const rejected = await addRequest(lab.db, { state: 'rejected', detail: 'there is no template nowhere' });
    expect(await open(rejected, 'on-its-way')).toContain('there is no template nowhere');
    const planning = await addRequest(lab.db, { state: 'planning', planningComplete: false });
    expect(await open(planning, 'on-its-way')).toContain('is being planned');
  });

  it('is not made up for an id that does not belong to the request', async () => {
    const requestId = await addRequest(lab.db, { userIds: ['x'] });
    const answer = await support.get(`/notifications/${randomUUID()}?request=${requestId}&user=x`);
    expect(answer.status).toBe(404);
    expect(await answer.text()).toContain('The ledger has no notification');
  });
});

describe('in the browser', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await startBrowser();
  });
  afterAll(() => browser?.close());

  it.each(Object.keys(looks) as Look[])('nothing keeps anybody from using the pages (%s)', async (look) => {
    const [person] = findReachable(1, 100);
    const window = await openWindow(browser, lab.url, support.cookie, look);
    try {
      const page = await window.newPage();
      for (const path of [
        '/people',
        '/people?q=family%40shared.example',
        '/people?q=nobody%40x.example',
        `/people/${person?.id}`,
        '/people/planned-only',
      ]) {
        await page.goto(path);
        expect(await findBarriers(page), path).toEqual([]);
        expect(await sidewaysPixels(page), path).toBe(0);
        if (process.env.SCREENSHOTS) {
          const name = path.replace(/[^a-z]+/g, '-').slice(0, 20);
          await page.screenshot({ path: `${process.env.SCREENSHOTS}/people${name}${look}.png`, fullPage: true });
        }
      }
    } finally {
      await window.close();
    }
  });

  it('support finds a person by the address, with the keyboard, and unsubscribes them after a question', async () => {
    const [person] = findReachable(1, 400);
    if (!person) throw new Error('there is nobody');
    await addDelivery(lab.db, rendered({ user_id: person.id, address: person.email }));
    const window = await openWindow(browser, lab.url, support.cookie);
    try {
      const page = await window.newPage();
      await page.goto('/people');
      await page.locator('[name="q"]:focus').waitFor();
      await page.keyboard.type(person.email.toUpperCase());
      await page.keyboard.press('Enter');
      await page.waitForURL(/\/people[/?]./);
      expect(page.url(), (await page.textContent('main')) ?? '').toContain(`/people/${person.id}`);
      expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe(
        `${person.first_name} ${person.last_name}`,
      );
      const unsubscribe = page.getByRole('button', { name: 'Unsubscribe' });
      await unsubscribe.first().focus();
      await page.keyboard.press('Enter');
      await page.getByText('No promotional e-mail will be sent to this one person').waitFor();
      await page.keyboard.press('Escape');
      await page.getByRole('dialog').waitFor({ state: 'detached' });
      const rows = lab.db.selectFrom('unsubscribes').selectAll().where('user_id', '=', person.id);
      expect(await rows.execute()).toEqual([]);
      await unsubscribe.first().click();
      await page.getByRole('dialog').getByRole('button', { name: 'Unsubscribe' }).click();
      await page.getByText('No promotional e-mail is sent to this person any more.').waitFor();
      expect(await rows.execute()).toMatchObject([{ channel: 'email', source: 'admin' }]);
    } finally {
      await window.close();
    }
  });

  it('never runs a script that stands in an address, a title, an answer or a search', async () => {
    const script = '<img src=x onerror="window.x=1"><script>window.x=1</script>';
    await addTemplate(lab.db, { templateId: 'hostile', html: 'x' });
    await lab.db.updateTable('templates').set({ title: script }).where('template_id', '=', 'hostile').execute();
    await addDelivery(
      lab.db,
      rendered({ user_id: 'hostile', template_id: 'hostile', address: `${script}@x.example` }),
      {
        state: 'failed',
        reason: 'refused',
        detail: `550 ${script}`,
      },
    );
    const window = await openWindow(browser, lab.url, support.cookie);
    try {
      const page = await window.newPage();
      for (const path of ['/people/hostile', `/people?q=${encodeURIComponent(script)}`]) {
        await page.goto(path);
        expect(await page.content()).toContain('&lt;script&gt;window.x=1');
        expect(await page.evaluate('window.x')).toBeUndefined();
      }
    } finally {
      await window.close();
    }
  });
});
