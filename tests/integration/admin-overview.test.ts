import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLogger } from '../../lib/logger.ts';
import { createKeptAdmin } from '../../services/admin/kafka/kept-admin.ts';
import { type LagSampler, startLagSampler } from '../../services/admin/kafka/lag-sampler.ts';
import { createOverviewFeed } from '../../services/admin/overview-feed.ts';
import { wantActions } from '../../services/admin/queries/dead-letters.ts';
import { noteLag } from '../../services/admin/queries/lag-minutes.ts';
import { type Points, readSeries } from '../../services/admin/queries/overview-series.ts';
import { type AdminLab, startAdminLab, type Visitor } from '../support/admin-lab.ts';
import { findBarriers, sidewaysPixels } from '../support/axe.ts';
import { openWindow, startBrowser } from '../support/browser.ts';
import { eventually } from '../support/eventually.ts';
import { openWriter, type Writer } from '../support/traced-message.ts';

let lab: AdminLab;
let writer: Writer;
let viewer: Visitor;

beforeAll(async () => {
  lab = await startAdminLab();
  writer = await openWriter(lab);
  viewer = await lab.logIn('viewer');
});
afterAll(async () => {
  await writer?.stop();
  await lab?.stop();
});

const words = (html: string) => html.replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ');

const thisMinute = () => Math.floor(Date.now() / 60_000) * 60_000;

/** Ends that were written so many minutes ago. */
async function addEnds(
  minutesAgo: number,
  state: string,
  count: number,
  { priority = 'low', nowMs = thisMinute() } = {},
): Promise<void> {
  const minute = new Date(nowMs - minutesAgo * 60_000);
  await sql`insert into delivery_minutes (minute, worker, priority, state, count)
    values (${minute}, ${randomUUID()}, ${priority}, ${state}, ${count})`.execute(lab.db);
}

async function fillMonth(): Promise<void> {
  await sql`insert into delivery_minutes (minute, worker, priority, state, reason, count)
    select date_trunc('minute', now()) - make_interval(mins => m), ${randomUUID()}, (array['high', 'medium', 'low'])[n % 3 + 1],
      (array['sent', 'failed', 'skipped', 'unknown'])[n % 4 + 1], 'reason ' || n, 10
    from generate_series(0, 30 * 1440 - 1) m, generate_series(0, 9) n`.execute(lab.db);
}

describe('before anything was sent', () => {
  it('the overview says how to begin, with what the reader may do', async () => {
    const text = words(await viewer.page('/'));
    expect(text).toContain('Nothing was sent yet');
    expect(text).toContain('An editor writes a template');
    expect(text).toContain('/api/v1/send_notification');
    const admin = await lab.logIn('admin');
    expect(await admin.page('/')).toContain('<a href="/mailings/new">');
  });
});

describe('the numbers', () => {
  it('are of the UTC day, with those of high priority apart', async () => {
    await addEnds(0, 'sent', 1_200);
    await addEnds(0, 'sent', 34, { priority: 'high' });
    await addEnds(0, 'failed', 5);
    await addEnds(24 * 60, 'sent', 999_999);
    await eventually(async () => {
      const text = words(await viewer.page('/'));
      return (
        /sent 1,234 34 high priority failed 5 0 high priority skipped 0/.test(text) &&
        !text.includes('Nothing was sent')
      );
    }, 'the numbers are shown');
  });

  it('of lanes are the records that their groups have not done', async () => {
    const lane = lab.topics.lanes.renderer.find(({ name }) => name === 'low');
    if (!lane) throw new Error('no lane');
    for (let n = 0; n < 8; n++) await writer.raw(lane.input.name, 'same', Buffer.from('x'));
    const admin = lab.kafka.admin();
    await admin.connect();
    const ranges = await admin.fetchTopicOffsets(lane.input.name);
    const partition = ranges.find(({ high }) => high === '8')?.partition ?? -1;
    await admin.setOffsets({ groupId: lane.group, topic: lane.input.name, partitions: [{ partition, offset: '3' }] });
    await admin.disconnect();
    await eventually(
      async () => /renderer nobody reads 5 0 high 0 medium 0 low 5/.test(words(await viewer.page('/'))),
      'the lag is 5',
    );

    const consumer = lab.kafka.consumer({ groupId: lane.group, maxWaitTimeInMs: 200 });
    await consumer.connect();
    await consumer.subscribe({ topics: [lane.input.name], fromBeginning: true });
    await consumer.run({ eachMessage: async () => undefined });
    const operator = await lab.logIn('operator');
    await eventually(
      async () =>
        /renderer low quiet 0 \S+ – stable, 1 member \S+enriched.low/.test(words(await operator.page('/topics'))),
      'the lane has caught up',
    );
    await consumer.disconnect();
  });

  it('of dead letters lead operators to them, and only them', async () => {
    const { name } = lab.topics.deadLetters.enricher;
    await writer.raw(name, 'k', Buffer.from('x'));
    const operator = await lab.logIn('operator');
    await eventually(
      async () => (await operator.page('/')).includes('<a href="/dead-letters?stage=enricher"><strong>1</strong></a>'),
      'shown',
    );
    expect(await viewer.page('/')).not.toContain('href="/dead-letters');
    await wantActions(
      lab.db,
      [
        { topic: name, partition: 0, offset: 0 },
        { topic: name, partition: 1, offset: 0 },
      ],
      {
        action: 'discard',
        template: 'pinned',
        reason: 'a test',
        who: 'anna',
      },
    );
    await eventually(async () => !(await operator.page('/')).includes('?stage=enricher'), 'counted as done');
  });

  it('of running mailings are the sums of their counters', async () => {
    const id = randomUUID();
    await sql`insert into requests (request_id, body_hash, state, template_id, priority, is_promo, context, planned,
        chunk_count, requested_at, driven, origin, started_at)
      values (${id}, '', 'running', 'welcome', 'low', false, '{}', 500, 1, now(), true, 'mailing', now())`.execute(
      lab.db,
    );
    await sql`insert into mailings (mailing_id, status, title, confirmed_count)
      values (${id}, 'confirmed', 'Autumn <news>', 2000)`.execute(lab.db);
    await sql`insert into counters (request_id, chunk_id, state, count)
      values (${id}, ${randomUUID()}, 'sent', 300), (${id}, ${randomUUID()}, 'sent', 90), (${id}, ${randomUUID()}, 'failed', 10),
        (${id}, ${randomUUID()}, 'deferred', 7)`.execute(lab.db);
    await eventually(async () => (await viewer.page('/')).includes('Autumn'), 'the mailing is shown');
    const html = await viewer.page('/');
    expect(html).toContain(`<a href="/mailings/${id}">Autumn &lt;news&gt;</a>`);
    expect(words(html)).toContain('400 of 2,000 (still planning) ended, 20 %; 390 sent');
    await sql`update requests set ended_at = now(), state = 'done' where request_id = ${id}`.execute(lab.db);
    await eventually(async () => words(await viewer.page('/')).includes('None runs now'), 'the mailing is done');
  });
});

it('shows what Postgres knows while Kafka does not answer, and says so', async () => {
  const lag: LagSampler = {
    current: () => new Promise(() => {}),
    last: () => undefined,
    watch: () => () => {},
    stop: async () => {},
  };
  const overview = await createOverviewFeed({ db: lab.db, lag, now: Date.now }).now();
  expect(overview).toMatchObject({ stages: [], fault: 'no answer within 1500 ms' });
  expect(overview.today.sent.all).toBeGreaterThan(0);
});

describe('the charts', () => {
  it('show ends a minute at their time, and nothing of the minute that runs', async () => {
    await sql`delete from delivery_minutes`.execute(lab.db);
    const nowMs = thisMinute();
    await addEnds(0, 'sent', 7_000, { nowMs });
    await addEnds(3, 'sent', 30, { nowMs });
    await addEnds(3, 'sent', 12, { nowMs, priority: 'high' });
    await addEnds(59, 'failed', 4, { nowMs });
    const { series } = await readSeries(lab.db, 'hour', nowMs + 30_000);
    expect(series.at.length).toBe(60);
    expect(series.ends.sent[series.at.indexOf(nowMs / 1_000 - 180)]).toBe(42);
    expect(series.ends.failed[series.at.indexOf(nowMs / 1_000 - 59 * 60)]).toBe(4);
    expect(Math.max(...series.ends.sent)).toBe(42);
    const { series: day } = await readSeries(lab.db, 'day', nowMs + 30_000);
    expect(day.at.length).toBeLessThanOrEqual(500);
    expect(Math.max(...day.ends.sent)).toBeLessThanOrEqual(42);
  });

  it('show the highest lag of each stage, and a gap where nobody looked', async () => {
    await sql`delete from lag_minutes`.execute(lab.db);
    const minuteMs = Math.floor(Date.now() / 60_000) * 60_000;
    const at = minuteMs - 10 * 60_000;
    await noteLag(lab.db, at, [
      { id: 'renderer.high', lag: 5 },
      { id: 'renderer.low', lag: 1_000 },
    ]);
    const { series } = await readSeries(lab.db, 'hour', Date.now());
    expect(series.lag.renderer.filter((lag) => lag !== null)).toEqual([1_005]);
    expect(series.lag.renderer[series.at.indexOf(at / 1_000)]).toBe(1_005);
    expect(series.lag.planner.every((lag) => lag === null)).toBe(true);
  });

  it('have the same points whether they were read at once or bit by bit', async () => {
    await fillMonth();
    const now = Date.now();
    for (const range of ['hour', 'day', 'month'] as const) {
      let kept: Points | undefined;
      for (let minutesAgo = 500; minutesAgo >= 0; minutesAgo -= 50) {
        kept = (await readSeries(lab.db, range, now - minutesAgo * 60_000, kept)).points;
      }
      const bitByBit = await readSeries(lab.db, range, now, kept);
      const atOnce = await readSeries(lab.db, range, now);
      expect(bitByBit.series, range).toEqual(atOnce.series);
      expect(atOnce.series.at.length).toBeLessThanOrEqual(500);
    }
  });

  it('are JSON for whoever may see numbers, of the ranges there are', async () => {
    const answer = await viewer.get('/overview/series?range=day');
    expect(Object.keys((await answer.json()) as object)).toEqual(['at', 'ends', 'lag']);
    expect((await viewer.get('/overview/series?range=century')).status).toBe(400);
  });
});

describe('the lag of every minute', () => {
  it('is noted once however many processes look, and kept for 30 days', async () => {
    const minuteMs = Math.floor(Date.now() / 60_000) * 60_000;
    const old = new Date(minuteMs - 31 * 24 * 60 * 60_000);
    await sql`insert into lag_minutes (minute, lane, lag) values (${old}, 'planner.high', 1)`.execute(lab.db);
    await Promise.all([1, 2, 3].map((lag) => noteLag(lab.db, minuteMs, [{ id: 'planner.high', lag }])));
    const rows = await lab.db.selectFrom('lag_minutes').selectAll().where('lane', '=', 'planner.high').execute();
    expect(rows.map(({ minute }) => minute.getTime())).toEqual([minuteMs]);
  });

  it('is noted while nobody looks, of all lanes', async () => {
    const logger = createLogger({ service: 'test', level: 'silent' });
    const admin = createKeptAdmin(lab.kafka);
    const noted: { atMs: number; ids: string[] }[] = [];
    const sampler = startLagSampler({
      ...{ admin, topics: lab.topics, logger, noteEveryMs: 6_000 },
      note: async (atMs, { lanes }) => {
        noted.push({ atMs, ids: lanes.map(({ id }) => id) });
      },
    });
    await eventually(() => noted.length >= 1, 'a look was noted');
    await sampler.stop();
    await admin.stop();
    expect(noted[0]?.ids.length).toBe(12);
    expect(noted[0]?.ids).toContain('dispatcher.outcomes');
    expect((noted[0]?.atMs ?? 1) % 6_000).toBe(0);
  });
});

describe('in the browser', () => {
  it('the overview has no barriers in light and dark, fits a phone, draws its charts and moves without a reload', async () => {
    const browser = await startBrowser();
    const faults: string[] = [];
    try {
      for (const look of ['light', 'dark', 'phone'] as const) {
        const window = await openWindow(browser, lab.url, viewer.cookie, look);
        const page = await window.newPage();
        page.on('pageerror', (error) => faults.push(String(error)));
        page.on('console', (message) => {
          if (message.type() === 'error') faults.push(message.text());
        });
        await page.goto('/');
        await page.locator('#chart-lag canvas').waitFor();
        await page.getByRole('button', { name: 'last 30 days' }).click();
        await eventually(
          async () => (await page.locator('[data-range="month"]').getAttribute('aria-pressed')) === 'true',
          'the range is chosen',
        );
        expect(await findBarriers(page), look).toEqual([]);
        expect(await sidewaysPixels(page), look).toBe(0);
        if (look === 'light') {
          const sent = page.locator('.number-sent dd').first();
          const before = Number((await sent.textContent())?.replaceAll(',', ''));
          await addEnds(0, 'sent', 17);
          await eventually(
            async () => (await sent.textContent()) === (before + 17).toLocaleString('en-US'),
            'the number has moved by itself',
          );
        }
        await window.close();
      }
      expect(faults).toEqual([]);
    } finally {
      await browser.close();
    }
  });
});
