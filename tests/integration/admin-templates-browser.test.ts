// A template's life in a real browser: written, marked, previewed, saved, compared, rolled back, sent to oneself.
import { mkdirSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startUserMock, type UserMock } from '../../user-mock/app.ts';
import { type AdminLab, startAdminLab, type Visitor } from '../support/admin-lab.ts';
import { findBarriers, sidewaysPixels } from '../support/axe.ts';
import { type Look, looks, openWindow, startBrowser } from '../support/browser.ts';
import { eventually } from '../support/eventually.ts';
import { findReachable } from '../support/people.ts';
import { type RequestReader, readRequests } from '../support/request-reader.ts';

let lab: AdminLab;
let users: UserMock;
let browser: Browser;
let editor: Visitor;
let reader: RequestReader;
beforeAll(async () => {
  users = await startUserMock({ port: 0, host: '127.0.0.1' });
  lab = await startAdminLab(users.url);
  editor = await lab.logIn('sender');
  [browser, reader] = await Promise.all([startBrowser(), readRequests(lab)]);
});
afterAll(async () => {
  await Promise.all([browser?.close(), reader?.stop()]);
  await lab?.stop();
  await users?.stop();
});

const shots = process.env.SCREENSHOTS_DIR;
const shoot = async (page: Page, name: string) => {
  if (!shots) return;
  mkdirSync(shots, { recursive: true });
  await page.screenshot({ path: `${shots}/${name}.png`, fullPage: true });
};
/** Replaces what is in the code editor of a part. */
const write = async (page: Page, part: 'html' | 'text', text: string) => {
  const code = page.locator(`textarea[name=${part}] + .CodeMirror`);
  await code.click();
  await page.keyboard.press('ControlOrMeta+a');
  await page.keyboard.insertText(text);
};
const focused = "document.activeElement.getAttribute('aria-label')";
const frame = (page: Page) => page.frameLocator('iframe[data-frame]');
const boxOf = (page: Page) => page.locator('[data-frame-wrap]').boundingBox();

describe('a template', () => {
  it('lives its whole life in the pages', async () => {
    const window = await openWindow(browser, lab.url, editor.cookie);
    const page = await window.newPage();
    page.setDefaultTimeout(60_000);
    const alarms: string[] = [];
    page.on('pageerror', (error) => alarms.push(error.message));
    page.on('dialog', (dialog) => {
      if (dialog.type() !== 'beforeunload') alarms.push(dialog.message());
      void dialog.accept();
    });

    // Who types before the page's script has come loses nothing.
    const typed = Promise.withResolvers<void>();
    await page.route('**/assets/template-new.js', async (route) => {
      await typed.promise;
      await route.continue();
    });
    await page.goto('/templates');
    await page.getByRole('button', { name: 'New template' }).click();
    await page.getByLabel('Title').fill('Привет, Élodie');
    typed.resolve();
    await page.getByPlaceholder('privet-elodie').waitFor();
    await page.getByLabel('Subject').fill('Hello {{ first_name }}');

    // A mistake is marked where it is, while one types.
    await write(page, 'html', '<h1>Hello {{ first_name }}</h1>\n<p>{{ city }}</p>\n{% if %}');
    await page.getByText('Error, HTML line 3, column 6:').waitFor();
    expect(await page.locator('.gutter-fault').count()).toBe(1);
    await shoot(page, 'template-error-light');
    await page.getByRole('button', { name: 'Make the template' }).click();
    await page.getByText('It was not saved. HTML, line 3, column 6').waitFor();

    // What only the context can give is warned of, and known once it is given.
    await write(page, 'html', '<h1>Hello {{ first_name }}</h1>\n<p>{{ city }}</p>\n<script>alert("ran")</script>');
    await page.getByText('Warning, HTML line 2, column 7:').waitFor();
    expect(await page.locator('[data-marks]').textContent()).toContain('“city” is none of the variables offered');
    await page.getByLabel('Context of the request').fill('{"city": "Ulm"}');
    await page.locator('[data-marks]:empty').waitFor({ state: 'attached' });
    await frame(page).getByText('Ulm').waitFor();

    // A chosen person's data; a phone's width; the text part.
    const [person] = findReachable(1, 20);
    await page.getByLabel('With the data of').fill(person?.id ?? '');
    await frame(page).getByText(`Hello ${person?.first_name}`).waitFor();
    await page.getByLabel('Phone').check();
    expect((await boxOf(page))?.width).toBe(377);
    expect(await frame(page).locator('html').evaluate('innerWidth')).toBe(375);
    await page.getByLabel('Desktop').check();
    expect(await frame(page).locator('html').evaluate('innerWidth')).toBeGreaterThanOrEqual(720);
    await page.getByRole('radio', { name: 'Text' }).check();
    expect(await page.locator('[data-text]').textContent()).toContain('Ulm');
    await page.getByRole('radio', { name: 'HTML' }).check();
    await page.getByRole('button', { name: 'Make the template' }).click();
    await page.waitForURL('**/templates/privet-elodie');

    // A second version, compared with the first, then rolled back.
    await frame(page).getByText('Hello').waitFor();
    await write(page, 'html', '<h1>Good day {{ first_name }}</h1>\n<p>Nothing else</p>');
    await frame(page).getByText('Good day').waitFor();
    await page.getByRole('button', { name: 'Save as a new version' }).click();
    await page.getByText('Saved as version 2. New requests get it from now on.').waitFor();
    await page.getByRole('link', { name: 'Versions' }).click();
    await page.getByRole('button', { name: 'Compare', exact: true }).click();
    expect(await page.locator('.diff ins').first().textContent()).toContain('+ <h1>Good day {{ first_name }}</h1>');
    await page.getByRole('link', { name: 'Versions' }).click();
    await page.getByRole('button', { name: 'Roll back to this one' }).click();
    await page.getByText('New requests get version 1 in place of version 2.').waitFor();
    await page.locator('dialog button.danger').click();
    await page.getByText('Version 1 is in use').waitFor();

    // To oneself: the version that is not in use.
    await page.getByRole('link', { name: 'Send a test' }).nth(1).click();
    await page.getByLabel('Your e-mail address').fill('me@example.com');
    await page.getByRole('button', { name: 'Send the test' }).click();
    await page.getByText('Version 2 is on its way to me@example.com.').waitFor();
    await page.getByText('It waits for the planner.').waitFor();
    const requestId = page.url().split('/').at(-1) ?? '';
    const isTest = ({ event }: RequestReader['published'][number]) => event.request_id === requestId;
    await eventually(() => reader.published.some(isTest), 'the record is in the topic');
    expect(reader.published.filter(isTest).map(({ event }) => event.test)).toEqual([
      { address: 'me@example.com', template_version: 2 },
    ]);
    await lab.db
      .insertInto('requests')
      .values({
        request_id: requestId,
        body_hash: Buffer.alloc(32),
        state: 'rejected',
        detail: 'for a reason of this test',
        template_id: 'privet-elodie',
        priority: 'high',
        is_promo: false,
        context: '{}',
        requested_at: new Date(),
      } as never)
      .execute();
    await page.getByText('The planner has refused it: for a reason of this test').waitFor();
    expect(alarms).toEqual([]);
    await window.close();
  });

  it('can be written by keyboard alone: the Tab key leaves the editors', async () => {
    const window = await openWindow(browser, lab.url, editor.cookie);
    const page = await window.newPage();
    page.setDefaultTimeout(60_000);
    await page.goto('/templates/privet-elodie');
    await page.locator('.CodeMirror').first().waitFor();
    await page.getByLabel('Address for answers').focus();
    const labels: (string | null)[] = [];
    for (let n = 0; n < 2; n++) {
      await page.keyboard.press('Tab');
      labels.push(await page.evaluate<string | null>(focused));
    }
    expect(labels).toEqual(['HTML of the e-mail', 'Text of the e-mail']);
    await page.keyboard.press('Shift+Tab');
    expect(await page.evaluate<string | null>(focused)).toBe('HTML of the e-mail');
    await page.keyboard.insertText('x');
    await page.keyboard.press('ControlOrMeta+s');
    await page.getByText('Saved as version 3').waitFor();
    await window.close();
  });

  it('never runs its script, nor one in a name, in the browser of whoever looks at it', async () => {
    const name = '<img src=x onerror=alert(1)>';
    const hostile = { subject: name, html: `<script>alert(1)</script>${name}<a href="/logout">x</a>{{ evil }}` };
    const fields = {
      title: name,
      template_id: 'hostile',
      channel: 'email',
      kind: 'common',
      text: name,
      from_name: name,
    };
    await editor.post('/templates/new', { ...fields, ...hostile });
    await editor.post('/templates/hostile', { base: '1', ...hostile, text: `${name} two`, from_name: name });
    const window = await openWindow(browser, lab.url, editor.cookie);
    const page = await window.newPage();
    page.setDefaultTimeout(60_000);
    const alarms: string[] = [];
    page.on('dialog', (dialog) => {
      if (dialog.type() !== 'beforeunload') alarms.push(page.url());
      void dialog.accept();
    });
    for (const path of ['', '/versions', '/versions/1', '/difference?from=1&to=2', '/settings', '/test']) {
      await page.goto(`/templates/hostile${path}`);
      expect(await page.locator('h1').textContent()).toBe(name);
      expect(await page.locator('main img').count()).toBe(0);
    }
    await page.goto('/templates/hostile');
    await page.getByLabel('Context of the request').fill(JSON.stringify({ evil: '<img src=x onerror=alert(2)>' }));
    await frame(page).getByText('<img src=x onerror=alert(2)>').waitFor();
    await page.goto('/templates');
    await page.getByRole('link', { name }).waitFor();
    expect(alarms).toEqual([]);
    await window.close();
  });

  it('shows the length and the parts of an SMS while it is written', async () => {
    const window = await openWindow(browser, lab.url, editor.cookie);
    const page = await window.newPage();
    page.setDefaultTimeout(60_000);
    await page.goto('/templates/new?channel=sms');
    await page.getByLabel('Title').fill('Code');
    await write(page, 'text', 'Your code is 1234');
    await page.getByText('17 characters, 1 part in GSM-7; 143 more fit into the last one.').waitFor();
    await write(page, 'text', `${'я'.repeat(71)}`);
    await page.getByText('71 characters, 2 parts in UCS-2').waitFor();
    await shoot(page, 'template-sms');
    await page.getByLabel('Kind').selectOption('monthly_personal_statistic');
    await page.getByText('Variables to use').click();
    await page.getByRole('button', { name: 'films_month_count' }).click();
    await eventually(
      async () => /я\d+$/.test((await page.locator('[data-text]').textContent()) ?? ''),
      'the variable is in the preview',
    );
    await window.close();
  });
});

describe('the pages of templates', () => {
  const pages = [
    '/templates',
    '/templates/new',
    '/templates/new?channel=sms',
    '/templates/hostile',
    '/templates/privet-elodie',
  ].concat(
    ['/versions', '/versions/1', '/difference?from=1&to=2', '/settings', '/test'].map(
      (path) => `/templates/privet-elodie${path}`,
    ),
  );

  it.each(Object.keys(looks) as Look[])('say where a bad link and a mark of another system stand: %s', async (look) => {
    const window = await openWindow(browser, lab.url, editor.cookie, look);
    const page = await window.newPage();
    page.setDefaultTimeout(60_000);
    await page.goto('/templates/new');
    const html = '<p>Dear *|FNAME|*,</p>\n<a href="tel:">Call</a> or <a href="javascript:x">write</a>\n[unsubscribe]';
    await write(page, 'html', html);
    const marks = page.locator('[data-marks]');
    for (const place of ['line 2, column 4', 'line 2, column 31', 'line 1, column 9', 'line 3, column 1'])
      await marks.getByText(place).waitFor();
    expect(await marks.textContent()).toContain('“*|FNAME|*” looks like a mark of Mailchimp');
    await shoot(page, `template-marks-${look}`);
    expect(await findBarriers(page)).toEqual([]);
    expect(await sidewaysPixels(page)).toBe(0);
    await window.close();
  });

  it.each(Object.keys(looks) as Look[])('can be used by everybody, and fit: %s', async (look) => {
    const window = await openWindow(browser, lab.url, editor.cookie, look);
    const page = await window.newPage();
    page.setDefaultTimeout(60_000);
    const tests = await lab.db.selectFrom('test_sends').select('request_id').execute();
    for (const path of [...pages, `/templates/privet-elodie/test/${tests[0]?.request_id}`]) {
      await page.goto(path);
      expect(await page.locator('h1').textContent()).not.toBe('Not found');
      if (await page.locator('form[data-editor]').count())
        await page
          .locator('section.preview:not(.stale) [data-note]')
          .filter({ hasText: /data of|values/ })
          .waitFor();
      await shoot(page, `${look}${path.replace(/[^a-z0-9]+/g, '-').slice(0, 60)}`);
      expect(await findBarriers(page), path).toEqual([]);
      expect(await sidewaysPixels(page), path).toBe(0);
    }
    await window.close();
  });
});
