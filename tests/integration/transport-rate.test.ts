// The rate limit of a transport: whatever number of dispatchers and lanes, together they never start more in a second.
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createDatabase, type Db } from '../../lib/db/database.ts';
import { migrate } from '../../lib/db/migrate.ts';
import { DependencyError } from '../../lib/errors.ts';
import type { Priority } from '../../lib/topics.ts';
import { createRateLimit } from '../../services/dispatcher/transports/rate.ts';
import { createGrantSource } from '../../services/dispatcher/transports/rate-grants.ts';
import { eventually } from '../support/eventually.ts';
import { renderedMany } from '../support/ledger-lab.ts';
import { openDispatcher } from '../support/running-dispatcher.ts';
import { createTestDatabase, type TestDatabase } from '../support/test-database.ts';

/** The most that started within any one second. */
function mostInASecond(times: readonly number[]): number {
  return Math.max(0, ...times.map((from) => times.filter((at) => at >= from && at < from + 1_000).length));
}

describe('turns given out by Postgres', () => {
  let database: TestDatabase;
  let db: Db;
  beforeAll(async () => {
    database = await createTestDatabase('rate');
    db = createDatabase({ url: database.databaseUrl, applicationName: 'test' });
    await migrate(db);
  });
  afterAll(async () => {
    await db?.destroy();
    await database?.drop();
  });

  /** A process: its own connections, and workers of each lane that send one message after the other. */
  function startProcess(perSecond: number, workers: Partial<Record<Priority, number>>, messageMs = 5) {
    const own = createDatabase({ url: database.databaseUrl, applicationName: 'test', maxConnections: 3 });
    const limit = createRateLimit({ perSecond, source: createGrantSource(own, 'email') });
    const started: Record<Priority, number[]> = { high: [], medium: [], low: [] };
    let isWanted = true;
    const work = async (priority: Priority): Promise<void> => {
      while (isWanted) {
        await limit.take(priority, { isWanted: () => isWanted, onWaiting: () => {} });
        if (!isWanted) return;
        started[priority].push(performance.now());
        await delay(messageMs);
      }
    };
    const running = Object.entries(workers).flatMap(([priority, count]) =>
      Array.from({ length: count }, () => work(priority as Priority)),
    );
    const stop = async () => {
      isWanted = false;
      await Promise.all(running);
      await own.destroy();
    };
    onTestFinished(stop);
    return { started, all: () => [...started.high, ...started.medium, ...started.low], stop };
  }

  it('never exceed the limit over three processes, and come to all of them', async () => {
    const processes = [1, 2, 3].map(() => startProcess(100, { high: 1, medium: 4, low: 8 }));
    const all = () => processes.flatMap((one) => one.all()).sort((a, b) => a - b);
    await eventually(() => all().length >= 300, 'three hundred have started');
    const times = all();
    // A busy machine's timers are late: turns of up to a fifth of a second then fall into the second after theirs.
    expect(mostInASecond(times)).toBeLessThanOrEqual(120);
    const seconds = ((times[299] ?? 0) - (times[0] ?? 0)) / 1_000;
    expect(300 / seconds).toBeLessThanOrEqual(110);
    expect(processes.every((one) => one.all().length > 20)).toBe(true);
  });

  it('all go to the high lane while it wants them, also before the bulk of another process', async () => {
    const bulk = startProcess(40, { low: 16 });
    await eventually(() => bulk.started.low.length > 20, 'bulk is under way');
    const urgent = startProcess(40, { high: 4 });
    await eventually(() => urgent.started.high.length >= 60, 'sixty urgent ones have started');
    const untilMs = urgent.started.high[59] ?? 0;
    const meanwhile = bulk.started.low.filter((at) => at > (urgent.started.high[4] ?? 0) && at < untilMs);
    expect(meanwhile.length).toBeLessThan(12);
    await urgent.stop();
    const before = bulk.started.low.length;
    await eventually(() => bulk.started.low.length > before + 10, 'bulk goes on');
  });

  // Turns far apart: how long the questions themselves take on a busy machine makes no difference then.
  const stepMs = 10_000;

  it('are not saved up while nobody asks', async () => {
    const source = createGrantSource(db, 'sms');
    const wanted = { count: 1, stepMs, isHigh: true };
    await source.grant(wanted);
    await sql`update transport_rates set next_at = now() - interval '1 hour' where transport = 'sms'`.execute(db);
    const first = await source.grant(wanted);
    const second = await source.grant(wanted);
    expect([first.count, second.count]).toEqual([1, 1]);
    expect(first.inMs).toBeLessThan(20);
    expect(second.inMs).toBeGreaterThan(6_000);
  });

  it('are refused further ahead than a tenth of a second, but to high', async () => {
    await sql`delete from transport_rates`.execute(db);
    const source = createGrantSource(db, 'sms');
    await source.grant({ count: 5, stepMs, isHigh: false });
    const refused = await source.grant({ count: 5, stepMs, isHigh: false });
    expect(refused.count).toBe(0);
    expect(refused.inMs).toBeGreaterThan(20_000);
    const high = await source.grant({ count: 5, stepMs, isHigh: true });
    expect(high.count).toBe(5);
    expect(high.inMs).toBeGreaterThan(30_000);
    const behindHigh = await source.grant({ count: 1, stepMs, isHigh: false });
    expect(behindHigh.count).toBe(0);
    expect(behindHigh.inMs).toBeGreaterThan(70_000);
  });

  it('come again when somebody deleted the row', async () => {
    const source = createGrantSource(db, 'sms');
    await source.grant({ count: 1, stepMs: 1, isHigh: true });
    await sql`delete from transport_rates`.execute(db);
    expect((await source.grant({ count: 1, stepMs: 1, isHigh: true })).count).toBe(0);
    expect((await source.grant({ count: 1, stepMs: 1, isHigh: true })).count).toBe(1);
  });

  it('are not to be had while Postgres is down', async () => {
    const down = createDatabase({ url: 'postgres://nobody@127.0.0.1:1/x', applicationName: 'test' });
    onTestFinished(() => down.destroy());
    const limit = createRateLimit({ perSecond: 10, source: createGrantSource(down, 'email') });
    const wait = limit.take('low', { isWanted: () => true, onWaiting: () => {} });
    await expect(wait).rejects.toThrow(DependencyError);
  });
});

describe('a dispatcher with a limit', () => {
  it('sends everything once, no faster than that, and what is urgent first', async () => {
    const lab = await openDispatcher({ SMTP_RATE_PER_SECOND: '20' });
    const at = new Map<string, number>();
    lab.server.behave = (to) => {
      at.set(to, performance.now());
      return { kind: 'accept' };
    };
    const low = renderedMany(80, { request_id: randomUUID(), priority: 'low', on_no_answer: 'park' });
    const high = renderedMany(15, { request_id: randomUUID(), priority: 'high' }).map((event) => ({
      ...event,
      user_id: `urgent-${event.user_id}`,
      address: `urgent-${event.address}`,
    }));
    await lab.sendEvents(lab.topics.rendered.low, low);
    await eventually(() => at.size > 10, 'bulk is under way');
    await lab.sendEvents(lab.topics.rendered.high, high);
    await eventually(async () => (await lab.states()).sent === 95, 'all are sent');
    expect(lab.server.taken.length).toBe(95);
    expect(mostInASecond([...at.values()])).toBeLessThanOrEqual(25);
    const order = [...at.keys()];
    const lastHigh = Math.max(...high.map(({ address }) => order.indexOf(address)));
    expect(order.slice(lastHigh + 1).length).toBeGreaterThan(20);
  });

  it('marks no more as leaving than it may soon send, and ends what waits for its turn when that is cancelled', async () => {
    const lab = await openDispatcher({ SMTP_RATE_PER_SECOND: '2' });
    const events = renderedMany(30, { priority: 'low', on_no_answer: 'park' });
    await lab.sendEvents(lab.topics.rendered.low, events);
    await eventually(() => lab.server.taken.length >= 2, 'some are sent');
    const states = await lab.states();
    expect(states.sending ?? 0).toBeLessThanOrEqual(8);
    const [first] = events;
    await lab.db
      .insertInto('holds')
      .values({ request_id: first?.request_id ?? '', state: 'cancelled', changed_by: 'test' })
      .execute();
    await eventually(async () => {
      const { sent = 0, 'skipped cancelled': cancelled = 0 } = await lab.states();
      return sent + cancelled === 30;
    }, 'all have ended');
    expect(lab.server.taken.length).toBeLessThan(20);
  });
});
