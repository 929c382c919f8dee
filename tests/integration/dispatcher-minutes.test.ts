// The minutes of the charts on a real Postgres: written with the ends themselves, so that they equal the ledger.
import { sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import { useDispatcherLab } from '../support/dispatcher-lab.ts';
import { rendered, renderedMany, useLedgerLab } from '../support/ledger-lab.ts';
import { claim, held, outcome, settlement } from '../support/ledger-steps.ts';
import { startLyingMailServer } from '../support/lying-mail-server.ts';

const openLedgerLab = useLedgerLab();
const openLab = useDispatcherLab();

describe('the minutes', () => {
  it('equal the ledger after a mixed run, by priority, state and reason', async () => {
    const server = await startLyingMailServer();
    const lab = await openLab({ smtpUrl: server.smtpUrl });
    server.behave = (to) => {
      const number = Number(/^user-(\d+)@/.exec(to)?.[1]);
      if (number % 10 === 1) return { kind: 'reply', to: 'RCPT', with: '550 5.1.1 no such user' };
      if (number % 10 === 2) return { kind: 'reply', to: 'message', with: '554 5.7.1 no' };
      if (number % 10 === 3) return { kind: 'reply', to: 'RCPT', with: '450 4.7.1 greylisted' };
      return number % 100 === 4 ? { kind: 'drop', at: 'message' } : { kind: 'accept' };
    };
    const mailing = renderedMany(300, { on_no_answer: 'park', is_promo: true });
    const cancelled = renderedMany(40);
    await lab.hold(cancelled[0]?.request_id ?? '', 'cancelled');
    await lab.db.insertInto('unsubscribes').values({ user_id: 'user-5', channel: 'email', source: 'page' }).execute();
    await lab.dispatch([...mailing, ...cancelled, ...renderedMany(10, { expires_at: 1 })]);
    const early = renderedMany(60, { priority: 'high' });
    const ended = early.map((event) => outcome(event));
    for (const again of [ended, ended]) await lab.ledger.insertEnded(again);
    await lab.dispatch(renderedMany(20, { is_test: true }));
    // A slice that comes again ends nothing anew.
    await lab.dispatch(mailing);
    // A retry that ends later is counted when it does.
    server.behave = () => ({ kind: 'accept' });
    const loop = lab.startWaiting();
    await lab.makeDue();
    await expect.poll(() => lab.waitingCount(), { timeout: 60_000 }).toBe(0);
    await loop.stop();

    const rows = await sql<{ what: string; count: number }>`
      select concat_ws(' ', priority, state, reason) as what, count(*)::integer as count from deliveries
      where not is_test group by 1 order by 1
    `.execute(lab.db);
    const minutes = await sql<{ what: string; count: number }>`
      select concat_ws(' ', priority, state, reason) as what, sum(count)::integer as count from delivery_minutes
      group by 1 order by 1
    `.execute(lab.db);
    expect(minutes.rows).toEqual(rows.rows);
    expect(rows.rows.map(({ what }) => what.trim())).toEqual([
      'high skipped no_consent',
      'low failed invalid_address',
      'low failed refused',
      'low sent',
      'low skipped cancelled',
      'low skipped expired',
      'low skipped unsubscribed',
      'low unknown no_answer',
    ]);
  });

  it('are those in which the ends were written, in full minutes', async () => {
    const lab = await openLedgerLab();
    const event = rendered();
    const { token } = await claim(lab, [event]);
    await lab.ledger.settle([settlement(event, token, { endedAtMs: Date.parse('2026-01-01T00:00:30Z') })]);
    const [row] = await lab.db.selectFrom('delivery_minutes').selectAll().execute();
    expect((row?.minute.getTime() ?? 1) % 60_000).toBe(0);
    expect(Math.abs((row?.minute.getTime() ?? 0) - Date.now())).toBeLessThan(180_000);
  });

  it('are written by statements that run at the same time without waiting for each other', async () => {
    const lab = await openLedgerLab();
    const slices = Array.from({ length: 8 }, () => renderedMany(50));
    const claims = await Promise.all(slices.map((events) => claim(lab, events)));
    await Promise.all(
      slices.map((events, at) => lab.ledger.settle(events.map((event) => settlement(event, claims[at]?.token ?? '')))),
    );
    expect(await lab.minutes()).toEqual({ sent: 400 });
    const rows = await lab.db.selectFrom('delivery_minutes').select('worker').execute();
    expect(rows.length).toBeGreaterThan(1);
    // One after the other they go into one row.
    await sql`truncate delivery_minutes`.execute(lab.db);
    for (const event of renderedMany(5)) await lab.ledger.insertEnded([outcome(event)]);
    const counts = (await lab.db.selectFrom('delivery_minutes').select('count').execute()).map(({ count }) => count);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(5);
    expect(counts.length).toBeLessThanOrEqual(2);
  });

  it('do not count what a zombie settles, nor what was given back', async () => {
    const lab = await openLedgerLab();
    const event = rendered();
    const { token } = await claim(lab, [event]);
    await lab.ledger.release([held(event, token)]);
    await lab.ledger.settle([settlement(event, token)]);
    expect(await lab.minutes()).toEqual({});
  });

  it('older than 30 days are deleted, however many, and by several dispatchers at once', async () => {
    const lab = await openLedgerLab();
    await sql`
      insert into delivery_minutes (minute, worker, priority, state, count)
      select date_trunc('minute', now()) - make_interval(days => 31, mins => n), gen_random_uuid(), 'low', 'sent', 1
      from generate_series(1, 5000) n
    `.execute(lab.db);
    await sql`
      insert into delivery_minutes (minute, worker, priority, state, count)
      values (date_trunc('minute', now()) - interval '29 days', gen_random_uuid(), 'low', 'sent', 7)
    `.execute(lab.db);
    const counts = await Promise.all([lab.ledger.deleteOldMinutes(), lab.ledger.deleteOldMinutes()]);
    expect(counts[0] + counts[1]).toBe(5000);
    expect(await lab.minutes()).toEqual({ sent: 7 });
  });
});
