// Holds on the pages and by the command: placed, seen on what they touch, lifted; by whom that may.
import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { hold as holdCommand } from '../../cli/hold.ts';
import { createLedger } from '../../services/dispatcher/ledger.ts';
import { type AdminLab, startAdminLab, type Visitor } from '../support/admin-lab.ts';
import { addDelivery, addRequest, auditOf } from '../support/admin-ledger.ts';
import { findBarriers, sidewaysPixels } from '../support/axe.ts';
import { type Look, looks, openWindow, startBrowser } from '../support/browser.ts';
import { type CommandRunner, createCommandRunner } from '../support/command-runner.ts';
import { rendered } from '../support/ledger-lab.ts';
import { addTemplate } from '../support/templates.ts';

let lab: AdminLab;
let sender: Visitor;
let run: CommandRunner;
beforeAll(async () => {
  lab = await startAdminLab();
  sender = await lab.logIn('sender');
  run = createCommandRunner(holdCommand, { DATABASE_URL: lab.databaseUrl, USER: 'ops' });
  await addTemplate(lab.db, { templateId: 'news', text: 'Hello' });
  await sql`update templates set is_promo = true where template_id = 'news'`.execute(lab.db);
  await addTemplate(lab.db, { templateId: 'reset', text: 'Hello' });
});
afterAll(() => lab?.stop());
beforeEach(async () => {
  await sql`truncate holds, sending_holds restart identity`.execute(lab.db);
});

const place = (fields: Record<string, string>, visitor = sender) =>
  visitor.post('/holds', { what: 'promotional', name: '', reason: 'the link is wrong', hours: '', ...fields });
const inForce = () => lab.db.selectFrom('sending_holds').selectAll().where('lifted_at', 'is', null).execute();
const addMailing = async (changes: object = {}): Promise<string> => {
  const id = randomUUID();
  await lab.db
    .insertInto('mailings')
    .values({
      mailing_id: id,
      status: 'confirmed',
      title: `News of ${id.slice(0, 4)}`,
      template_id: 'news',
      template_version: 1,
      is_promo: true,
      confirmed_at: new Date(),
      scheduled_at: new Date(Date.now() + 3_600_000),
      ...changes,
    })
    .execute();
  return id;
};

describe('a hold placed on the page', () => {
  it.each([
    [{ what: 'promotional' }, 'promotional', ''],
    [{ what: 'channel sms' }, 'channel', 'sms'],
    [{ what: 'lane low/email' }, 'lane', 'low/email'],
    [{ what: 'template', name: 'news' }, 'template', 'news'],
  ])('%j is in force, with its author, reason and end, and in the audit log', async (fields, scope, subject) => {
    const answer = await place({ ...fields, hours: '4' });
    expect([answer.status, answer.headers.get('location')]).toEqual([303, '/holds']);
    const [row] = await inForce();
    expect(row).toMatchObject({ scope, subject, author: sender.name, reason: 'the link is wrong' });
    expect((row?.ends_at?.getTime() ?? 0) - Date.now()).toBeGreaterThan(3.9 * 3_600_000);
    expect(await sender.page('/holds')).toContain('the link is wrong');
    expect((await sender.post(`/holds/${row?.hold_id}/lift`)).status).toBe(303);
    expect(await inForce()).toEqual([]);
    expect((await auditOf(lab.db, `${scope} ${subject}`.trim())).slice(-2)).toEqual([
      `${sender.name} hold.placed`,
      `${sender.name} hold.lifted`,
    ]);
    expect(await sender.page('/holds')).toContain('coming back');
  });

  it('keeps the next message from being claimed', async () => {
    await place({ what: 'template', name: 'news' });
    const request = { event: rendered({ template_id: 'news' }), partition: 0, offset: '0', mayHaveLeft: false };
    const rows = await createLedger(lab.db).claim([request], { token: randomUUID(), fromWaiting: false });
    expect(rows).toMatchObject([{ verdict: 'paused', state: null }]);
  });

  it('on a request is its pause, and ends what the pause button began as well', async () => {
    const id = await addRequest(lab.db, { planned: 3 });
    await place({ what: 'request', name: id });
    expect(await sender.page('/holds')).toContain(id);
    expect(await sender.page(`/mailings/${id}`)).toContain('the link is wrong');
    await sender.post(`/holds/${id}/lift`, { back: `/mailings/${id}` });
    expect(await lab.db.selectFrom('holds').selectAll().execute()).toEqual([]);
  });

  it('twice, or lifted twice, changes nothing the second time and says so', async () => {
    await place({});
    const again = await place({ reason: 'another reason' });
    expect(decodeURIComponent(again.headers.get('set-cookie') ?? '')).toContain('on hold already');
    const rows = await inForce();
    expect(rows.map(({ reason }) => reason)).toEqual(['the link is wrong']);
    await sender.post(`/holds/${rows[0]?.hold_id}/lift`);
    const lifted = await sender.post(`/holds/${rows[0]?.hold_id}/lift`);
    expect(decodeURIComponent(lifted.headers.get('set-cookie') ?? '')).toContain('lifted already');
  });

  it.each([
    [{ what: 'template', name: 'gone' }, 'There is no template with the short name “gone”.'],
    [{ what: 'request', name: 'x' }, 'This is no id of a request or mailing'],
    [{ what: 'request', name: randomUUID() }, 'There is no request or confirmed mailing with this id.'],
    [{ what: 'everything' }, 'Choose what is kept back.'],
    [{ what: 'lane low/fax' }, 'Choose what is kept back.'],
    [{ reason: ' ' }, 'Say why, in a few words.'],
    [{ reason: 'x'.repeat(501) }, 'At most 500 characters.'],
    [{ hours: '-1' }, 'Choose for how long.'],
  ])('%j is refused with what is wrong, and what was typed is kept', async (fields, fault) => {
    const answer = await place(fields);
    expect(answer.status).toBe(422);
    expect(await answer.text()).toContain(fault);
    expect(await inForce()).toEqual([]);
  });

  it.each([
    ['//evil.example', '/holds'],
    ['https://evil.example', '/holds'],
    ['/\\evil.example', '/holds'],
    ['/mailings', '/mailings'],
    ['/', '/'],
  ])('lifted from %j leads to %s', async (back, to) => {
    await place({});
    const answer = await sender.post(`/holds/${(await inForce())[0]?.hold_id}/lift`, { back });
    expect(answer.headers.get('location')).toBe(to);
  });
});

describe('who may', () => {
  it.each([
    ['viewer', 403],
    ['support', 403],
    ['editor', 403],
    ['sender', 303],
    ['operator', 303],
    ['admin', 303],
  ] as const)('%s places and lifts: %i; everybody sees', async (role, status) => {
    const visitor = await lab.logIn(role);
    expect((await place({ what: 'channel email' }, visitor)).status).toBe(status);
    if (status === 403) await place({ what: 'channel email' });
    const [row] = await inForce();
    const text = await visitor.page('/holds');
    expect(text).toContain('the link is wrong');
    expect(text.includes('Place the hold')).toBe(status === 303);
    expect((await visitor.post(`/holds/${row?.hold_id}/lift`)).status).toBe(status);
    expect((await inForce()).length).toBe(status === 403 ? 1 : 0);
  });
});

describe('a hold is shown', () => {
  const banner = 'rejected by the relay';
  const guard = (scope: string, subject: string) =>
    createLedger(lab.db).placeHold({
      scope: scope as 'lane',
      subject,
      author: 'guard',
      reason: banner,
      endsInMs: 60_000,
    });

  it('that the guard placed, on everything that it touches and on nothing else', async () => {
    const support = await lab.logIn('support', 'sender');
    const mailing = await addMailing();
    const other = await addMailing({ template_id: 'reset', priority: 'high', is_promo: false });
    const requestId = await addRequest(lab.db, { templateId: 'news', planned: 2, userIds: ['ada'] });
    const waits = await addDelivery(lab.db, rendered({ request_id: requestId, template_id: 'news' }), {
      state: 'deferred',
      reason: 'busy',
    });
    await guard('template', 'news');
    const touched = [
      '/',
      '/holds',
      '/mailings',
      `/mailings/${mailing}`,
      `/mailings/${requestId}`,
      '/templates/news',
      '/templates/news/versions',
      '/templates/news/settings',
      `/notifications/${waits.notification_id}`,
      `/people/${waits.user_id}`,
    ];
    for (const path of touched) {
      const text = await support.page(path);
      expect([path, text.includes(banner), text.includes('the guard')]).toEqual([path, true, true]);
      expect([path, text.includes('Lift')]).toEqual([path, true]);
    }
    for (const path of [`/mailings/${other}`, '/templates/reset']) {
      expect([path, (await support.page(path)).includes(banner)]).toEqual([path, false]);
    }
    expect(await support.page(`/mailings/${requestId}`)).toContain('pill-paused');
  });

  it.each([
    ['lane', 'low/email'],
    ['channel', 'email'],
    ['promotional', ''],
  ])('on a %s %s, on a mailing and a template that it covers', async (scope, subject) => {
    const mailing = await addMailing();
    await guard(scope, subject);
    for (const path of ['/', `/mailings/${mailing}`, '/templates/news']) {
      expect([path, (await sender.page(path)).includes(banner)]).toEqual([path, true]);
    }
  });

  it('on the mailing alone and on the overview when the guard paused the mailing, which a person resumes', async () => {
    const [mailing, other] = [await addMailing(), await addMailing()];
    await guard('request', mailing);
    expect(await sender.page(`/mailings/${mailing}`)).toContain(banner);
    // The overview is at most 2 s old.
    const link = new RegExp(`href="/mailings/${mailing}">News of .*on hold</strong>.*${banner}`);
    await expect.poll(() => sender.page('/'), { timeout: 10_000 }).toMatch(link);
    expect(await sender.page(`/mailings/${other}`)).not.toContain(banner);
    await sender.post(`/mailings/${mailing}/resume`);
    expect(await sender.page(`/mailings/${mailing}`)).not.toContain(banner);
  });
});

describe('posthorn hold', () => {
  it('places, lists and lifts', async () => {
    expect(await run(['list'])).toEqual(['Nothing is on hold.']);
    const [placed] = await run(['promotional', '--reason', 'wrong link', '--for', '2h']);
    expect(placed).toMatch(/^on hold: all promotional messages\. `posthorn hold lift 1` lets it go on\.$/);
    await run(['lane', 'low/email', '--reason', 'the relay is ill']);
    const lines = await run(['list']);
    expect(lines[1]).toMatch(
      /^1 {3}all promotional messages {2}cli:ops {2}\S+ \S+ {2}\d{4}-\d\d-\d\d \d\d:\d\d {2}wrong link$/,
    );
    expect(lines[2]).toMatch(/e-mail of low priority .*when lifted +the relay is ill$/);
    expect(await run(['lift', '1'])).toEqual([expect.stringContaining('lifted: all promotional messages.')]);
    expect((await inForce()).map(({ scope }) => scope)).toEqual(['lane']);
    expect((await auditOf(lab.db, 'promotional')).slice(-2)).toEqual(['cli:ops hold.placed', 'cli:ops hold.lifted']);
    expect(await sender.page('/holds')).toContain('ops (command line)');
  });

  it.each([
    [[], 'say request, template'],
    [['everything', '--reason', 'why'], 'say request, template'],
    [['promotional'], '--reason is missing'],
    [['promotional', 'all', '--reason', 'why not'], 'too many words'],
    [['template', '--reason', 'why not'], 'which template?'],
    [['template', 'gone', '--reason', 'why not'], 'no template with the short name'],
    [['channel', 'fax', '--reason', 'why not'], 'There is no channel “fax”: email, sms.'],
    [['lane', 'email/low', '--reason', 'why not'], 'There is no lane'],
    [['request', randomUUID(), '--reason', 'why not'], 'no request or confirmed mailing'],
    [['promotional', '--reason', 'why not', '--for', '2 hours'], 'no length of time'],
    [['promotional', '--reason', 'why not', '--for', '91d'], 'at most 90d'],
    [['promotional', '--reason', 'why not', '--until', 'x'], 'until'],
    [['lift'], 'which hold?'],
    [['lift', '77'], "no hold in force has the id '77'"],
    [['lift', "1'; drop"], 'no hold in force'],
  ])('%j is refused, and says why', async (args, fault) => {
    await expect(run(args)).rejects.toThrow(fault);
    expect(await inForce()).toEqual([]);
  });

  it('placed twice is refused the second time', async () => {
    await run(['promotional', '--reason', 'wrong link']);
    await expect(run(['promotional', '--reason', 'again'])).rejects.toThrow('on hold already');
  });
});

describe('in the browser', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await startBrowser();
  });
  afterAll(() => browser?.close());

  it.each(Object.keys(looks) as Look[])('nothing keeps anybody from using the pages (%s)', async (look) => {
    const window = await openWindow(browser, lab.url, sender.cookie, look);
    const shoot = async (name: string, page: { screenshot(options: object): Promise<unknown> }) => {
      if (!process.env.SCREENSHOTS) return;
      await page.screenshot({ path: `${process.env.SCREENSHOTS}/${name}-${look}.png`, fullPage: true });
    };
    try {
      const page = await window.newPage();
      await page.goto('/holds');
      expect(await findBarriers(page)).toEqual([]);
      expect(await sidewaysPixels(page)).toBe(0);
      await shoot('holds-empty', page);
      await page.getByLabel('Why').fill('The link in the footer leads <b>nowhere</b>');
      await page.getByRole('button', { name: 'Place the hold' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Place the hold' }).click();
      await page.getByText('All promotional messages: on hold.').waitFor();
      const mailing = await addMailing();
      const ledger = createLedger(lab.db);
      const answer =
        '554 5.2.252 SendAsDenied; noreply@a-rather-long-host-name.example.com not allowed to send as somebody';
      await ledger.placeHold({
        scope: 'lane',
        subject: 'low/email',
        author: 'guard',
        reason: `30 refused: ${answer}`,
        endsInMs: 60_000,
      });
      await ledger.placeHold({
        scope: 'request',
        subject: mailing,
        author: 'guard',
        reason: 'refused',
        endsInMs: null,
      });
      const paths = ['/holds', '/', '/mailings', `/mailings/${mailing}`, '/templates/news'];
      for (const path of paths) {
        await page.goto(path);
        expect([path, await findBarriers(page)]).toEqual([path, []]);
        expect([path, await sidewaysPixels(page)]).toEqual([path, 0]);
        await shoot(
          `holds-on-${path.split('/')[1] || 'overview'}${path === `/mailings/${mailing}` ? '-one' : ''}`,
          page,
        );
      }
      await page.goto(`/mailings/${mailing}`);
      await page.locator('.hold', { hasText: 'All promotional' }).getByRole('button').click();
      await page.getByRole('dialog').getByRole('button', { name: 'Lift the hold' }).click();
      await page.getByText('Lifted: all promotional messages.').waitFor();
      expect(new URL(page.url()).pathname).toBe(`/mailings/${mailing}`);
      await page.goto('/holds');
      expect(await findBarriers(page)).toEqual([]);
      await shoot('holds-lifted', page);
    } finally {
      await window.close();
    }
  });
});
