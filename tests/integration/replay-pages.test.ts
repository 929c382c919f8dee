// /replays in the admin pages: from the form over the dry run to the sending, who may do what, and how it looks.
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AdminLab, startAdminLab, type Visitor } from '../support/admin-lab.ts';
import { auditOf } from '../support/admin-ledger.ts';
import { findBarriers, sidewaysPixels } from '../support/axe.ts';
import { type Look, looks, openWindow, startBrowser } from '../support/browser.ts';
import {
  addDelivery,
  type ReplayLab,
  type StoredRequest,
  startReplayLab,
  storeRequest,
  toChunkRecord,
} from '../support/replay-lab.ts';

let lab: AdminLab;
let replays: ReplayLab;
let operator: Visitor;
let admin: Visitor;
let request: StoredRequest;

beforeAll(async () => {
  lab = await startAdminLab();
  replays = await startReplayLab(lab);
  operator = await lab.logIn('operator');
  admin = await lab.logIn('admin');
  request = await storeRequest(lab.db, ['ann', 'bob', 'cy']);
  await addDelivery(lab.db, request, 'ann', 'sent');
  await replays.produce(lab.topics.planned.low, [toChunkRecord(request)]);
});
afterAll(async () => {
  await replays?.stop();
  await lab?.stop();
});

const place = (answer: Response): string => answer.headers.get('location') ?? '';
const idOf = (answer: Response): string => place(answer).replace('/replays/', '');
const wish = () => ({ topic: 'planned.low', request: request.requestId });

async function count(visitor = operator): Promise<string> {
  const answer = await visitor.post('/replays/new', wish());
  expect(answer.status, await answer.text()).toBe(303);
  await replays.untilOver(idOf(answer));
  return idOf(answer);
}

describe('a replay', () => {
  it('counts first, and sends exactly what the dry run found', async () => {
    const id = await count();
    const counted = await operator.page(`/replays/${id}`);
    expect(counted).toContain('It would send to 2 people. Nothing was sent.');
    expect(counted).toContain('sent already');
    expect(counted).toContain('Send to 2 people');
    expect(await replays.published(lab.topics.planned.low, id)).toEqual([]);

    const answer = await operator.post(`/replays/${id}/execute`);
    const over = await replays.untilOver(idOf(answer));
    expect(over).toMatchObject({ mode: 'execute', requestedBy: operator.name, counts: { published: 2, sent: 1 } });
    const [published] = await replays.published(lab.topics.planned.low, over.replayId);
    expect(published?.user_ids).toEqual(['bob', 'cy']);
    expect(await operator.page(`/replays/${over.replayId}`)).toContain('2 people were published again.');
    expect(await auditOf(lab.db, `replay ${over.replayId}`)).toEqual([`${operator.name} replay.ordered`]);
    expect(await operator.page('/replays')).toContain(`/replays/${over.replayId}`);
    // Once executed it is over: neither it nor a running one can be executed.
    expect((await operator.post(`/replays/${over.replayId}/execute`)).status).toBe(409);
    expect(await (await operator.post(`/replays/${over.replayId}/cancel`)).status).toBe(303);
    expect((await replays.untilOver(over.replayId)).state).toBe('done');
  });

  it('is a row for each topic when everything is asked for', async () => {
    const answer = await operator.post('/replays/new', { topic: 'everything' });
    expect(place(answer)).toMatch(/^\/replays\/[0-9a-f-]{36}$/);
    expect((await replays.untilOver(idOf(answer))).topic).toBe(lab.topics.planned.low.name);
  });
});

describe('a second sending', () => {
  it('takes an admin, a reason and a choice of people', async () => {
    const id = await count();
    expect((await operator.post(`/replays/${id}/resend`, { reason: 'why not', ended: 'sent' })).status).toBe(403);
    expect(await operator.page(`/replays/${id}`)).not.toContain('Send again');
    expect(await admin.page(`/replays/${id}`)).toContain('1 person gets this message a second time, and 2 who never');
    const silent = await admin.post(`/replays/${id}/resend`, { reason: ' ', ended: 'sent' });
    expect([silent.status, await silent.text()]).toEqual([422, expect.stringContaining('Say why, in a few words')]);
    const nobody = await admin.post(`/replays/${id}/resend`, { reason: 'wrong link' });
    expect([nobody.status, await nobody.text()]).toEqual([422, expect.stringContaining('Choose who')]);

    const answer = await admin.post(`/replays/${id}/resend`, { reason: 'wrong link', ended: ['sent', 'unknown'] });
    const over = await replays.untilOver(idOf(answer));
    expect(over).toMatchObject({ mode: 'resend', reason: 'wrong link', counts: { resent: 1, published: 3 } });
    const command = await lab.db.selectFrom('delivery_commands').selectAll().executeTakeFirst();
    expect(command).toMatchObject({ kind: 'resend', reason: 'wrong link', requested_by: admin.name });
  });

  it('is not offered for a dry run without a request, a template or a person', async () => {
    const answer = await admin.post('/replays/new', { topic: 'planned.low' });
    await replays.untilOver(idOf(answer));
    expect(await admin.page(place(answer))).not.toContain('Send again');
    const refused = await admin.post(`${place(answer)}/resend`, { reason: 'everybody', ended: 'sent' });
    expect(refused.status).toBe(422);
  });
});

describe('the form', () => {
  it.each([
    [{ topic: 'nonsense' }, 'There is no topic &#39;nonsense&#39;'],
    [{ topic: 'planner.dlt' }, 'Dead letters are redriven'],
    [{ topic: 'outcomes' }, 'there is nothing in them to send'],
    [{ from: 'yesterday' }, '&#39;yesterday&#39; is none of'],
    [{ until: '9:12' }, 'has no partition 9'],
    [{ request: '17' }, 'A request is named by its id'],
    [{ template: 'No Such' }, 'by its short name'],
    [{ user: 'a b' }, 'A person is named by'],
    [{ priority: 'urgent' }, 'A priority is one of'],
    [{ rate: '0' }, 'a whole number from 1'],
    [{ from: 'end' }, 'No record stands between'],
    [{ topic: 'everything', from: '0:1' }, 'Offsets are those of one topic'],
  ])('says what is wrong with %j, and keeps what was typed', async (given, fault) => {
    const answer = await operator.post('/replays/new', { topic: 'planned.low', ...given });
    const text = await answer.text();
    expect(answer.status).toBe(422);
    expect(text).toContain(fault);
    const typed = Object.entries(given).find(([name]) => !['topic', 'priority'].includes(name))?.[1];
    if (typed) expect(text).toContain(`value="${typed}"`);
  });

  it('is for operators: others get neither the pages nor the buttons', async () => {
    const others = await lab.logIn('sender');
    const id = await count();
    for (const path of ['/replays', '/replays/new', `/replays/${id}`, `/replays/${id}/live`]) {
      expect((await others.get(path)).status, path).toBe(403);
    }
    for (const path of ['/replays/new', `/replays/${id}/execute`, `/replays/${id}/pause`]) {
      expect((await others.post(path, wish())).status, path).toBe(403);
    }
    expect((await operator.get('/replays/nothing')).status).toBe(404);
  });
});

describe('in the browser', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await startBrowser();
  });
  afterAll(() => browser?.close());

  it.each(Object.keys(looks) as Look[])('has no barriers and no sideways scrolling, %s', async (look) => {
    const id = await count(admin);
    const context = await openWindow(browser, lab.url, admin.cookie, look);
    const window = await context.newPage();
    for (const path of ['/replays', '/replays/new', `/replays/${id}`]) {
      await window.goto(path, { waitUntil: 'domcontentloaded' });
      expect(await findBarriers(window), path).toEqual([]);
      expect(await sidewaysPixels(window), path).toBe(0);
      const folder = process.env.TEST_PICTURES;
      if (folder)
        await window.screenshot({
          path: `${folder}/${look}${path.replaceAll('/', '-').slice(0, 14)}.png`,
          fullPage: true,
        });
    }
    await context.close();
  });

  it('asks with the number of people before it sends, and shows the numbers as they move', async () => {
    const fresh = await storeRequest(lab.db, ['dee']);
    await replays.produce(lab.topics.planned.low, [toChunkRecord(fresh)]);
    const context = await openWindow(browser, lab.url, operator.cookie);
    const window = await context.newPage();
    await window.goto('/replays/new');
    await window.getByLabel('Topic').selectOption('planned.low');
    await window.getByLabel('Request').fill(fresh.requestId);
    await window.getByRole('button', { name: 'Count, send nothing' }).click();
    await window.getByText('It would send to 1 person.').waitFor();
    await window.getByRole('button', { name: 'Send to 1 person' }).click();
    await window.getByText('1 person will be sent what they never got.').waitFor();
    await window.getByRole('dialog').getByRole('button', { name: 'Send' }).click();
    await window.getByText('1 person was published again.').waitFor();
    await context.close();
  });
});
