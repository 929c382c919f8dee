// Pause and cancel while a slice is under way and while some wait: a slow mail server, a real ledger, eight connections.
import { sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import { type DispatcherLab, untilItWorks, useDispatcherLab } from '../support/dispatcher-lab.ts';
import { eventually } from '../support/eventually.ts';
import { rendered, renderedMany, toMessage } from '../support/ledger-lab.ts';
import { claim, deferral } from '../support/ledger-steps.ts';
import { type LyingMailServer, startLyingMailServer } from '../support/lying-mail-server.ts';

const openLab = useDispatcherLab();
const holdTakesMs = 2_000;

async function openSlowLab(): Promise<{ lab: DispatcherLab; server: LyingMailServer }> {
  const server = await startLyingMailServer();
  server.behave = () => ({ kind: 'slow', delayMs: 150 });
  return { server, lab: await openLab({ smtpUrl: server.smtpUrl, connections: 8 }) };
}

/** @returns how many mails the server has taken when a hold must have reached every connection */
async function takenAfterHold(server: LyingMailServer, who: string): Promise<number> {
  const until = Date.now() + holdTakesMs;
  await eventually(() => Date.now() >= until, 'two seconds are over');
  return server.taken.filter(({ to }) => to.startsWith(who)).length;
}

describe('a pause in the middle of a slice', () => {
  it.each(['resend', 'park'] as const)(
    'lets no body leave after two seconds, other requests go on, and the resume sends the rest once (templates that %s)',
    async (onNoAnswer) => {
      const { lab, server } = await openSlowLab();
      const paused = renderedMany(300, { on_no_answer: onNoAnswer });
      const others = renderedMany(60).map((event) => rendered({ ...event, address: `other-${event.address}` }));
      const requestId = paused[0]?.request_id ?? '';
      const dispatched = lab.dispatch([...paused.slice(0, 150), ...others, ...paused.slice(150)]);
      await eventually(() => server.taken.length >= 24, 'some are sent');
      await lab.hold(requestId, 'paused');
      const takenCount = await takenAfterHold(server, 'user');
      await dispatched;
      expect(takenCount).toBeLessThan(200);
      expect(server.taken.filter(({ to }) => to.startsWith('user')).length).toBe(takenCount);
      expect(server.taken.filter(({ to }) => to.startsWith('other')).length).toBe(60);
      expect(await lab.counters()).toEqual({ sent: takenCount + 60 });
      expect(await lab.waitingCount()).toBe(300 - takenCount);
      expect(lab.outcomes.length).toBe(takenCount + 60);

      const loop = lab.startWaiting();
      await lab.hold(requestId, undefined);
      server.behave = () => ({ kind: 'accept' });
      await eventually(async () => (await lab.waitingCount()) === 0, 'nothing waits');
      await loop.stop();
      expect(await lab.counters()).toEqual({ sent: 360 });
      expect(new Set(server.taken.map(({ messageId }) => messageId)).size).toBe(360);
      expect(server.taken.length).toBe(360);
      expect(lab.outcomes.every(({ state, attempt }) => state === 'sent' && attempt === 1)).toBe(true);
      expect(await lab.minutes()).toEqual(await lab.rowCounts());
    },
  );
});

describe('a cancel in the middle of a slice', () => {
  it.each(['resend', 'park'] as const)(
    'lets no body leave after two seconds, and all others end as skipped(cancelled) at once (templates that %s)',
    async (onNoAnswer) => {
      const { lab, server } = await openSlowLab();
      const events = renderedMany(400, { on_no_answer: onNoAnswer });
      const dispatched = lab.dispatch(events);
      await eventually(() => server.taken.length >= 24, 'some are sent');
      await lab.hold(events[0]?.request_id ?? '', 'cancelled');
      await dispatched;
      const sentCount = server.taken.length;
      expect(sentCount).toBeLessThan(250);
      expect(await lab.counters()).toEqual({ sent: sentCount, 'skipped cancelled': 400 - sentCount });
      expect(await lab.counters()).toEqual(await lab.rowCounts());
      expect(await lab.minutes()).toEqual(await lab.rowCounts());
      expect(await lab.waitingCount()).toBe(0);
      expect(new Set(lab.outcomes.map((outcome) => outcome.notification_id)).size).toBe(400);
      const cancelled = lab.outcomes.filter(({ reason }) => reason === 'cancelled');
      expect(cancelled.length).toBe(400 - sentCount);
      // None of them was tried.
      expect(cancelled.every(({ attempt }) => attempt === 0)).toBe(true);
      expect(await lab.stateOf({ notification_id: cancelled[0]?.notification_id ?? '' })).toBe('skipped cancelled 0');
      await lab.dispatch(events);
      expect(server.taken.length).toBe(sentCount);
    },
  );

  it('ends what the server puts off just then as skipped(cancelled), not as waiting', async () => {
    const { lab, server } = await openSlowLab();
    const events = renderedMany(8);
    let holding: Promise<void> | undefined;
    server.behave = () => {
      holding ??= lab.hold(events[0]?.request_id ?? '', 'cancelled');
      return { kind: 'slow', delayMs: 1_200, with: '451 4.7.1 later' };
    };
    await lab.dispatch(events);
    await holding;
    expect(server.taken.length).toBe(8);
    expect(await lab.counters()).toEqual({ 'skipped cancelled': 8 });
    expect(await lab.waitingCount()).toBe(0);
    expect(lab.outcomes.map(({ attempt, detail }) => `${attempt} ${detail}`)).toEqual(
      Array(8).fill('1 451 4.7.1 later'),
    );
  });
});

describe('of a paused request', () => {
  it('records without a row pass, and what was left behind is kept until the request goes on', async () => {
    const server = await startLyingMailServer();
    const lab = await openLab({ smtpUrl: server.smtpUrl });
    const events = renderedMany(50, { on_no_answer: 'park' });
    await claim(lab, events.slice(0, 10));
    await lab.endLeases();
    const requestId = events[0]?.request_id ?? '';
    await lab.hold(requestId, 'paused');
    await lab.dispatch(events);
    expect(server.taken.length).toBe(0);
    expect(lab.outcomes).toEqual([]);
    expect(await lab.waitingCount()).toBe(10);
    lab.startWaiting();
    await lab.hold(requestId, undefined);
    await eventually(async () => (await lab.waitingCount()) === 0, 'what was kept is sent');
    expect(server.taken.length).toBe(10);
    // The runner publishes again who has no row, and whoever has one is not sent twice.
    await lab.dispatch(events);
    expect(await lab.counters()).toEqual({ sent: 50 });
    expect(server.taken.length).toBe(50);
  });

  it('what waits stays, costs nothing meanwhile, is due at once when the pause ends; a backoff keeps its time', async () => {
    const server = await startLyingMailServer();
    const lab = await openLab({ smtpUrl: server.smtpUrl });
    const events = renderedMany(30);
    const requestId = events[0]?.request_id ?? '';
    server.behave = () => ({ kind: 'reply', to: 'RCPT', with: '450 4.7.1 greylisted' });
    await lab.dispatch(events);
    expect(await lab.counters()).toEqual({ 'deferred greylisted': 30 });
    await lab.hold(requestId, 'paused');
    const dueNow = events.slice(0, 20).map((event) => event.notification_id);
    await sql`update waiting set due_at = now() where notification_id = any(${dueNow}::uuid[])`.execute(lab.db);
    lab.startWaiting();
    const putOffCount = async () =>
      (await lab.db.selectFrom('waiting').select('due_at').where('resume_at', 'is not', null).execute()).length;
    await eventually(async () => (await putOffCount()) === 20, 'the pause has put off what was due');
    expect(await lab.counters()).toEqual({ 'deferred greylisted': 30 });
    const due = await lab.db.selectFrom('waiting').select('due_at').where('due_at', '<=', new Date()).execute();
    expect(due).toEqual([]);

    server.behave = () => ({ kind: 'accept' });
    await lab.hold(requestId, undefined);
    await eventually(() => server.taken.length === 20, 'what was due is sent');
    await eventually(async () => (await lab.waitingCount()) === 10, 'the others wait for their time');
    expect(await lab.counters()).toEqual({ sent: 20, 'deferred greylisted': 10 });
    expect(await putOffCount()).toBe(0);
    const left = await lab.db.selectFrom('waiting').select('due_at').execute();
    expect(left.every(({ due_at }) => due_at.getTime() > Date.now() + 10_000)).toBe(true);
  });
});

describe('of a cancelled request, what waits ends at once', () => {
  it('whether for its retry or for the end of a pause', async () => {
    const { lab, server } = await openSlowLab();
    const events = renderedMany(200);
    const requestId = events[0]?.request_id ?? '';
    const greylisted = new Set(events.slice(0, 20).map(({ address }) => address));
    server.behave = (to) =>
      greylisted.has(to) ? { kind: 'reply', to: 'RCPT', with: '450 4.7.1 greylisted' } : { kind: 'slow', delayMs: 150 };
    lab.startWaiting();
    const dispatched = lab.dispatch(events);
    await eventually(() => server.taken.length >= 16, 'some are sent');
    await lab.hold(requestId, 'paused');
    await dispatched;
    const sentCount = server.taken.length;
    expect(await lab.counters()).toEqual({ sent: sentCount, 'deferred greylisted': 20 });
    expect(await lab.waitingCount()).toBe(200 - sentCount);
    await lab.hold(requestId, 'cancelled');
    await eventually(async () => (await lab.waitingCount()) === 0, 'nothing waits');
    expect(server.taken.length).toBe(sentCount);
    expect(await lab.counters()).toEqual({ sent: sentCount, 'skipped cancelled': 200 - sentCount });
    expect(await lab.minutes()).toEqual(await lab.rowCounts());
    expect(new Set(lab.outcomes.map((outcome) => outcome.notification_id)).size).toBe(200);
  });

  it('also while the mail server is down, and what is not cancelled waits on', async () => {
    const server = await startLyingMailServer();
    const lab = await openLab({ smtpUrl: server.smtpUrl });
    const [events, others, fresh] = [renderedMany(10), renderedMany(10), renderedMany(10)];
    server.behave = () => ({ kind: 'reply', to: 'RCPT', with: '450 4.7.1 greylisted' });
    await lab.dispatch([...events, ...others]);
    await server.stop();
    await lab.makeDue();
    for (const [event] of [events, fresh]) await lab.hold(event?.request_id ?? '', 'cancelled');
    await untilItWorks(() => lab.dispatch(fresh));
    await expect(lab.dispatch([...fresh, ...renderedMany(1)])).rejects.toMatchObject({ dependency: 'mail-server' });
    const loop = lab.startWaiting();
    await eventually(async () => (await lab.waitingCount()) === 10, 'what was cancelled has ended');
    expect(await lab.counters()).toEqual({ 'skipped cancelled': 20, 'deferred greylisted': 10 });
    await server.start();
    server.behave = () => ({ kind: 'accept' });
    await eventually(async () => (await lab.waitingCount()) === 0, 'the others are sent');
    await loop.stop();
    expect(await lab.counters()).toEqual({ 'skipped cancelled': 20, sent: 10 });
  });

  it('also when it was cancelled while no dispatcher ran', async () => {
    const server = await startLyingMailServer();
    const lab = await openLab({ smtpUrl: server.smtpUrl });
    const event = rendered();
    const { token } = await claim(lab, [event]);
    const wait = deferral(event, token);
    const value = Buffer.from(JSON.stringify(toMessage(event).event));
    await lab.ledger.settle([{ ...wait, ...(wait.parked && { parked: { ...wait.parked, value } }) }]);
    await lab.hold(event.request_id, 'cancelled');
    await sql`update holds set changed_at = now() - interval '1 day'`.execute(lab.db);
    lab.startWaiting();
    await eventually(async () => (await lab.waitingCount()) === 0, 'nothing waits');
    expect(await lab.stateOf(event)).toBe('skipped cancelled 1');
    expect(lab.told(event)).toEqual(['skipped cancelled 1']);
  });
});
