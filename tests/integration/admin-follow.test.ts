import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AdminLab, startAdminLab, type Visitor } from '../support/admin-lab.ts';
import { findBarriers, sidewaysPixels } from '../support/axe.ts';
import { openWindow, startBrowser } from '../support/browser.ts';
import { addTemplate } from '../support/templates.ts';
import { openWriter, type Place, traceMessage, type Writer } from '../support/traced-message.ts';

let lab: AdminLab;
let writer: Writer;
let operator: Visitor;

beforeAll(async () => {
  lab = await startAdminLab();
  writer = await openWriter(lab);
  operator = await lab.logIn('operator');
  await addTemplate(lab.db, { templateId: 'welcome', text: 'x' });
});
afterAll(async () => {
  await writer?.stop();
  await lab?.stop();
});

const linkTo = ({ topic, partition, offset }: Place) => `href="/topics/${topic}/${partition}/${offset}"`;
const words = (html: string) => html.replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ');

describe('following', () => {
  it('finds all five records of a message that went through, among those of others', async () => {
    for (let n = 0; n < 20; n++) await traceMessage(lab, writer);
    const message = await traceMessage(lab, writer);
    for (let n = 0; n < 20; n++) await traceMessage(lab, writer);
    const html = await operator.page(`/follow?id=${message.notificationId}`);
    for (const [step, place] of Object.entries(message.places)) expect(html, step).toContain(linkTo(place));
    expect(html).toContain(`href="/notifications/${message.notificationId}"`);
    expect(html).toContain(`href="/people/${message.userId}"`);
    expect(words(html)).toMatch(/requested .* planned .* enriched .* rendered .* ended/);
    expect(words(html)).not.toContain('not yet');
  });

  it('shows a request with its record, its chunks, its numbers and messages to follow', async () => {
    const message = await traceMessage(lab, writer);
    const html = await operator.page(`/follow?id=${message.requestId}`);
    expect(html).toContain(linkTo(message.places.requested));
    expect(html).toContain(linkTo(message.places.planned));
    expect(words(html)).toContain('1 planned in 1 chunk');
    expect(words(html)).toContain('1 sent');
    expect(html).toContain(`href="/follow?id=${message.notificationId}"`);
    expect(html).toContain(`href="/follow?id=${message.chunkId}&amp;request=${message.requestId}"`);
  });

  it('shows a chunk by the request it is of', async () => {
    const message = await traceMessage(lab, writer);
    const html = await operator.page(`/follow?id=${message.chunkId}&request=${message.requestId}`);
    expect(html).toContain(linkTo(message.places.planned));
    expect(words(html)).toContain('number 0 of its request');
  });

  it('says of a message on its way how far it came, and what stands before it', async () => {
    const message = await traceMessage(lab, writer, { until: 'enriched' });
    const html = await operator.page(`/follow?id=${message.requestId}&user=${message.userId}`);
    expect(html).toContain(linkTo(message.places.enriched));
    expect(words(html)).toMatch(/not yet past the renderer: (\d+ before it|it is the next one), lag of the lane \d+/);
    expect(words(html)).toMatch(/rendered not there yet in \S+rendered.high, partition [01], from .* looked at/);
    expect(words(html)).toMatch(/ended not yet/);
    expect(html).toContain('not in the ledger yet');
    const byId = await operator.page(
      `/follow?id=${message.notificationId}&request=${message.requestId}&user=${message.userId}`,
    );
    expect(byId).toContain(linkTo(message.places.enriched));
  });

  it('finds the dead letter of a message that a stage put aside', async () => {
    const message = await traceMessage(lab, writer);
    const value = lab.codec.encode(lab.topics.requests, {
      request_id: message.notificationId,
      template_id: 'welcome',
      priority: 'high',
      is_promo: false,
      user_ids: [],
      user_categories: [],
      context: '{}',
      requested_at: Date.now(),
      scheduled_at: null,
      expires_at: null,
      test: null,
    });
    const place = await writer.raw(lab.topics.deadLetters.renderer.name, message.userId, value);
    await sql`update deliveries set state = 'failed', reason = 'dead_lettered', stage = 'renderer', rendered_at = null,
      rendered_partition = null, rendered_offset = null where notification_id = ${message.notificationId}`.execute(
      lab.db,
    );
    const html = await operator.page(`/follow?id=${message.notificationId}`);
    expect(html).toContain(linkTo(place));
    expect(words(html)).not.toContain('rendered.high');
  });

  it('says where and when it looked for what the ledger names and the topics do not have', async () => {
    const message = await traceMessage(lab, writer);
    const twoHoursAgo = new Date(Date.now() - 7_200_000);
    await sql`update deliveries set enriched_at = ${twoHoursAgo}, rendered_offset = 999999
      where notification_id = ${message.notificationId}`.execute(lab.db);
    const html = words(await operator.page(`/follow?id=${message.notificationId}`));
    expect(html).toMatch(
      /not found in \S+enriched.high, partition [01], from [\d:]+ to [\d:]+ UTC \(0 records looked at\)/,
    );
    expect(html).toContain('gone: the topic no longer keeps partition');
  });

  it('follows a request that the planner has not stored yet', async () => {
    const requestId = randomUUID();
    await sql`insert into accepted (request_id, api_key_id, body_hash) values (${requestId}, ${randomUUID()}, '')`.execute(
      lab.db,
    );
    const place = await writer.event(lab.topics.requests, 'somebody', {
      request_id: requestId,
      template_id: 'welcome',
      priority: 'low',
      is_promo: false,
      user_ids: ['somebody'],
      user_categories: [],
      context: '{}',
      requested_at: Date.now(),
      scheduled_at: null,
      expires_at: null,
      test: null,
    });
    const html = await operator.page(`/follow?id=${requestId}`);
    expect(html).toContain(linkTo(place));
    expect(words(html)).toContain('not yet past the planner');
  });

  it('looks no further than it says when the window holds more than it looks at', async () => {
    const message = await traceMessage(lab, writer, { until: 'planned' });
    const enriched = lab.topics.enriched.high.name;
    const place = message.places.planned;
    const producer = lab.kafka.producer({ allowAutoTopicCreation: false });
    await producer.connect();
    const messages = Array.from({ length: 5_000 }, () => ({ partition: place.partition, key: 'x', value: 'y' }));
    for (let n = 0; n < 5; n++) await producer.send({ topic: enriched, messages });
    await producer.disconnect();
    const html = words(await operator.page(`/follow?id=${message.requestId}&user=${message.userId}`));
    expect(html).toContain('20,000 records looked at, and this time held more');
  });

  it('tells what to do about an id that nobody knows, and what an id looks like', async () => {
    const unknown = await operator.get(`/follow?id=${randomUUID()}`);
    expect(unknown.status).toBe(404);
    expect(await unknown.text()).toContain('Neither the planner nor the ledger knows this id');
    const wrong = await operator.get('/follow?id=12');
    expect([wrong.status, await wrong.text()]).toEqual([422, expect.stringContaining('An id looks like')]);
    expect((await operator.get('/follow')).status).toBe(200);
  });

  it('is for operators', async () => {
    const viewer = await lab.logIn('viewer', 'support', 'sender');
    expect((await viewer.get(`/follow?id=${randomUUID()}`)).status).toBe(403);
  });

  it('has no barriers in light and dark, and fits a phone', async () => {
    const message = await traceMessage(lab, writer, { until: 'rendered' });
    const browser = await startBrowser();
    try {
      for (const look of ['light', 'dark', 'phone'] as const) {
        const window = await openWindow(browser, lab.url, operator.cookie, look);
        const page = await window.newPage();
        for (const path of [
          `/follow?id=${message.requestId}`,
          `/follow?id=${message.requestId}&user=${message.userId}`,
        ]) {
          await page.goto(path);
          expect(await findBarriers(page), `${path} ${look}`).toEqual([]);
          expect(await sidewaysPixels(page), `${path} ${look}`).toBe(0);
        }
        await window.close();
      }
    } finally {
      await browser.close();
    }
  });
});
