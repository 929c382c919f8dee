// / : the overview. What was sent today, how far every stage is, which mailings run, and charts; live.

import { priorities } from '../../../lib/topics.ts';
import { streamPart } from '../event-stream.ts';
import { createOverviewFeed, type Overview } from '../overview-feed.ts';
import { page } from '../page.ts';
import type { AdminApp, Parts } from '../parts.ts';
import { type Range, ranges, type Series } from '../queries/overview-series.ts';
import { queryChoice } from '../query.ts';
import { requireAbility } from '../roles.ts';
import { toShownOpen } from './open-requests.ts';
import { toRate } from './topics.ts';

const liveEveryMs = 3_000;
const tableStep = 5;

export function home(app: AdminApp, parts: Parts): void {
  const feed = createOverviewFeed(parts);
  app.get('/', async (c) => {
    requireAbility(c, 'view');
    const [overview, series] = await Promise.all([feed.now(), feed.series('hour')]);
    const mayOperate = c.var.session.abilities.has('operate');
    return page(c, parts, 'home', {
      title: 'Overview',
      ...toData(overview, parts.now(), mayOperate),
      mayOperate,
      ranges: Object.entries(ranges).map(([name, { title }]) => ({ name, title })),
      table: toTable(series),
      ingestUrl: parts.config.publicUrl,
    });
  });
  app.get('/overview/live', (c) => {
    requireAbility(c, 'view');
    const { abilities, csrfToken: csrf } = c.var.session;
    const mayOperate = abilities.has('operate');
    const common = { mayOperate, may: { hold: abilities.has('hold') }, csrf };
    const make = async () =>
      parts.views.render('overview/live', { ...toData(await feed.now(), parts.now(), mayOperate), ...common });
    return streamPart(c, parts, liveEveryMs, make, parts.lag.watch());
  });
  app.get('/overview/series', async (c) => {
    requireAbility(c, 'view');
    const range = queryChoice(c, 'range', Object.keys(ranges) as Range[]) ?? 'hour';
    return c.json(await feed.series(range));
  });
}

function toData(overview: Overview, nowMs: number, mayOperate: boolean) {
  const { stages, running, standingStill } = overview;
  const oldest = standingStill.map((request) => toShownOpen(request, nowMs, mayOperate));
  return {
    ...overview,
    stages: stages.map((stage) => ({
      ...stage,
      lanes: stage.lanes.map((lane) => ({ ...lane, rate: toRate(lane.ratePerS) })),
    })),
    open: priorities.map((priority) => ({ priority, oldest: oldest.find((one) => one.priority === priority) })),
    running: running.map((mailing) => {
      const whole = mailing.planningComplete ? mailing.planned : Math.max(mailing.planned, mailing.expected ?? 0);
      return { ...mailing, whole, percent: whole === 0 ? 0 : Math.floor((mailing.ended / whole) * 100) };
    }),
  };
}

/** The chart of the last hour in rows of five minutes, for whoever cannot see it. */
function toTable({ at, ends }: Series) {
  const rows = [];
  for (let from = at.length % tableStep; from + tableStep <= at.length; from += tableStep) {
    const sum = (values: readonly number[]) =>
      Math.round(values.slice(from, from + tableStep).reduce((total, value) => total + value, 0));
    rows.push({
      atMs: (at[from] ?? 0) * 1_000,
      sent: sum(ends.sent),
      failed: sum(ends.failed),
      skipped: sum(ends.skipped),
      unknown: sum(ends.unknown),
    });
  }
  return rows.reverse();
}
