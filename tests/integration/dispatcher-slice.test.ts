// A slice of rendered records on its way through the dispatcher's lane: a mail server that behaves, a real ledger.
import { sql } from 'kysely';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { NotificationRendered } from '../../lib/events.ts';
import { useDispatcherLab } from '../support/dispatcher-lab.ts';
import { eventually } from '../support/eventually.ts';
import { rendered, renderedMany, toMessage } from '../support/ledger-lab.ts';
import { startLyingMailServer } from '../support/lying-mail-server.ts';

const openLab = useDispatcherLab();

const idsOf = (events: readonly NotificationRendered[]): string[] => events.map((event) => event.notification_id);

describe('a slice', () => {
  it('is sent, one recipient at a time, settled and told', async () => {
    const server = await startLyingMailServer();
    const lab = await openLab({ smtpUrl: server.smtpUrl });
    const events = renderedMany(500);
    await lab.dispatch(events);
    expect(server.taken.map(({ messageId }) => messageId).sort()).toEqual(idsOf(events).sort());
    expect(server.taken[0]).toMatchObject({ from: 'no-reply@sender.example' });
    expect(lab.outcomes.length).toBe(500);
    expect(
      lab.outcomes.every(({ state, stage, attempt }) => state === 'sent' && stage === 'dispatcher' && attempt === 1),
    ).toBe(true);
    expect(await lab.counters()).toEqual({ sent: 500 });
    expect(server.greetedCount).toBeLessThanOrEqual(4);
  });

  it('that comes again is told again, and sends nothing', async () => {
    const server = await startLyingMailServer();
    const lab = await openLab({ smtpUrl: server.smtpUrl });
    const events = renderedMany(50);
    await lab.dispatch(events);
    await lab.dispatch(events);
    expect(server.taken.length).toBe(50);
    expect(lab.outcomes.length).toBe(100);
    expect(await lab.counters()).toEqual({ sent: 50 });
  });

  it('is sent once by two dispatchers that get it at the same time', async () => {
    const server = await startLyingMailServer();
    const lab = await openLab({ smtpUrl: server.smtpUrl });
    const other = lab.createLane();
    const events = renderedMany(300);
    const around = { fromWaiting: false, signal: new AbortController().signal, progressed: () => {} };
    const messages = events.map(toMessage);
    await Promise.all([lab.lane.dispatch(messages, around), other.dispatch(messages, around)]);
    expect(server.taken.map(({ messageId }) => messageId).sort()).toEqual(idsOf(events).sort());
    expect(await lab.counters()).toEqual({ sent: 300 });
    // What was another's is parked, and leaves when it is seen to have ended.
    lab.startWaiting();
    await lab.makeDue();
    await eventually(async () => (await lab.waitingCount()) === 0, 'nothing waits');
    expect(server.taken.length).toBe(300);
  });

  it('sends two messages to one person one after the other, in order, even when the first needs a second try', async () => {
    const server = await startLyingMailServer();
    let breaksLeft = 1;
    server.behave = (to) =>
      to === 'ada@people.example' && breaksLeft-- > 0 ? { kind: 'drop', at: 'DATA' } : { kind: 'accept' };
    const lab = await openLab({ smtpUrl: server.smtpUrl, connections: 8 });
    const toAda = Array.from({ length: 10 }, () => rendered({ user_id: 'ada' }));
    await lab.dispatch([...renderedMany(20), ...toAda, ...renderedMany(20)]);
    const arrived = server.taken.filter(({ to }) => to === 'ada@people.example').map(({ messageId }) => messageId);
    expect(arrived).toEqual(idsOf(toAda));
  });

  it('works with a server that knows no pipelining, and goes on after a refused recipient on the same connection', async () => {
    const server = await startLyingMailServer({ pipelining: false });
    server.behave = (to) =>
      to.startsWith('user-1') ? { kind: 'reply', to: 'RCPT', with: '554 5.7.1 not you' } : { kind: 'accept' };
    const lab = await openLab({ smtpUrl: server.smtpUrl, connections: 1 });
    await lab.dispatch(renderedMany(30));
    expect(await lab.counters()).toEqual({ sent: 19, 'failed refused': 11 });
    expect(server.greetedCount).toBe(1);
  });

  it('uses fewer connections when the server takes no more, and sends all', async () => {
    const server = await startLyingMailServer({ maxConnections: 2 });
    const lab = await openLab({ smtpUrl: server.smtpUrl, connections: 6 });
    await lab.dispatch(renderedMany(100));
    expect(await lab.counters()).toEqual({ sent: 100 });
  });
});

describe('a process that was frozen', () => {
  it('sends nothing of a claim that has too little time left; all is parked and sent later, once', async () => {
    const server = await startLyingMailServer();
    const monotonic = performance.now.bind(performance);
    let frozenMs = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => monotonic() + frozenMs);
    onTestFinished(() => void vi.restoreAllMocks());
    const lab = await openLab({ smtpUrl: server.smtpUrl, connections: 2 });
    server.behave = () => {
      if (server.taken.length >= 20) frozenMs = 46_000;
      return { kind: 'accept' };
    };
    const events = [...renderedMany(60), ...renderedMany(60, { on_no_answer: 'park' })];
    await lab.dispatch(events);
    // One more was in its body when the clock jumped.
    expect(server.taken.length).toBeLessThanOrEqual(22);
    expect(await lab.counters()).toEqual({ sent: server.taken.length });
    expect(await lab.waitingCount()).toBe(120 - server.taken.length);
    lab.startWaiting();
    await lab.makeDue();
    await eventually(async () => (await lab.waitingCount()) === 0, 'nothing waits');
    expect(await lab.counters()).toEqual({ sent: 120 });
    expect(server.taken.length).toBe(120);
    expect(lab.outcomes.every(({ attempt }) => attempt === 1)).toBe(true);
  });

  it('keeps its claims while a slow server makes a slice last, and renews them', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    onTestFinished(() => void vi.useRealTimers());
    const server = await startLyingMailServer();
    server.behave = () => ({ kind: 'slow', delayMs: 20 });
    const lab = await openLab({ smtpUrl: server.smtpUrl, connections: 1 });
    const events = renderedMany(20);
    const dispatched = lab.dispatch(events);
    await eventually(() => server.taken.length >= 3, 'some are sent');
    await sql`update deliveries set lease_until = now() + interval '1 second' where state = 'claimed'`.execute(lab.db);
    await vi.advanceTimersByTimeAsync(20_000);
    await eventually(async () => {
      const rows = await lab.db
        .selectFrom('deliveries')
        .select('state')
        .where('lease_until', '>', new Date(Date.now() + 50_000))
        .execute();
      return rows.length > 5;
    }, 'their leases are renewed');
    await dispatched;
    expect(await lab.counters()).toEqual({ sent: 20 });
  });
});
