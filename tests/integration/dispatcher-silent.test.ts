// Recipients about whom the mail server or the SMS gateway says nothing at all: the others of their lane are sent within 15
// seconds, in the same slice and in the next ones, though an answer may take 30. Nothing is lost or doubled.
import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { NotificationRendered } from '../../lib/events.ts';
import { useDispatcherLab } from '../support/dispatcher-lab.ts';
import { eventually } from '../support/eventually.ts';
import { rendered, renderedMany, toMessage } from '../support/ledger-lab.ts';
import { type Moment, startLyingMailServer } from '../support/lying-mail-server.ts';
import { startLyingSmsGateway } from '../support/lying-sms-gateway.ts';
import { openDispatcher, type RunningDispatcher } from '../support/running-dispatcher.ts';

const openLab = useDispatcherLab();
const withinMs = 15_000;
/** Of the lane of resets, as it is configured. */
const connections = 4;

const isSilentTo = (to: string) => to.startsWith('silent');

function silentMany(count: number, changes: Partial<NotificationRendered> = {}): NotificationRendered[] {
  return renderedMany(count, changes).map((event, at) =>
    rendered({ ...changes, request_id: event.request_id, address: `silent-${at}@people.example` }),
  );
}

async function sentWithin(lab: RunningDispatcher, count: number): Promise<void> {
  await eventually(async () => (await lab.states()).sent === count, `${count} are sent`, withinMs);
}

const stillOpen = ({ claimed = 0, sending = 0 }: Record<string, number>) => claimed + sending;

describe('in one partition of the lane of resets', () => {
  const stages: Moment[] = ['RCPT', 'DATA', 'message'];
  it.each(stages)('six recipients in a row hold up nobody behind them by their silence at %s', async (at) => {
    const lab = await openDispatcher();
    lab.server.interrupt = (moment, to) => (moment === at && isSilentTo(to) ? {} : undefined);
    const high = lab.topics.rendered.high;
    const some = silentMany(connections + 2, { priority: 'high' });
    await lab.sendEvents(high, [...some, ...renderedMany(212, { priority: 'high' })]);
    await sentWithin(lab, 212);
    for (let slices = 1; slices <= 5; slices++) {
      await lab.sendEvents(high, renderedMany(20, { priority: 'high' }));
      await sentWithin(lab, 212 + 20 * slices);
    }
    expect(stillOpen(await lab.states())).toBe(some.length);
    expect((await lab.ops('/readyz')).status).toBe(200);
    // The connections break: what may have left waits for its second try, the others are free for one.
    lab.server.interrupt = undefined;
    await lab.server.stop();
    await lab.server.start();
    await eventually(async () => stillOpen(await lab.states()) === 0, 'all have an answer');
    const { sent = 0, 'deferred no_connection': deferred = 0, ...others } = await lab.states();
    expect([sent + deferred, others]).toEqual([312 + some.length, {}]);
    if (at === 'message') expect(deferred).toBe(some.length);
    expect(new Set(lab.server.taken.map(({ messageId }) => messageId)).size).toBe(lab.server.taken.length);
  });

  it('one in each slice holds up nobody, and its mail that is answered late is told and waits no more', async () => {
    const lab = await openDispatcher();
    lab.server.behave = (to) => (isSilentTo(to) ? { kind: 'slow', delayMs: 8_000 } : { kind: 'accept' });
    for (const [at, event] of silentMany(3, { priority: 'high', on_no_answer: 'park' }).entries()) {
      await lab.sendEvents(lab.topics.rendered.high, [event, ...renderedMany(30, { priority: 'high' })]);
      await sentWithin(lab, 30 * (at + 1));
    }
    expect(stillOpen(await lab.states())).toBe(3);
    await sentWithin(lab, 93);
    const outcomes = await lab.readEvents(lab.topics.outcomes, 93);
    expect(new Set(outcomes.map(({ notification_id: id }) => id)).size).toBe(93);
    await eventually(
      async () => (await lab.db.selectFrom('waiting').select('key').execute()).length === 0,
      'none waits',
    );
    expect(lab.server.taken.length).toBe(93);
  });
});

it('phone numbers about which the gateway says nothing hold up neither others nor the e-mails of their lane', async () => {
  const gateway = await startLyingSmsGateway(({ to }) => (to.startsWith('+4915199') ? 'freeze' : 202));
  const lab = await openDispatcher({ SMS_GATEWAY_URL: gateway.url, SMS_TIMEOUT_MS: '25000', SMS_CONNECTIONS: '4' });
  const sms = (number: string) => rendered({ channel: 'sms', address: number, text: 'Neue Folge' });
  const silent = Array.from({ length: 6 }, (_, at) => sms(`+4915199000${at}`));
  const others = (from: number) => Array.from({ length: 10 }, (_, at) => sms(`+49151000${from + at}`));
  await lab.sendEvents(lab.topics.rendered.low, [...silent, ...others(100), ...renderedMany(50)]);
  await sentWithin(lab, 60);
  await lab.sendEvents(lab.topics.rendered.low, [...others(200), ...renderedMany(50)]);
  await sentWithin(lab, 120);
  expect(stillOpen(await lab.states())).toBe(6);
  expect((await lab.ops('/readyz')).status).toBe(200);
});

describe('a slice that has gone on without an answer', () => {
  const open = async () => {
    const server = await startLyingMailServer();
    server.interrupt = (moment, to) => (moment === 'message' && isSilentTo(to) ? { takes: true } : undefined);
    return { server, lab: await openLab({ smtpUrl: server.smtpUrl, answerTimeoutMs: 60_000 }) };
  };

  it.each(['resend', 'park'] as const)(
    'leaves to its heir what it had in hand when it is killed (%s)',
    async (choice) => {
      const { server, lab } = await open();
      const [event] = silentMany(1, { on_no_answer: choice });
      if (!event) throw new Error('one is made');
      await lab.dispatch([event, ...renderedMany(20)]);
      expect(await lab.waitingCount()).toBe(1);
      // As after a kill: nobody renews the claim, and nobody here writes anything down.
      await lab.endLeases();
      await lab.makeDue();
      server.interrupt = undefined;
      const heir = await openHeir(lab);
      await eventually(async () => (await lab.waitingCount()) === 0, 'nothing waits');
      await heir.stop();
      expect(await lab.stateOf(event)).toBe(choice === 'park' ? 'unknown no_answer 1' : 'sent 2');
      expect(server.timesTaken(event.notification_id)).toBe(choice === 'park' ? 1 : 2);
      expect(await lab.counters()).toEqual(choice === 'park' ? { sent: 20, 'unknown no_answer': 1 } : { sent: 21 });
    },
  );

  it('takes back what has not left when it stops, and loses and doubles nothing', async () => {
    const { server, lab } = await open();
    server.interrupt = (moment, to) => (moment === 'RCPT' && isSilentTo(to) ? {} : undefined);
    const some = silentMany(3, { on_no_answer: 'park' });
    await lab.dispatch([...some, ...renderedMany(20)]);
    await lab.lane.stop();
    const rows = await lab.db
      .selectFrom('deliveries')
      .select(['state', 'token'])
      .where('state', '<>', 'sent')
      .execute();
    expect(rows).toEqual(some.map(() => ({ state: 'claimed', token: null })));
    server.interrupt = undefined;
    await lab.makeDue();
    const heir = await openHeir(lab);
    await eventually(async () => (await lab.waitingCount()) === 0, 'nothing waits');
    await heir.stop();
    expect(await lab.counters()).toEqual({ sent: 23 });
    expect(some.map((event) => server.timesTaken(event.notification_id))).toEqual([1, 1, 1]);
  });

  it('keeps the order of the messages to one person', async () => {
    const { server, lab } = await open();
    server.interrupt = undefined;
    const userId = randomUUID();
    server.behave = (to) => (isSilentTo(to) ? { kind: 'slow', delayMs: 4_000 } : { kind: 'accept' });
    const own = [0, 1, 2].map(() => rendered({ user_id: userId, address: 'silent@people.example' }));
    const dispatch = (events: readonly NotificationRendered[], offset: number) => {
      const messages = events.map((event, at) => toMessage(event, offset + at));
      const { signal } = new AbortController();
      return lab.lane.dispatch(messages, { fromWaiting: false, signal, progressed: () => {} });
    };
    await dispatch(own.slice(0, 2), 0);
    server.behave = () => ({ kind: 'accept' });
    await dispatch([...own.slice(2), ...renderedMany(5)], 2);
    expect(await lab.counters()).toEqual({ sent: 5 });
    lab.startWaiting();
    await eventually(async () => (await lab.counters()).sent === 8, 'all are sent');
    expect(server.taken.filter(({ to }) => isSilentTo(to)).map(({ messageId }) => messageId)).toEqual(
      own.map(({ notification_id: id }) => id),
    );
  });

  it('comes again without sending twice what it had left behind', async () => {
    const { server, lab } = await open();
    const [event] = silentMany(1);
    if (!event) throw new Error('one is made');
    const slice = [event, ...renderedMany(20)];
    await lab.dispatch(slice);
    await lab.dispatch(slice);
    expect(server.timesTaken(event.notification_id)).toBe(1);
    expect(server.taken.length).toBe(21);
    expect(await lab.waitingCount()).toBe(1);
  });

  it('is waited for when there are many already: a server that is silent to everybody gets few of them', async () => {
    const { server, lab } = await open();
    server.interrupt = (moment) => (moment === 'RCPT' ? {} : undefined);
    let doneCount = 0;
    const slices = Array.from({ length: 30 }, () => lab.dispatch([rendered()]).then(() => (doneCount += 1)));
    await eventually(async () => doneCount === 8, 'twice as many as there are connections', withinMs);
    expect(server.connectionCount).toBe(8);
    server.interrupt = undefined;
    await server.stop();
    await Promise.allSettled(slices);
    expect(server.connectionCount).toBe(0);
  });
});

/** Another dispatcher, which sends what waits. */
async function openHeir(lab: Awaited<ReturnType<typeof openLab>>) {
  return lab.startWaiting(lab.createLane());
}
