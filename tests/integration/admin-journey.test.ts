import { createHmac, randomUUID } from 'node:crypto';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { partitioner } from '../../lib/kafka/client.ts';
import { type AdminLab, startAdminLab, type Visitor } from '../support/admin-lab.ts';
import { addDelivery, addMessage, addRequest, auditOf } from '../support/admin-ledger.ts';
import { findBarriers, sidewaysPixels } from '../support/axe.ts';
import { type Look, looks, openWindow, startBrowser } from '../support/browser.ts';
import { rendered } from '../support/ledger-lab.ts';
import { addTemplate } from '../support/templates.ts';

let lab: AdminLab;
let support: Visitor;
beforeAll(async () => {
  lab = await startAdminLab();
  support = await lab.logIn('support');
  await addTemplate(lab.db, { templateId: 'welcome', html: 'Hello' });
});
afterAll(() => lab?.stop());

const journeyOf = (event: { notification_id: string }) => `/notifications/${event.notification_id}`;
const messageOf = (event: { notification_id: string }) => `${journeyOf(event)}/message`;

describe('the journey', () => {
  it('names every stage with the time spent in it, the answer, and where the record lies', async () => {
    const now = Date.now();
    const times = { planned_at: now + 20, enriched_at: now + 70, rendered_at: now + 1_270 };
    const event = await addDelivery(lab.db, rendered({ requested_at: now, ...times }), {
      detail: '250 2.0.0 Ok: queued as 4XyZ',
      renderedAt: { partition: 1, offset: 41 },
    });
    const operator = await lab.logIn('operator');
    const text = await operator.page(journeyOf(event));
    const spent = [...text.matchAll(/class="spent">([^<]*)</g)].map((match) => match[1]);
    expect(spent).toEqual(['', '20 ms', '50 ms', '1.2 s', '100 ms', '900 ms']);
    expect(text).toContain('250 2.0.0 Ok: queued as 4XyZ');
    const { name } = lab.topics.rendered.low;
    expect(text).toContain(`href="/topics/${name}/1/41"`);
    expect(text).toContain(`href="/people/${event.user_id}"`);
    const seenBySupport = await support.page(journeyOf(event));
    expect([seenBySupport.includes(`/topics/`), seenBySupport.includes('offset 41')]).toEqual([false, true]);
    expect(await auditOf(lab.db, `notification ${event.notification_id}`)).toEqual([
      `${operator.name} journey.opened`,
      `${support.name} journey.opened`,
    ]);
  });

  it('says why it was not sent, and what to do', async () => {
    const event = await addDelivery(lab.db, rendered(), {
      state: 'failed',
      reason: 'template_error',
      detail: 'line 3, column 7: filter "upcas" is not known',
      stage: 'renderer',
      renderedAt: null,
    });
    const text = await support.page(journeyOf(event));
    expect(text).toContain('The template could not be filled in');
    expect(text).toContain('Mend the template, then send again.');
    expect(text).toContain('line 3, column 7');
    expect(text).not.toContain(messageOf(event));
  });

  it('says what was reported after it was sent, and what follows from it', async () => {
    const event = await addDelivery(lab.db, rendered(), {});
    const report = { notification_id: event.notification_id, address: event.address };
    const passing = {
      feedback_id: randomUUID(),
      type: 'bounce' as const,
      status: '4.2.2',
      happened_at: new Date(1e12),
    };
    const lasting = { feedback_id: randomUUID(), type: 'complaint' as const, happened_at: new Date() };
    await lab.db
      .insertInto('feedback')
      .values([
        { ...report, ...passing },
        { ...report, ...lasting },
      ])
      .execute();
    const text = await support.page(journeyOf(event));
    const at = (what: string): number => text.indexOf(what);
    expect(at('It bounced')).toBeGreaterThan(0);
    expect(at('4.2.2')).toBeGreaterThan(at('It bounced'));
    expect(at('nothing follows from it')).toBeGreaterThan(at('4.2.2'));
    expect(at('The recipient complained')).toBeGreaterThan(at('nothing follows from it'));
    expect(at('Nothing more is sent to this address')).toBeGreaterThan(at('The recipient complained'));
  });

  it('says until when it waits, and whether only because its mailing is paused', async () => {
    const waitFor = async (resumeAt: Date | null) => {
      const event = await addDelivery(lab.db, rendered(), { state: 'deferred', reason: 'greylisted', attempt: 2 });
      await lab.db
        .insertInto('waiting')
        .values({
          notification_id: event.notification_id,
          request_id: event.request_id,
          month: new Date().toISOString().slice(0, 8).concat('01'),
          priority: 'low',
          due_at: new Date('2026-11-24T10:11:12Z'),
          attempt: 2,
          reason: 'greylisted',
          key: event.user_id,
          value: Buffer.from('x'),
          rendered_partition: 0,
          rendered_offset: 0,
          resume_at: resumeAt,
        })
        .execute();
      return support.page(journeyOf(event));
    };
    const greylisted = await waitFor(null);
    expect(greylisted).toContain('2026-11-24 10:11:12 UTC');
    expect(greylisted).toContain('This was tried 2 times.');
    expect(await waitFor(new Date())).toContain('It waits because its mailing is paused');
  });

  it('says who has it now, and when a dispatcher did not finish within its lease', async () => {
    const claimed = (leaseUntil: Date) => addDelivery(lab.db, rendered(), { state: 'claimed', leaseUntil });
    const alive = await claimed(new Date(Date.now() + 40_000));
    expect(await support.page(journeyOf(alive))).toContain('A dispatcher has it now');
    const dead = await claimed(new Date(Date.now() - 40_000));
    expect(await support.page(journeyOf(dead))).toContain('did not finish within its lease');
  });

  it('names the mailing it belongs to', async () => {
    const requestId = await addRequest(lab.db, { origin: 'mailing' });
    await lab.db.insertInto('mailings').values({ mailing_id: requestId, title: 'Films of November' }).execute();
    const event = await addDelivery(lab.db, rendered({ request_id: requestId }));
    expect(await support.page(journeyOf(event))).toContain(`<a href="/mailings/${requestId}">Films of November</a>`);
  });

  it('is for those who may see people, and only of notifications that exist', async () => {
    const event = await addDelivery(lab.db, rendered());
    const editor = await lab.logIn('editor', 'viewer');
    for (const path of [journeyOf(event), messageOf(event), `${messageOf(event)}/html`]) {
      expect((await editor.get(path)).status, path).toBe(403);
    }
    expect((await support.get(`/notifications/${randomUUID()}`)).status).toBe(404);
    expect((await support.get('/notifications/nonsense')).status).toBe(404);
    expect(await auditOf(lab.db, `notification ${event.notification_id}`)).toEqual([]);
  });
});

describe('the exact message', () => {
  it('is read back from the topic, with the header that it was sent with', async () => {
    const url = 'https://post.example/u/abc.0123456789abcdef0123456789abcdef';
    const event = await addMessage(lab, {
      subject: 'Ваши фильмы за ноябрь',
      text: 'Seven films & one more',
      html: '<p>Seven films</p>',
      from_name: 'Lumen',
      is_promo: true,
      unsubscribe_url: url,
    });
    const text = await support.page(messageOf(event));
    expect(text).toContain('Ваши фильмы за ноябрь');
    expect(text).toContain(`&lt;${event.notification_id}@example.com&gt;`);
    expect(text).toContain('Lumen &lt;no-reply@example.com&gt;');
    expect(text).toContain(`&lt;${url}&gt;`);
    expect(text).toContain('Seven films &amp; one more');
    expect(await auditOf(lab.db, `notification ${event.notification_id}`)).toEqual([`${support.name} message.opened`]);
  });

  it('is an SMS as a telephone shows it', async () => {
    const event = await addMessage(lab, { channel: 'sms', address: '+999551112223', text: 'Episode 4\nis out' });
    expect(await support.page(messageOf(event))).toContain('<p class="bubble">Episode 4\nis out</p>');
  });

  it('serves its HTML apart, where nothing can run, to whoever has just opened the page and nobody else', async () => {
    const html = '<h1>Hello</h1><script>top.x=1</script>';
    const event = await addMessage(lab, { html });
    const frame = /<iframe[^>]* src="([^"]+)"/.exec(await support.page(messageOf(event)))?.[1] ?? '';
    const answer = await support.get(frame);
    expect(await answer.text()).toBe(html);
    const policy = answer.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("sandbox; default-src 'none'; img-src https: data:; style-src 'unsafe-inline'");
    expect((await support.get(frame.split('?')[0] ?? '')).status).toBe(403);
    expect((await support.get(`${frame}x`)).status).toBe(403);
    expect((await (await lab.logIn('support')).get(frame)).status).toBe(403);
    const passUntil = async (untilMs: number) => {
      const text = `posthorn frame 1\n${await support.csrf()}\n${event.notification_id}\n${untilMs}`;
      return `${untilMs}.${createHmac('sha256', lab.config.secret).update(text).digest('base64url')}`;
    };
    const withPass = async (untilMs: number) =>
      (await support.get(`${messageOf(event)}/html?pass=${await passUntil(untilMs)}`)).status;
    expect([await withPass(Date.now() + 60_000), await withPass(Date.now() - 1)]).toEqual([200, 403]);
    const other = await addMessage(lab, { html });
    expect((await support.get(frame.replace(event.notification_id, other.notification_id))).status).toBe(403);
  });

  it('of a confidential template shows nothing but the fact, and the opening is written down all the same', async () => {
    await addTemplate(lab.db, { templateId: 'secret', html: 'x' });
    await lab.db.updateTable('templates').set({ confidential: true }).where('template_id', '=', 'secret').execute();
    const hidden = { subject: 'Code 4711', text: 'Your code is 4711', html: '<p>Code 4711</p>' };
    const event = await addMessage(lab, { template_id: 'secret', ...hidden });
    const admin = await lab.logIn('admin');
    const text = await admin.page(messageOf(event));
    expect(text).toContain('The template is confidential');
    expect([text.includes('4711'), text.includes('<iframe')]).toEqual([false, false]);
    expect((await admin.get(`${messageOf(event)}/html`)).status).toBe(403);
    expect(await auditOf(lab.db, `notification ${event.notification_id}`)).toEqual([`${admin.name} message.opened`]);
  });

  it('says that the topic no longer has it, or has something else at its place, or never had it', async () => {
    const gone = await addDelivery(lab.db, rendered(), { renderedAt: { partition: 0, offset: 7_000 } });
    expect(await support.page(messageOf(gone))).toContain('The topic keeps messages for 7 days');
    const there = await addMessage(lab, {});
    const { rendered_partition: partition, rendered_offset: offset } = await lab.db
      .selectFrom('deliveries')
      .select(['rendered_partition', 'rendered_offset'])
      .where('notification_id', '=', there.notification_id)
      .executeTakeFirstOrThrow();
    const place = { partition: partition ?? 0, offset: offset ?? 0 };
    const other = await addDelivery(lab.db, rendered(), { renderedAt: place });
    const text = await support.page(messageOf(other));
    expect(text).toContain('another message lies at its place');
    expect(text).not.toContain(there.address);
    const never = await addDelivery(lab.db, rendered(), { state: 'skipped', reason: 'no_consent', renderedAt: null });
    expect(await support.page(messageOf(never))).toContain('it ended before it was written');
  });

  it('says why when the record cannot be read', async () => {
    const topic = lab.topics.rendered.low.name;
    const producer = lab.kafka.producer({ createPartitioner: partitioner, allowAutoTopicCreation: false });
    await producer.connect();
    const messages = [{ key: 'k', value: Buffer.from('garbage'), partition: 0 }];
    const [sent] = await producer.send({ topic, messages });
    await producer.disconnect();
    const place = { partition: 0, offset: Number(sent?.baseOffset) };
    const event = await addDelivery(lab.db, rendered(), { renderedAt: place });
    expect(await support.page(messageOf(event))).toContain('does not begin with a zero byte and a schema id');
  });

  it('is taken from what waits when the topic has lost it', async () => {
    const event = rendered({ text: 'kept while it waits' });
    await addDelivery(lab.db, event, {
      state: 'deferred',
      reason: 'busy',
      renderedAt: { partition: 0, offset: 9_000 },
    });
    await lab.db
      .insertInto('waiting')
      .values({
        notification_id: event.notification_id,
        request_id: event.request_id,
        month: new Date(event.requested_at).toISOString().slice(0, 8).concat('01'),
        priority: 'low',
        due_at: new Date(),
        attempt: 1,
        reason: 'busy',
        key: event.user_id,
        value: lab.codec.encode(lab.topics.rendered.low, event),
        rendered_partition: 0,
        rendered_offset: 9_000,
      })
      .execute();
    expect(await support.page(messageOf(event))).toContain('kept while it waits');
  });
});

describe('in the browser', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await startBrowser();
  });
  afterAll(() => browser?.close());

  const mail = `<body style="font-family:sans-serif"><h1 style="color:#7a1f5c">Your November</h1>
    <p>Seven films, mostly <em>drama</em>.</p><p><a href="https://lumen.example/">More</a></p></body>`;

  it.each(Object.keys(looks) as Look[])('nothing keeps anybody from using the pages (%s)', async (look) => {
    const detail = '451 4.7.1 Greylisted, come back in five minutes';
    const events = {
      mail: await addMessage(
        lab,
        { html: mail, subject: 'Your November', text: 'Seven films' },
        { detail: '250 2.0.0 ok' },
      ),
      sms: await addMessage(lab, { channel: 'sms', address: '+999551112223', text: 'Episode 4 is out' }),
      gone: await addDelivery(lab.db, rendered(), { renderedAt: { partition: 0, offset: 7_000 } }),
      waiting: await addDelivery(lab.db, rendered({ requested_at: Date.now() - 60_000 }), {
        state: 'deferred',
        reason: 'greylisted',
        detail,
      }),
    };
    const window = await openWindow(browser, lab.url, support.cookie, look);
    try {
      const page = await window.newPage();
      for (const [name, event] of Object.entries(events)) {
        for (const path of [journeyOf(event), messageOf(event)]) {
          await page.goto(path, { waitUntil: 'networkidle' });
          expect(await findBarriers(page), path).toEqual([]);
          expect(await sidewaysPixels(page), path).toBe(0);
          if (process.env.SCREENSHOTS) {
            // A frame that was never in sight is not painted.
            if (path.endsWith('message') && name === 'mail') await page.locator('iframe').scrollIntoViewIfNeeded();
            const file = `${name}-${path.endsWith('message') ? 'message' : 'journey'}-${look}.png`;
            await page.screenshot({ path: `${process.env.SCREENSHOTS}/${file}`, fullPage: true });
          }
        }
      }
    } finally {
      await window.close();
    }
  });

  it('no script, form or link of a message does anything, and no text of it is taken for a page', async () => {
    const script = '<script>window.x=1;top.x=1</script><img src="x" onerror="window.x=1">';
    const html = `${script}<a id="a" href="javascript:top.x=1">a</a><a id="b" href="/account" target="_top">b</a>
      <a id="c" href="/account">c</a><a id="d" href="/account" target="_blank">d</a>
      <form action="/logout" method="post"><button id="e">e</button></form>
      <meta http-equiv="refresh" content="0;url=/account"><p>hello</p>`;
    const event = await addMessage(
      lab,
      { html, subject: script, text: script, from_name: script, user_id: 'hostile', address: 'hostile@x.example' },
      { detail: script },
    );
    const window = await openWindow(browser, lab.url, support.cookie);
    try {
      const page = await window.newPage();
      await page.goto(journeyOf(event));
      expect(await page.content()).toContain('&lt;script&gt;window.x=1');
      expect(await page.evaluate('window.x')).toBeUndefined();
      await page.goto(messageOf(event), { waitUntil: 'networkidle' });
      const address = page.url();
      const frame = page.frames().find((one) => one.url().includes('/html?'));
      expect(await frame?.locator('p').textContent()).toBe('hello');
      for (const id of ['a', 'b', 'd', 'e', 'c']) {
        await frame?.locator(`#${id}`).click({ noWaitAfter: true, timeout: 30_000 });
      }
      await page.waitForLoadState('networkidle');
      expect([page.url(), window.pages().length]).toEqual([address, 1]);
      expect(await page.evaluate('window.x')).toBeUndefined();
      for (const one of page.frames()) expect(await one.locator('h1:has-text("Your account")').count()).toBe(0);
      // Still logged in: the form went nowhere.
      expect((await support.get('/account')).status).toBe(200);
    } finally {
      await window.close();
    }
  });

  it('shows the HTML in the frame as it was sent', async () => {
    const event = await addMessage(lab, { html: mail });
    const window = await openWindow(browser, lab.url, support.cookie);
    try {
      const page = await window.newPage();
      await page.goto(messageOf(event), { waitUntil: 'networkidle' });
      const frame = page.frames().find((one) => one.url().includes('/html?'));
      expect(await frame?.locator('h1').textContent()).toBe('Your November');
      expect(await frame?.evaluate("getComputedStyle(document.querySelector('h1')).color")).toBe('rgb(122, 31, 92)');
    } finally {
      await window.close();
    }
  });
});
