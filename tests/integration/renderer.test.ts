// The renderer on a real broker and Postgres: hostile templates in the same lane, versions, and what is put aside.
import { randomUUID } from 'node:crypto';
import { describe, expect, it, onTestFinished } from 'vitest';
import { readUnsubscribeToken } from '../../content/unsubscribe.ts';
import { loadDemoTemplates } from '../../dev/demo/load-demo.ts';
import { createDatabase, type Db } from '../../lib/db/database.ts';
import { migrate } from '../../lib/db/migrate.ts';
import type { NotificationEnriched } from '../../lib/events.ts';
import { rememberAddresses } from '../../lib/known-addresses.ts';
import { createLimitBreaker } from '../../services/renderer/limit-breaker.ts';
import { createRenderLane } from '../../services/renderer/render-lane.ts';
import { createRenderStage } from '../../services/renderer/render-stage.ts';
import { createRenderThread } from '../../services/renderer/render-thread.ts';
import { createSliceWeight } from '../../services/renderer/slice-weight.ts';
import { createTemplateStore } from '../../services/renderer/template-store.ts';
import { createUnsubscribeUrls } from '../../services/renderer/unsubscribe-urls.ts';
import { openStageLab } from '../support/stage-lab.ts';
import { addTemplate, changeTemplate } from '../support/templates.ts';
import { createTestDatabase } from '../support/test-database.ts';

async function openDatabase(): Promise<Db> {
  const { databaseUrl, drop } = await createTestDatabase('renderer');
  const db = createDatabase({ url: databaseUrl, applicationName: 'test' });
  onTestFinished(async () => {
    await db.destroy();
    await drop();
  });
  await migrate(db);
  return db;
}

const secret = 'a secret of a few words';
const taskLimitMs = 500;

async function openRendererLab() {
  const db = await openDatabase();
  const lab = await openStageLab({ partitions: 1 });
  const breaker = createLimitBreaker();
  const weight = createSliceWeight();
  const startLane = (name: 'high' | 'low') => {
    const lane = lab.topics.lanes.renderer.find((one) => one.name === name);
    if (!lane) throw new Error('no lane');
    const threads = [createRenderThread({ keepAlive: false })];
    const renderLane = createRenderLane({
      threads,
      breaker,
      weight,
      now: Date.now,
      taskLimitMs,
      personLimitMs: 500,
    });
    onTestFinished(() => renderLane.stop());
    const templates = createTemplateStore(db);
    return lab.start(
      createRenderStage({
        lane,
        outputs: lab.topics.rendered,
        templates,
        renderLane,
        weight,
        remember: (events) =>
          rememberAddresses(
            db,
            secret,
            events.map(({ channel, user_id: userId, address }) => ({ channel, userId, address })),
          ),
        unsubscribeUrlOf: createUnsubscribeUrls({ publicUrl: 'https://example.com', secret }),
        now: Date.now,
      }),
    );
  };
  return { ...lab, db, startLane };
}

const enriched = (templateId: string, changes: Partial<NotificationEnriched> = {}): NotificationEnriched => ({
  is_test: false,
  notification_id: randomUUID(),
  request_id: randomUUID(),
  chunk_id: randomUUID(),
  user_id: randomUUID(),
  priority: 'low',
  channel: 'email',
  template_id: templateId,
  template_version: 1,
  is_promo: false,
  on_no_answer: 'resend',
  address: 'ada@example.com',
  first_name: 'Ada',
  last_name: 'Lovelace',
  collected: '{}',
  context: '{}',
  requested_at: Date.now(),
  planned_at: Date.now(),
  enriched_at: Date.now(),
  expires_at: null,
  ...changes,
});
const idsOf = (events: readonly { notification_id: string }[]) => events.map((event) => event.notification_id).sort();
/** Steps and characters do not show what this costs: only the clock stops it. */
const hostile = '{% assign found = list | where_exp: "x", "list contains 99999999" %}'.repeat(20);
const list = JSON.stringify({ list: Array.from({ length: 10_000 }, (_, n) => n) });

describe('the renderer', () => {
  it('fails a hostile template’s people, and everybody else in the lane gets their mail', async () => {
    const lab = await openRendererLab();
    await addTemplate(lab.db, { templateId: 'good', html: '<p>{{ first_name }}</p>' });
    await addTemplate(lab.db, { templateId: 'hostile', html: hostile });
    await addTemplate(lab.db, { templateId: 'broken', html: '<p>\n  {{ first_name | nope }}</p>' });
    const events = Array.from({ length: 300 }, (_, n) =>
      n % 3 === 0 ? enriched('hostile', { context: list }) : enriched(n % 3 === 1 ? 'good' : 'broken'),
    );
    lab.startLane('low');
    for (let n = 0; n < events.length; n += 20) await lab.sendEvents(lab.topics.enriched.low, events.slice(n, n + 20));

    const rendered = await lab.readEvents(lab.topics.rendered.low, 100);
    expect(idsOf(rendered)).toEqual(idsOf(events.filter((event) => event.template_id === 'good')));
    const outcomes = await lab.readEvents(lab.topics.outcomes, 200);
    expect(idsOf(outcomes)).toEqual(idsOf(events.filter((event) => event.template_id !== 'good')));
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject(
        outcome.template_id === 'hostile'
          ? { state: 'failed', reason: 'render_limit' }
          : { state: 'failed', reason: 'template_error', detail: 'html line 2, column 3: undefined filter: nope' },
      );
    }
    // Whoever failed is found by the address, though no outcome carries one; whoever is sent to has a row of the ledger with it.
    const remembered = await lab.db.selectFrom('known_addresses').select('user_id').execute();
    const failed = events.filter((event) => event.template_id !== 'good').map((event) => event.user_id);
    expect(remembered.map(({ user_id }) => user_id).sort()).toEqual(failed.sort());
    expect(lab.fatal).toEqual([]);
  });

  it.each([
    ['a stack deeper than there is', '<b>'.repeat(20_000), 'render_limit'],
    [
      'an error of a library',
      `<ol type="i" start="10000"><li>x</li></ol>${'<p>x</p>'.repeat(3_000)}`,
      'template_error',
    ],
    ['minutes of work', `<pre>${'<blockquote>'.repeat(240)}${'<hr>'.repeat(7_000)}</pre>`, 'render_limit'],
  ])(
    'fails every message of a mailing whose context brings about %s, and nobody waits for them',
    async (_, body, reason) => {
      const lab = await openRendererLab();
      await addTemplate(lab.db, { templateId: 'good', html: '<p>{{ first_name }}</p>' });
      await addTemplate(lab.db, { templateId: 'free', html: '{{ body | raw }}', text: null });
      const context = JSON.stringify({ body });
      const request_id = randomUUID();
      const events = Array.from({ length: 120 }, () => enriched('free', { context, request_id }));
      lab.startLane('low');
      lab.startLane('high');
      // What a reset takes, and one such message alone, while nothing else happens: a busy machine is slow with these as well.
      const sendReset = async () => {
        const sentAt = Date.now();
        await lab.sendEvents(lab.topics.enriched.high, [enriched('good', { priority: 'high' })]);
        return sentAt;
      };
      await sendReset();
      await lab.readEvents(lab.topics.rendered.high, 1);
      const calmAt = await sendReset();
      const calmMs = ((await lab.readEvents(lab.topics.rendered.high, 2))[1]?.rendered_at ?? 0) - calmAt;
      const aloneAt = Date.now();
      await lab.sendEvents(lab.topics.enriched.low, [enriched('free', { context })]);
      const aloneMs = ((await lab.readEvents(lab.topics.outcomes, 1))[0]?.ended_at ?? 0) - aloneAt;

      const startedAt = Date.now();
      for (let n = 0; n < 120; n += 10) await lab.sendEvents(lab.topics.enriched.low, events.slice(n, n + 10));
      await lab.sendEvents(lab.topics.enriched.low, [
        enriched('good'),
        enriched('free', { context: '{"body":"<p>Hello</p>"}' }),
      ]);
      const resetAt = await sendReset();
      const resets = await lab.readEvents(lab.topics.rendered.high, 3);
      const outcomes = (await lab.readEvents(lab.topics.outcomes, 121)).slice(1);
      const lastEndedAt = Math.max(...outcomes.map((one) => one.ended_at));
      expect((resets[2]?.rendered_at ?? 0) - resetAt).toBeLessThan(1_000 + 5 * calmMs);
      expect(idsOf(outcomes)).toEqual(idsOf(events));
      expect(new Set(outcomes.map((one) => `${one.state} ${one.reason}`))).toEqual(new Set([`failed ${reason}`]));
      // Each of the 120 used to end the process, and to be read again: they take no more than twenty that reach the limit.
      expect(lastEndedAt - startedAt).toBeLessThan(20 * Math.max(taskLimitMs, aloneMs));
      expect(outcomes.filter(({ detail }) => /\n|node_modules|file:|\.ts:/.test(detail))).toEqual([]);
      expect(await lab.readEvents(lab.topics.rendered.low, 2)).toHaveLength(2);
      expect(lab.fatal).toEqual([]);
    },
  );

  it('serves one lane while another one is busy with a hostile template', async () => {
    const lab = await openRendererLab();
    await addTemplate(lab.db, { templateId: 'good', html: '<p>{{ first_name }}</p>' });
    for (let n = 0; n < 8; n++) await addTemplate(lab.db, { templateId: `hostile-${n}`, html: hostile });
    lab.startLane('low');
    lab.startLane('high');
    // Each of them has to be found out by itself: seconds of work for the low lane.
    await lab.sendEvents(
      lab.topics.enriched.low,
      Array.from({ length: 8 }, (_, n) => enriched(`hostile-${n}`, { context: list })),
    );
    await lab.sendEvents(lab.topics.enriched.high, [enriched('good', { priority: 'high' })]);
    const [rendered] = await lab.readEvents(lab.topics.rendered.high, 1);
    const outcomes = await lab.readEvents(lab.topics.outcomes, 8);
    expect(outcomes.every((outcome) => outcome.ended_at >= (rendered?.rendered_at ?? Number.POSITIVE_INFINITY))).toBe(
      true,
    );
  });

  it('renders the version that was planned, also after the template has changed', async () => {
    const lab = await openRendererLab();
    await addTemplate(lab.db, { templateId: 'news', subject: 'Old', text: 'old' });
    lab.startLane('low');
    await lab.sendEvents(lab.topics.enriched.low, [enriched('news')]);
    await lab.readEvents(lab.topics.rendered.low, 1);
    await changeTemplate(lab.db, { templateId: 'news', subject: 'New', text: 'new' }, 2);
    await lab.sendEvents(lab.topics.enriched.low, [enriched('news'), enriched('news', { template_version: 2 })]);
    const rendered = await lab.readEvents(lab.topics.rendered.low, 3);
    expect(rendered.map(({ subject, text, html }) => [subject, text, html])).toEqual([
      ['Old', 'old', null],
      ['Old', 'old', null],
      ['New', 'new', null],
    ]);
  });

  it('puts a record aside whose template version does not exist, and ends its person', async () => {
    const lab = await openRendererLab();
    await addTemplate(lab.db, { templateId: 'good', html: '<p>{{ first_name }}</p>' });
    lab.startLane('low');
    const events = [enriched('good', { template_version: 7 }), enriched('good')];
    await lab.sendEvents(lab.topics.enriched.low, events);
    expect(idsOf(await lab.readEvents(lab.topics.rendered.low, 1))).toEqual([events[1]?.notification_id]);
    expect(await lab.readEvents(lab.topics.outcomes, 1)).toMatchObject([
      {
        state: 'failed',
        reason: 'dead_lettered',
        detail: "template 'good' has no version 7",
        user_id: events[0]?.user_id,
      },
    ]);
    const [letter] = await lab.read(lab.topics.deadLetters.renderer.name, 1);
    expect(String(letter?.headers?.['dlt-error-code'])).toBe('template_unknown');
  });

  it('puts the link to unsubscribe into promotional e-mail, by footer or by the template, and into nothing else', async () => {
    const lab = await openRendererLab();
    await addTemplate(lab.db, { templateId: 'plain', html: '<body><p>{{ first_name }}</p></body>' });
    const own = '<a href="{{ unsubscribe_url }}">No more of this</a>';
    await addTemplate(lab.db, { templateId: 'own', html: own, text: 'Stop: {{ unsubscribe_url }}' });
    lab.startLane('low');
    const request_id = randomUUID();
    const events = [
      enriched('plain', { is_promo: true, user_id: 'ada', request_id }),
      enriched('own', {
        is_promo: true,
        user_id: 'ada',
        request_id,
        context: '{"unsubscribe_url":"https://evil.example"}',
      }),
      enriched('plain', { is_promo: true, user_id: 'ada', is_test: true }),
      enriched('plain', { user_id: 'ada' }),
    ];
    await lab.sendEvents(lab.topics.enriched.low, events);
    const rendered = await lab.readEvents(lab.topics.rendered.low, 4);
    const [footer, template, test, plain] = events.map((event) =>
      rendered.find((one) => one.notification_id === event.notification_id),
    );
    const url = footer?.unsubscribe_url ?? '';
    expect(readUnsubscribeToken(secret, new URL(url).pathname.replace('/u/', ''))).toEqual({
      userId: 'ada',
      channel: 'email',
    });
    const escaped = url.replaceAll(/[?.]/g, '\\$&');
    expect(footer?.html).toMatch(
      new RegExp(`Ada</p>[\\s\\S]*<a href="${escaped}"[^>]*>Unsubscribe</a>[\\s\\S]*</body>$`),
    );
    expect(footer?.text).toContain(`<${url}>`);
    expect(template).toMatchObject({
      unsubscribe_url: url,
      html: `<a href="${url}">No more of this</a>`,
      text: `Stop: ${url}`,
    });
    expect(test?.unsubscribe_url).toBe('https://example.com/u/test');
    expect(test?.html).toContain('https://example.com/u/test');
    expect(plain).toMatchObject({ unsubscribe_url: null, html: '<body><p>Ada</p></body>' });
  });

  it('skips what has expired on its way', async () => {
    const lab = await openRendererLab();
    await addTemplate(lab.db, { templateId: 'good', text: 'x' });
    lab.startLane('low');
    await lab.sendEvents(lab.topics.enriched.low, [enriched('good', { expires_at: Date.now() - 1 })]);
    expect(await lab.readEvents(lab.topics.outcomes, 1)).toMatchObject([{ state: 'skipped', reason: 'expired' }]);
  });
});

describe('the demo templates', () => {
  it('are loaded once, and left alone after that', async () => {
    const db = await openDatabase();
    const ids = ['welcome', 'monthly-statistics', 'new-episode'];
    expect(await loadDemoTemplates(db)).toEqual({ added: ids, kept: [] });
    await changeTemplate(db, { templateId: 'welcome', subject: 'Edited', text: 'x' }, 2);
    expect(await loadDemoTemplates(db)).toEqual({ added: [], kept: ids });
    const refs = ids.map((templateId) => ({ templateId, version: 1 }));
    const templates = await createTemplateStore(db).load([...refs, ...refs, { templateId: 'welcome', version: 9 }]);
    expect([...templates.keys()].sort()).toEqual(['monthly-statistics@1', 'new-episode@1', 'welcome@1']);
    expect(templates.get('new-episode@1')).toMatchObject({ channel: 'sms', html: null, subject: '' });
    const active = await db
      .selectFrom('templates')
      .select('active_version')
      .where('template_id', '=', 'welcome')
      .execute();
    expect(active).toEqual([{ active_version: 2 }]);
  });
});
