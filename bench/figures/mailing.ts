// A mailing from the admin pages to many people of the user-mock: how soon the first mail comes after "send", whether the
// dispatcher ever waits for the planner, what the planner holds and what a watched live page costs.
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { createDatabase, type Db } from '../../lib/db/database.ts';
import { logIn } from '../admin-client.ts';
import { letterTemplate } from '../bench-mail.ts';
import { idleShareOf, ratesOf } from '../percentile.ts';
import { readUsage } from '../processes.ts';
import type { FigureContext } from '../run.ts';
import { type ProcessFigures, watchProcesses } from '../watch.ts';

export interface MailingFigures {
  /** People of the audience; those without an address end as skipped. */
  audienceCount: number;
  planned: number;
  sent: number;
  skipped: number;
  state: string;
  mailCount: number;
  doubledCount: number;
  /** From the answer of pressing "send" to the first mail at the sink. */
  firstMailMs: number;
  /** From pressing "send" to the last mail. */
  wholeMs: number;
  perSecond: number;
  /** Share of the time between the first and the last mail in which none came for 100 ms or more. */
  idleShare: number;
  cpuPerPersonUs: number;
  /** CPU of the admin process while one live page was open, less what it takes anyway, percent of one processor. */
  livePagePercent: number;
  /** What it takes while nobody looks. */
  adminIdlePercent: number;
  liveEventCount: number;
  plannerPeakBytes: number;
  othersShare: number;
  processes: ProcessFigures[];
}

/** Of the user-mock; every person is in exactly one. The first ones that are enough are taken. */
const categories = [
  { name: 'staff', count: 1_000 },
  { name: 'vip', count: 10_000 },
  { name: 'new', count: 50_000 },
  { name: 'press', count: 50_000 },
  { name: 'sleeping', count: 289_000 },
  { name: 'active', count: 600_000 },
];
const warmUpCategory = 'staff';
/** Retries of what was greylisted would take longer; the sink greylists nothing. */
const stalledMs = 60_000;

export async function measureMailing(context: FigureContext): Promise<MailingFigures> {
  const { system, settings, log } = context;
  const { launched } = system;
  const db = createDatabase({
    url: launched.env.DATABASE_URL ?? '',
    applicationName: 'posthorn-bench',
    maxConnections: 2,
  });
  try {
    log('warming up with a mailing to 1,000 people');
    await runMailing(context, db, [warmUpCategory], 1_000);
    const chosen = chooseCategories(settings.mailingCount);
    return await runMailing(context, db, chosen.names, chosen.count);
  } finally {
    await db.destroy();
  }
}

/** The smallest set of categories, largest first, that has as many people; all million when that is wanted. */
function chooseCategories(wanted: number): { names: string[]; count: number } {
  let count = 0;
  const names: string[] = [];
  const fitting = categories.find((category) => category.count >= wanted);
  for (const category of fitting ? [fitting] : [...categories].reverse()) {
    if (count >= wanted) break;
    names.push(category.name);
    count += category.count;
  }
  return { names, count };
}

async function runMailing(
  context: FigureContext,
  db: Db,
  names: string[],
  audienceCount: number,
): Promise<MailingFigures> {
  const { system, sink } = context;
  const admin = await logIn(system.launched);
  const mailingId = await insertDraft(db, names);
  await sink.reset();
  const endWatch = watchProcesses(system.watched);
  const draft = await admin.get(`/mailings/${mailingId}/check`);
  const fields = Object.fromEntries(
    [...draft.text.matchAll(/<input type="hidden" name="(?!_csrf)(\w+)" value="([^"]*)"/g)].map(([, k, v]) => [
      k ?? '',
      v ?? '',
    ]),
  );
  // The check has rendered samples: what is left of that, and what the process does anyway, is not the live page's.
  await sleep(settleMs);
  const idleOf = startCpuWatch(system);
  await sleep(settleMs);
  const idlePercent = idleOf();
  const closeLivePage = admin.watch(`/mailings/${mailingId}/live`);
  const pressedAtMs = performance.timeOrigin + performance.now();
  await admin.post(`/mailings/${mailingId}/confirm`, fields);
  const liveOf = startCpuWatch(system);
  const request = await waitUntilEnded(context, db, mailingId);
  const livePercent = liveOf();
  const watched = endWatch();
  const liveEventCount = closeLivePage();
  const arrivals = await sink.read({ times: true });
  const times = arrivals.unmarkedAtMs;
  const { whole: perSecond } = ratesOf(times, pressedAtMs);
  const cpuMs = watched.processes.reduce((sum, one) => sum + one.cpuMs, 0);
  const processOf = (name: string) => watched.processes.find((one) => one.name === name);
  return {
    audienceCount,
    ...request,
    mailCount: arrivals.mailCount,
    doubledCount: arrivals.mailCount - arrivals.distinctCount - arrivals.withoutIdCount,
    firstMailMs: (times[0] ?? Number.NaN) - pressedAtMs,
    wholeMs: (times.at(-1) ?? Number.NaN) - pressedAtMs,
    perSecond,
    idleShare: idleShareOf(times, idleGapMs),
    cpuPerPersonUs: (cpuMs * 1_000) / audienceCount,
    livePagePercent: Math.max(0, livePercent - idlePercent),
    adminIdlePercent: idlePercent,
    liveEventCount,
    plannerPeakBytes: processOf('planner')?.peakBytes ?? 0,
    othersShare: watched.othersShare,
    processes: watched.processes,
  };
}

const idleGapMs = 100;
const settleMs = 5_000;

/** @returns what ends the watch, with the percent of one processor that the admin process took */
function startCpuWatch({ launched }: FigureContext['system']): () => number {
  const read = () => readUsage(launched.services.pid('admin') ?? 0).cpuMs;
  const [cpuMs, startedAtMs] = [read(), performance.now()];
  return () => ((read() - cpuMs) / (performance.now() - startedAtMs)) * 100;
}

async function insertDraft(db: Db, names: string[]): Promise<string> {
  const mailingId = randomUUID();
  await db
    .insertInto('mailings')
    .values({
      mailing_id: mailingId,
      title: 'Bench',
      template_id: letterTemplate,
      user_categories: names,
    })
    .execute();
  return mailingId;
}

type Ended = Pick<MailingFigures, 'planned' | 'sent' | 'skipped' | 'state'>;

/** Gives up, with the numbers as they are, when they do not move any more. */
async function waitUntilEnded({ signal, log }: FigureContext, db: Db, id: string): Promise<Ended> {
  let movedAtMs = performance.now();
  let shownAtMs = movedAtMs;
  let seen = '';
  for (;;) {
    signal.throwIfAborted();
    const { ended, ...numbers } = await readNumbers(db, id);
    const now = performance.now();
    if (JSON.stringify(numbers) !== seen) movedAtMs = now;
    seen = JSON.stringify(numbers);
    if (ended || now - movedAtMs > stalledMs) return numbers;
    if (now - shownAtMs > 10_000) {
      shownAtMs = now;
      log(`mailing: ${numbers.sent} sent of ${numbers.planned} planned`);
    }
    await sleep(200);
  }
}

async function readNumbers(db: Db, id: string): Promise<Ended & { ended: boolean }> {
  const request = await db
    .selectFrom('requests')
    .select(['state', 'planned', 'ended_at'])
    .where('request_id', '=', id)
    .executeTakeFirst();
  const counts = await db
    .selectFrom('counters')
    .select(({ fn }) => ['state', fn.sum<number>('count').as('count')])
    .where('request_id', '=', id)
    .groupBy('state')
    .execute();
  const countOf = (state: string) => Number(counts.find((row) => row.state === state)?.count ?? 0);
  return {
    ended: Boolean(request?.ended_at),
    state: request?.state ?? 'unknown to the planner',
    planned: request?.planned ?? 0,
    sent: countOf('sent'),
    skipped: countOf('skipped'),
  };
}
