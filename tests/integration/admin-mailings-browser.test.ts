// The mailing pages in a real browser: a mailing's life by its buttons, a file with people, what moves, and that nobody is
// kept out. SCREENSHOTS=<folder> keeps pictures of every page.
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startUserMock, type UserMock } from '../../user-mock/app.ts';
import { toUserId } from '../../user-mock/user-ids.ts';
import { type AdminLab, startAdminLab, type Visitor } from '../support/admin-lab.ts';
import { findBarriers, sidewaysPixels } from '../support/axe.ts';
import { type Look, looks, openWindow, startBrowser } from '../support/browser.ts';
import { adopt, count, makeConfirmed, makeDraft, saveDraft, setState } from '../support/mailing-desk.ts';
import { findReachable } from '../support/people.ts';
import { addTemplate } from '../support/templates.ts';

let users: UserMock;
let lab: AdminLab;
let sender: Visitor;
let browser: Browser;
beforeAll(async () => {
  users = await startUserMock({ port: 0, host: '127.0.0.1' });
  lab = await startAdminLab(users.url);
  sender = await lab.logIn('sender');
  await addTemplate(lab.db, {
    templateId: 'welcome',
    subject: 'Hello {{ first_name }}',
    html: '<p>Hello {{ first_name }}, see {{ film }}.</p>',
  });
  await addTemplate(lab.db, { templateId: 'plain', subject: 'News', html: '<p>News for {{ first_name }}</p>' });
  browser = await startBrowser();
});
afterAll(async () => {
  await browser?.close();
  await lab?.stop();
  await users?.stop();
});

const open = async (path: string, look: Look = 'light', visitor = sender): Promise<Page> => {
  const window = await openWindow(browser, lab.url, visitor.cookie, look);
  const page = await window.newPage();
  page.setDefaultTimeout(60_000);
  page.on('pageerror', (error) => faults.push(`${path}: ${error.message}`));
  // A refused upload is told by the page, and by the browser's console as well.
  const isFault = (text: string) => !/status of 422/.test(text);
  page.on('console', (line) => {
    if (line.type() === 'error' && isFault(line.text())) faults.push(`${path}: ${line.text()}`);
  });
  await page.goto(path);
  return page;
};
async function keepPicture(page: Page, name: string): Promise<void> {
  if (!process.env.SCREENSHOTS) return;
  await page.screenshot({ path: join(process.env.SCREENSHOTS, `${name}.png`), fullPage: true });
}
const faults: string[] = [];
const answer = (page: Page, button: 'yes' | 'no') => page.locator(`dialog [value="${button}"]`).click();
const idOf = (page: Page) => /mailings\/([0-9a-f-]{36})/.exec(page.url())?.[1] ?? '';

describe('a mailing', () => {
  it('is made, checked, confirmed, paused, resumed and cancelled by its buttons', async () => {
    const page = await open('/mailings');
    await page.getByRole('button', { name: 'New mailing' }).first().click();
    await page.getByLabel('Title').fill('Films of the week');
    await page.getByLabel('Template').selectOption('welcome');
    await page.getByRole('button', { name: 'Go on' }).click();
    await page.getByRole('checkbox', { name: /^staff/ }).check();
    await page.getByRole('button', { name: 'Save and check' }).click();
    await page.getByText('The template needs a value for film.').waitFor();
    expect(await page.getByRole('button', { name: /^Confirm/ }).count()).toBe(0);
    await page.getByRole('link', { name: 'Back to the draft' }).click();
    await page.getByLabel('film').fill('Stalker');
    await page.getByRole('button', { name: 'Save and check' }).click();
    await page.getByText('This goes to 1,000 people.').waitFor();
    const sample = page.frameLocator('.sample iframe').first();
    expect(await sample.locator('body').textContent()).toMatch(/Hello .+, see Stalker\./);
    await page.getByRole('button', { name: /^Confirm/ }).click();
    expect(await page.locator('dialog').textContent()).toContain('1,000 people');
    await answer(page, 'yes');
    await page.getByText('It is confirmed, and goes to 1,000 people.').waitFor();

    const id = idOf(page);
    await adopt(lab.db, id, { chunks: [['a', 'b', 'c', 'd']] });
    await count(lab.db, id, 0, 'sent', '', 3);
    // Nobody reloads: the page follows.
    await page.locator('.numbers', { hasText: 'Planned' }).getByText('3', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Pause' }).click();
    expect(await page.locator('dialog').textContent()).toContain('the 1 person who has not got it yet');
    await answer(page, 'yes');
    await page.getByText('pausing…').waitFor();
    await setState(lab.db, id, 'paused');
    await page.getByText('pausing…').waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Resume' }).click();
    await answer(page, 'yes');
    await page.getByText('resuming…').waitFor();
    await setState(lab.db, id, 'running');
    await page.getByText('resuming…').waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Cancel the mailing' }).click();
    await answer(page, 'no');
    expect(await lab.db.selectFrom('holds').selectAll().where('request_id', '=', id).execute()).toEqual([]);
    await page.getByRole('button', { name: 'Cancel the mailing' }).click();
    await answer(page, 'yes');
    await page.getByText('cancelling…').waitFor();
    await setState(lab.db, id, 'cancelled');
    await count(lab.db, id, 0, 'skipped', 'cancelled', 1);
    await page.getByText('balanced').waitFor();
    expect(await page.getByText('Never planned').count()).toBe(1);
    await page.context().close();
  });

  it('tells while the form is filled in when it goes, and asks for what another template needs', async () => {
    const id = await makeDraft(sender, { template_id: 'plain' });
    const page = await open(`/mailings/${id}/edit`);
    expect(await page.getByLabel('Cron expression').isVisible()).toBe(false);
    await page.getByLabel('again and again').check();
    await page.getByLabel('Time zone').fill('Europe/Berlin');
    await page.locator('#times li').nth(4).waitFor();
    await page.getByLabel('How often').selectOption('custom');
    await page.getByLabel('Cron expression').fill('* * * * *');
    await page.getByText('5 min is as often as it may').waitFor();
    await page.getByLabel('once, at a time').check();
    await page.getByLabel('Date and time').fill('2027-03-28T02:30');
    await page.getByText('Take 2027-03-28 01:59 or 2027-03-28 03:00.').waitFor();
    expect(await page.getByLabel('film').count()).toBe(0);
    await page.getByLabel('Template', { exact: true }).selectOption('welcome');
    await page.getByLabel('film').waitFor();
    await page.context().close();
  });

  it('takes a file with people and says what was wrong with another', async () => {
    const id = await makeDraft(sender);
    const toFile = (name: string, text: string) => ({ name, mimeType: 'text/csv', buffer: Buffer.from(text) });
    const many = Array.from({ length: 30_000 }, (_, number) => toUserId(number));
    const good = toFile('good.csv', `name;user_id\n${many.map((one) => `x;${one}`).join('\n')}\nx;${toUserId(1)}\n`);
    const bad = toFile('bad.csv', 'user_id\nu-1\njane doe\n');
    const page = await open(`/mailings/${id}/edit`);
    await page.getByLabel('Or a file with user ids').setInputFiles(bad);
    await page.getByText('1 of 2 rows has no usable id, so nothing was stored.').waitFor();
    await page.getByText('Line 3: “jane doe”, an id has no blanks').waitFor();
    await page.getByLabel('Or a file with user ids').setInputFiles(good);
    await page.getByText('30,000 people are in this draft.').waitFor();
    await page.getByText('1 were there already or came twice').waitFor();
    await page
      .getByText('Separator: semicolon. The first row is the header. The ids are in column 2 (user_id).')
      .waitFor();
    // The page has the new revision: it can be saved without having been loaded again.
    await page.getByRole('button', { name: 'Save and check' }).click();
    await page.getByText('This goes to 30,000 people.').waitFor();
    await page.context().close();
  });
});

describe('a file that is not clear', () => {
  const file = { name: 'people.csv', mimeType: 'text/csv' };
  const someone = toUserId(5);
  const other = toUserId(6);

  it.each(Object.keys(looks) as Look[])(
    'is asked about, and its unknown people can be left out, in the look %s',
    async (look) => {
      const id = await makeDraft(sender);
      const page = await open(`/mailings/${id}/edit`, look);
      const text = `id,name,Kunde\n1,"Ada, L",${someone}\n2,Bob,12345\n3,Cleo,${other}\n`;
      await page.getByLabel('Or a file with user ids').setInputFiles({ ...file, buffer: Buffer.from(text) });
      await page.getByText('It is not clear how this file is to be read').waitFor();
      await page.getByRole('button', { name: 'Store these people' }).click();
      await page.getByText('Choose both, then store the people.').waitFor();
      await keepPicture(page, `upload-asked-${look}`);
      expect(await findBarriers(page)).toEqual([]);
      expect(await sidewaysPixels(page)).toBe(0);
      await page.getByLabel('The user ids are in').selectOption('column 3: Kunde');
      await page.getByLabel('The first row is').selectOption('a header');
      await page.getByRole('button', { name: 'Store these people' }).click();
      await page.getByText('1 of 3 people is unknown to the user service, so nothing was stored.').waitFor();
      await page.getByText('Line 3: “12345”, the user service does not know this id').waitFor();
      await keepPicture(page, `upload-unknown-${look}`);
      expect(await findBarriers(page)).toEqual([]);
      await page.getByRole('button', { name: 'Leave this one out and store the others' }).click();
      await page
        .getByText('3 rows read: 2 people are new, 1 left out because the user service does not know them.')
        .waitFor();
      await keepPicture(page, `upload-stored-${look}`);
      await page.context().close();
    },
  );

  it('is looked at again with another separator', async () => {
    const id = await makeDraft(sender);
    const page = await open(`/mailings/${id}/edit`);
    const text = `"Smith, Ann";${someone}\nJones, Bob;${other}\n`.replaceAll('"', '');
    await page.getByLabel('Or a file with user ids').setInputFiles({ ...file, buffer: Buffer.from(text) });
    await page.getByLabel('Separator').selectOption('semicolon');
    await page.getByText('column 2').waitFor({ state: 'attached' });
    await page.getByLabel('The user ids are in').selectOption('2');
    await page.getByLabel('The first row is').selectOption('a person');
    await page.getByRole('button', { name: 'Store these people' }).click();
    await page.getByText('2 people are in this draft.').waitFor();
    await page.context().close();
  });
});

describe('the pages', () => {
  const made: Record<string, string> = {};
  beforeAll(async () => {
    const people = findReachable(40).map(({ id }) => id);
    made.draft = await makeDraft(sender, { title: 'Summer sale' });
    const fields = {
      title: 'Summer sale',
      categories: ['vip', 'press'],
      people: people.join(' '),
      'context.film': 'Mirror',
    };
    await saveDraft(sender, made.draft, {
      ...fields,
      when: 'repeat',
      preset: 'weekly',
      preset_time: '09:30',
      weekday: '1',
    });
    const plain = { template_id: 'plain', people: people.join('\n') };
    made.running = await makeConfirmed(sender, { ...plain, title: 'New episodes of the series you watch, and more' });
    await adopt(lab.db, made.running, { chunks: [people] });
    await count(lab.db, made.running, 0, 'sent', '', 20);
    await count(lab.db, made.running, 0, 'failed', 'refused', 2);
    await count(lab.db, made.running, 0, 'skipped', 'no_consent', 3);
    await count(lab.db, made.running, 0, 'deferred', 'greylisted', 4);
    made.series = await makeConfirmed(sender, {
      ...plain,
      title: 'Weekly',
      when: 'repeat',
      preset: 'weekly',
      preset_time: '08:00',
      weekday: '2',
    });
    await adopt(lab.db, '00000000-0000-4000-8000-00000000000a', {
      seriesId: made.series,
      scheduledAt: new Date(),
      state: 'done',
      chunks: [people],
    });
    await count(lab.db, '00000000-0000-4000-8000-00000000000a', 0, 'sent', '', 40);
    await makeDraft(sender, { title: 'Not written yet', template_id: '' });
  });
  const paths = (): [string, string][] => [
    ['list', '/mailings'],
    ['list-empty', '/mailings?search=nothing-like-this'],
    ['new', '/mailings/new'],
    ['form', `/mailings/${made.draft}/edit`],
    ['check', `/mailings/${made.draft}/check`],
    ['live', `/mailings/${made.running}`],
    ['series', `/mailings/${made.series}`],
    ['behind', `/mailings/${made.running}/people?state=failed&reason=refused`],
    ['everybody', `/mailings/${made.running}/people`],
  ];

  it.each(Object.keys(looks) as Look[])('can be used by everybody, in the look %s', async (look) => {
    for (const [name, path] of paths()) {
      const page = await open(path, look);
      await keepPicture(page, `mailing-${name}-${look}`);
      expect(await findBarriers(page), path).toEqual([]);
      expect(await sidewaysPixels(page), path).toBe(0);
      await page.context().close();
    }
  });

  it('break no script', () => expect(faults).toEqual([]));
});
