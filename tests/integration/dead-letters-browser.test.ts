// The pages of dead letters and of sending again in a real browser: choosing, confirming, watching, and that nobody is kept
// out. SCREENSHOTS=<folder> keeps pictures of every page.
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { writeDeadLetterCause } from '../../lib/kafka/headers.ts';
import { type AdminLab, startAdminLab, type Visitor } from '../support/admin-lab.ts';
import { addDelivery, addRequest } from '../support/admin-ledger.ts';
import { findBarriers, sidewaysPixels } from '../support/axe.ts';
import { type Look, looks, openWindow, startBrowser } from '../support/browser.ts';
import { eventually } from '../support/eventually.ts';
import { rendered } from '../support/ledger-lab.ts';

let lab: AdminLab;
let operator: Visitor;
let browser: Browser;
let requestId: string;
let notificationId: string;

beforeAll(async () => {
  lab = await startAdminLab();
  operator = await lab.logIn('operator');
  browser = await startBrowser();
  await putLetters();
  requestId = await addRequest(lab.db, { planned: 2 });
  const events = ['ada', 'bob'].map((userId) => rendered({ request_id: requestId, user_id: userId }));
  for (const event of events) {
    const end = { state: 'failed', reason: 'template_error', detail: 'html line 2', stage: 'renderer' } as const;
    await addDelivery(lab.db, event, { ...end, renderedAt: null });
  }
  notificationId = events[0]?.notification_id ?? '';
  const counter = { request_id: requestId, chunk_id: events[0]?.chunk_id ?? '', state: 'failed' as const, count: 2 };
  await lab.db
    .insertInto('counters')
    .values({ ...counter, reason: 'template_error' })
    .execute();
});
afterAll(async () => {
  await browser?.close();
  await lab?.stop();
});

async function putLetters(): Promise<void> {
  const producer = lab.kafka.producer({ allowAutoTopicCreation: false });
  await producer.connect();
  try {
    for (const [at, [stage, code, from]] of (
      [
        ['planner', 'not_avro', lab.topics.requests.name],
        ['planner', 'template_unknown', lab.topics.requests.name],
        ['renderer', 'bug', lab.topics.enriched.low.name],
      ] as const
    ).entries()) {
      const cause = writeDeadLetterCause({
        originalTopic: from,
        originalPartition: 1,
        originalOffset: '4711',
        errorCode: code,
        errorMessage:
          'Cannot read properties of undefined (reading ‘length’)\n    at render (services/renderer/render.ts:12:3)',
        stage,
        at: Date.now(),
      });
      const messages = [{ key: `5d3c1c54-7e0b-4f0e-9d7a-00000000000${at}`, value: '{"event": {}}', headers: cause }];
      await producer.send({ topic: lab.topics.deadLetters[stage].name, messages });
    }
  } finally {
    await producer.disconnect();
  }
}

const faults: string[] = [];
async function open(path: string, look: Look = 'light'): Promise<Page> {
  const window = await openWindow(browser, lab.url, operator.cookie, look);
  const page = await window.newPage();
  page.setDefaultTimeout(60_000);
  page.on('pageerror', (error) => faults.push(`${path}: ${error.message}`));
  page.on('console', (line) => {
    if (line.type() === 'error') faults.push(`${path}: ${line.text()}`);
  });
  await page.goto(path);
  return page;
}

it.each(Object.keys(looks) as Look[])('shows its pages to everybody: %s', async (look) => {
  const paths = [
    '/dead-letters',
    '/dead-letters?q=nothing-like-this',
    `/topics/${lab.topics.deadLetters.renderer.name}/0/0`,
    `/topics/${lab.topics.deadLetters.renderer.name}/1/0`,
    `/notifications/${notificationId}`,
    `/mailings/${requestId}/people?state=failed&reason=template_error`,
  ];
  for (const [at, path] of paths.entries()) {
    const page = await open(path, look);
    const again = page.getByText('Send again', { exact: false }).first();
    if (await again.isVisible()) await again.click();
    if (process.env.SCREENSHOTS) {
      await page.screenshot({ path: join(process.env.SCREENSHOTS, `letters-${at}-${look}.png`), fullPage: true });
    }
    expect(await findBarriers(page), path).toEqual([]);
    expect(await sidewaysPixels(page), path).toBe(0);
    await page.context().close();
  }
  expect(faults.filter((fault) => !/status of 404/.test(fault))).toEqual([]);
});

it('says how many are chosen, asks first, and shows the counts move without a reload', async () => {
  const page = await open('/dead-letters');
  const redrive = page.locator('[value="redrive"]');
  expect(await redrive.isDisabled()).toBe(true);
  await page.getByLabel('All on this page').check();
  expect(await redrive.textContent()).toBe('Redrive 3 chosen');
  await page.locator('[name="pick"]').first().uncheck();
  expect(await redrive.textContent()).toBe('Redrive 2 chosen');
  const watcher = await open('/dead-letters');
  await redrive.click();
  expect(await page.locator('dialog p').textContent()).toContain('2 of 3 on this page');
  await page.locator('dialog [value="yes"]').click();
  await page.getByText('2 dead letters are sent back in a moment').waitFor();
  await watcher.getByText('In the last ten minutes 2 went back').waitFor();
  await eventually(async () => (await watcher.locator('[data-live] tbody tr').count()) === 1, 'one cause is left');
  await page.context().close();
  await watcher.context().close();
});

it('sends again to a person from the journey, and says what came of it', async () => {
  const page = await open(`/notifications/${notificationId}`);
  await page.getByText('Send again…').click();
  await page.getByLabel('Template').selectOption('active');
  await page.getByLabel('Why').fill('the template is mended');
  await page.getByRole('button', { name: 'Send again', exact: true }).click();
  expect(await page.locator('dialog p').textContent()).toBe('This 1 message is sent again to 1 person.');
  await page.locator('dialog [value="yes"]').click();
  await page.getByText('the template is mended').waitFor();
  const command = await lab.db.selectFrom('delivery_commands').selectAll().executeTakeFirstOrThrow();
  expect(command).toMatchObject({ notification_id: notificationId, template_choice: 'active', kind: 'redrive' });
  await page.context().close();
});
