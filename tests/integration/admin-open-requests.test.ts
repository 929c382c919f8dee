// What the overview and /open-requests say of requests that do not end.
import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type AdminLab, startAdminLab, type Visitor } from '../support/admin-lab.ts';
import { findBarriers, sidewaysPixels } from '../support/axe.ts';
import { openWindow, startBrowser } from '../support/browser.ts';
import { eventually } from '../support/eventually.ts';

let lab: AdminLab;
let viewer: Visitor;
let operator: Visitor;

beforeAll(async () => {
  lab = await startAdminLab();
  [viewer, operator] = [await lab.logIn('viewer'), await lab.logIn('operator')];
});
beforeEach(async () => {
  await sql`delete from requests`.execute(lab.db);
});
afterAll(async () => {
  await lab?.stop();
});

const words = (html: string) => html.replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ');

interface Stored {
  minutes?: number;
  priority?: string;
  state?: string;
  planned?: number;
  sent?: number;
  deferred?: number;
  driven?: boolean;
  movedMinutesAgo?: number;
  scheduledMinutes?: number;
  origin?: string;
}

async function store(stored: Stored): Promise<string> {
  const {
    minutes = 120,
    priority = 'low',
    state = 'running',
    planned = 1,
    driven = false,
    origin = 'request',
  } = stored;
  const id = randomUUID();
  await sql`
    insert into requests (request_id, body_hash, state, template_id, priority, is_promo, context, planned, chunk_count,
      planning_complete, requested_at, stored_at, scheduled_at, progress_at, driven, origin, channel)
    values (${id}, '', ${state}, 'welcome', ${priority}, false, '{}', ${planned}, 1, true, now(),
      now() - make_interval(mins => ${minutes}), now() - make_interval(mins => ${stored.scheduledMinutes ?? null}),
      now() - make_interval(mins => ${stored.movedMinutesAgo ?? null}), ${driven}, ${origin}, 'email')`.execute(lab.db);
  for (const [name, count] of [
    ['sent', stored.sent],
    ['deferred', stored.deferred],
  ] as const) {
    if (count === undefined) continue;
    await sql`insert into counters values (${id}, ${randomUUID()}, ${name}, '', ${count})`.execute(lab.db);
  }
  return id;
}

const untilOverview = (visitor: Visitor, pattern: RegExp) =>
  eventually(async () => pattern.test(words(await visitor.page('/'))), `the overview says ${pattern}`, 15_000);

describe('the overview', () => {
  it('says that nothing stands still, and the list that nothing is open for long', async () => {
    await untilOverview(
      viewer,
      /Oldest open request high none stands still medium none stands still low none stands still/,
    );
    expect(words(await viewer.page('/open-requests'))).toContain('Nothing has been open for more than an hour.');
  });

  it('names the oldest of each priority that stands still, with a link for operators and for mailings', async () => {
    await store({ minutes: 10, priority: 'high' });
    const oldest = await store({ minutes: 20, priority: 'high' });
    const mailing = await store({ minutes: 90, origin: 'mailing', driven: true, movedMinutesAgo: 30, planned: 9 });
    await untilOverview(operator, /high welcome for 20 min .*low welcome for 1 h 30 min/);
    expect(await operator.page('/')).toContain(`<a href="/follow?id=${oldest}">`);
    const seen = await viewer.page('/');
    expect(seen).toContain(`<a href="/mailings/${mailing}">`);
    expect(seen).not.toContain(`/follow?id=${oldest}`);
  });

  it('passes over what waits because somebody wants it to, and what moves', async () => {
    await store({ minutes: 100, state: 'scheduled' });
    await store({ minutes: 100, state: 'paused', driven: true });
    const held = await store({ minutes: 100 });
    await lab.db.insertInto('holds').values({ request_id: held, state: 'paused' }).execute();
    await store({ minutes: 100, driven: true, movedMinutesAgo: 1 });
    await store({ minutes: 100, deferred: 1 });
    await store({ minutes: 9_999, scheduledMinutes: 3 });
    await untilOverview(viewer, /low welcome for 3 min/);
  });
});

describe('the list', () => {
  it('says of everything open for more than an hour what it waits for', async () => {
    await store({ minutes: 59 });
    await store({ minutes: 61, planned: 5, sent: 4, deferred: 1 });
    await store({ minutes: 300, priority: 'high', planned: 3, sent: 1 });
    await store({ minutes: 90, driven: true, movedMinutesAgo: 1, planned: 100, sent: 40 });
    const text = words(await viewer.page('/open-requests'));
    expect(text).toMatch(
      /high 5 h 1 of 3 ended It stands still.*1 h 30 min 40 of 100 ended Its numbers move\..*4 of 5 ended, 1 waiting It waits for another try/,
    );
    expect(text).not.toContain('59 min');
  });

  it('is read without barriers, light and dark, on a large and a small screen', async () => {
    await store({ minutes: 61, planned: 5, sent: 4, deferred: 1 });
    await store({ minutes: 300, priority: 'high', planned: 3, sent: 1 });
    const browser = await startBrowser();
    for (const path of ['/open-requests', '/']) {
      for (const look of ['light', 'dark', 'phone'] as const) {
        const window = await openWindow(browser, lab.url, operator.cookie, look);
        const page = await window.newPage();
        await page.goto(path);
        expect(await findBarriers(page), `${path} ${look}`).toEqual([]);
        expect(await sidewaysPixels(page), `${path} ${look}`).toBe(0);
        await window.close();
      }
    }
    await browser.close();
  });
});
