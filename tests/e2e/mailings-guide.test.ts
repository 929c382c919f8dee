// What docs/mailings.md tells a newcomer to do, done in a real browser on the whole system: write a template, look at it,
// test it, send it to a whole category, watch it balance, find one person's exact mail, and unsubscribe. The pictures of the
// guide are made here: SCREENSHOTS=docs/images npx vitest run --project e2e tests/e2e/mailings-guide.test.ts
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { looks, startBrowser } from '../support/browser.ts';
import { eventually } from '../support/eventually.ts';
import { type MailSink, startMailSink } from '../support/mail-sink.ts';
import { findPeople } from '../support/people.ts';
import { type System, startSystem } from '../support/system.ts';

let system: System;
let sink: MailSink;
let browser: Browser;
let window: BrowserContext;
let page: Page;

/** The guide's pictures show a mailing to 50,000; a fifth of it shows that the guide is right. */
const [category, audienceCount, underWayCount] = process.env.SCREENSHOTS
  ? ['press', 50_000, 8_000]
  : ['vip', 10_000, 1_000];
const shownCount = audienceCount.toLocaleString('en-US');
const audience = findPeople((user) => user.category === category, audienceCount);
const willing = audience.filter(({ email, promo_agree }) => email !== null && promo_agree);

beforeAll(async () => {
  sink = await startMailSink();
  system = await startSystem({ name: 'guide', infrastructure: 'shared', env: { SMTP_URL: sink.smtpUrl } });
  browser = await startBrowser();
  const baseURL = `http://127.0.0.1:${system.launched.ports.admin}`;
  window = await browser.newContext({ ...looks.light, baseURL, timezoneId: 'Europe/Berlin', locale: 'en-GB' });
  page = await window.newPage();
  page.setDefaultTimeout(60_000);
});

afterAll(async () => {
  await browser?.close();
  await system?.stop();
  await sink?.stop();
});

/** For the guide; only when somebody asks for the pictures. */
async function picture(name: string): Promise<void> {
  const folder = process.env.SCREENSHOTS;
  if (!folder) return;
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`) });
}

const html = `<h1>Five evenings for you, {{ first_name }}</h1>
<p>The new season is here, and we kept the first row for you.</p>
<p><a href="https://lumen.example/evenings">Choose the first one</a></p>`;

/** Writes into an editor as a person does, in place of what was there. */
async function write(part: 'html' | 'text', text: string): Promise<void> {
  await page.locator(`textarea[name=${part}] + .CodeMirror`).click();
  await page.keyboard.press('Control+A');
  await page.keyboard.insertText(text);
}

it('logs in', async () => {
  await page.goto('/');
  await page.getByLabel('Name').fill('admin');
  await page.getByLabel('Password').fill(system.launched.adminPassword);
  await picture('log-in');
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor();
});

it('writes a template, sees where a mistake is, and looks at it with a real person’s data', async () => {
  await page.getByRole('link', { name: 'Templates' }).first().click();
  await page.getByRole('button', { name: 'New template' }).click();
  await page.getByLabel('Title').fill('Five evenings');
  await page.getByLabel('Promotional').check();
  await page.getByLabel('Subject').fill('Five evenings for you, {{ first_name }}');
  await write('html', '<p>{% if %}</p>');
  await page.locator('[data-marks] .mark-fault').getByText('line 1').first().waitFor();
  await write('html', html);
  await page.locator('[data-marks]:empty').waitFor({ state: 'attached' });
  const preview = page.frameLocator('iframe[data-frame]');
  await preview.getByRole('heading', { name: /^Five evenings for you, .+/ }).waitFor();
  await picture('template');
  await page.getByRole('button', { name: 'Make the template' }).click();
  await page.getByRole('heading', { name: 'Five evenings', level: 1 }).waitFor();
});

it('sends a test to its own address, which asks nobody for consent', async () => {
  await page.getByRole('link', { name: 'Send a test' }).click();
  await page.getByLabel('Your e-mail address').fill('editor@lumen.example');
  await page.getByRole('button', { name: 'Send the test' }).click();
  await eventually(() => sink.mails.some(({ to }) => to === 'editor@lumen.example'), 'the test has come');
  await eventually(async () => {
    const state = page.locator('.pill-sent').first();
    return (await state.count()) > 0;
  }, 'the page says that it was sent');
});

it('makes a mailing to a category of people and checks it', async () => {
  await page.getByRole('link', { name: 'Mailings' }).first().click();
  await page.getByRole('button', { name: 'New mailing' }).first().click();
  await page.getByLabel('Title').fill('Five evenings, to the press');
  await page.getByLabel('Template').selectOption('five-evenings');
  await page.getByRole('button', { name: 'Go on' }).click();
  await page.getByRole('checkbox', { name: new RegExp(`^${category}`) }).check();
  await picture('mailing-form');
  await page.getByRole('button', { name: 'Save and check' }).click();
  await page.getByText(`${shownCount} people`).first().waitFor();
  await picture('mailing-check');
});

it('sends it, and sees it balance', async () => {
  const before = sink.mails.length;
  await page
    .getByRole('button', { name: /^(Confirm|Send)/ })
    .first()
    .click();
  await page.locator('dialog [value="yes"]').click();
  await eventually(() => sink.mails.length - before >= underWayCount, 'mails are on their way', 60_000);
  await picture('mailing-live');
  // Nobody reloads: the page follows by itself.
  await page.locator('.pill-done').first().waitFor({ timeout: 120_000 });
  await picture('mailing-done');
  const text = await page.locator('main').textContent();
  expect(text).toContain(shownCount);
  expect(text).toContain(willing.length.toLocaleString('en-US'));
  const mails = sink.mails.slice(before);
  expect(mails).toHaveLength(willing.length);
  expect(new Set(mails.map(({ to }) => to))).toEqual(new Set(willing.map(({ email }) => email)));
}, 240_000);

it('finds one person by address, and the exact mail that this person got', async () => {
  const person = willing[41];
  await page.getByRole('link', { name: 'People' }).first().click();
  await page
    .getByRole('searchbox')
    .first()
    .fill(person?.email ?? '');
  await page.keyboard.press('Enter');
  await page.getByRole('link', { name: 'Five evenings' }).first().click();
  await page.getByText('taken by the server').waitFor();
  await picture('journey');
  await page.getByRole('button', { name: 'The exact message' }).click();
  const mail = page.frameLocator('main iframe');
  await mail.getByRole('heading', { name: `Five evenings for you, ${person?.first_name}` }).waitFor();
  await picture('exact-message');
});

it('lets this person unsubscribe from the link in the mail, and support sees it', async () => {
  const person = willing[41];
  const link = await page.frameLocator('main iframe').locator('a[href*="/u/"]').first().getAttribute('href');
  const outside = await window.newPage();
  await outside.goto(link ?? '');
  await outside.getByRole('button').first().click();
  await outside.getByText(/no more promotional/i).waitFor();
  await outside.close();
  await page.goto(`/people/${person?.id}`);
  await page
    .getByText(/unsubscribed/i)
    .first()
    .waitFor();
});
