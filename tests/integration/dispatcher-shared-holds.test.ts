// Holds that cover more than one request, as the dispatcher keeps them: at the claim, while bodies are leaving, and for what
// waits. A slow mail server, a real ledger, two dispatchers.
import { sql } from 'kysely';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { SharedScope } from '../../domain/holds.ts';
import type { NotificationRendered } from '../../lib/events.ts';
import { liftHold } from '../../lib/holds/lift-hold.ts';
import { placeHold } from '../../lib/holds/place-hold.ts';
import { useDispatcherLab } from '../support/dispatcher-lab.ts';
import { eventually } from '../support/eventually.ts';
import { type LedgerLab, rendered, renderedMany, toMessage } from '../support/ledger-lab.ts';
import { claim, deferral, held, settlement } from '../support/ledger-steps.ts';
import { startLyingMailServer } from '../support/lying-mail-server.ts';
import { startSmsSink } from '../support/sms-sink.ts';

const openLab = useDispatcherLab();
const holdTakesMs = 2_000;

interface ScopeCase {
  scope: SharedScope;
  subject: string;
  covered: Partial<NotificationRendered>;
  /** The nearest that it does not cover. */
  free: Partial<NotificationRendered>;
}

const cases: ScopeCase[] = [
  { scope: 'template', subject: 'news', covered: { template_id: 'news' }, free: { template_id: 'newsletter' } },
  { scope: 'channel', subject: 'email', covered: {}, free: { channel: 'sms', address: '+49151000000' } },
  { scope: 'promotional', subject: '', covered: { is_promo: true }, free: { is_promo: false } },
  { scope: 'lane', subject: 'low/email', covered: {}, free: { priority: 'high' } },
];

async function place(lab: LedgerLab, { scope, subject }: Pick<ScopeCase, 'scope' | 'subject'>): Promise<string> {
  expect(await placeHold(lab.db, { scope, subject, author: 'ada', reason: 'a test', endsInMs: null })).toBe(true);
  const { hold_id } = await lab.db
    .selectFrom('sending_holds')
    .select('hold_id')
    .where('lifted_at', 'is', null)
    .where('scope', '=', scope)
    .executeTakeFirstOrThrow();
  return String(hold_id);
}

describe.each(cases)('a hold on a $scope, in a claim,', ({ scope, subject, covered, free }) => {
  it('lets nothing of it be inserted or changed, and says which hold it is; everything else goes on', async () => {
    const lab = await openLab({ smtpUrl: 'smtp://127.0.0.1:9' });
    const [fresh, leftBehind, waits, ended] = [covered, covered, covered, covered].map(rendered);
    if (!fresh || !leftBehind || !waits || !ended) throw new Error('four');
    const { token } = await claim(lab, [leftBehind, waits, ended]);
    await lab.ledger.settle([deferral(waits, token), settlement(ended, token)]);
    await lab.endLeases();
    const id = await place(lab, { scope, subject });
    const other = rendered(free);
    const { rows } = await claim(lab, [fresh, leftBehind, waits, ended, other], { fromWaiting: true });
    expect(rows.map((row) => `${row?.verdict} ${row?.state} ${row?.hold_id}`)).toEqual([
      `paused null ${id}`,
      `paused claimed ${id}`,
      `paused deferred ${id}`,
      `ended sent ${id}`,
      'claimed claimed null',
    ]);
    expect([await lab.stateOf(fresh), await lab.stateOf(leftBehind)]).toEqual([undefined, 'claimed 1']);
    expect(await liftHold(lab.db, id, 'ada')).toEqual({ scope, subject });
    const again = await claim(lab, [fresh, leftBehind, waits], { fromWaiting: true });
    expect(again.rows.map((row) => row?.verdict)).toEqual(['claimed', 'claimed', 'claimed']);
  });

  it('does not keep a cancelled request from ending, and gives way to the pause of a request', async () => {
    const lab = await openLab({ smtpUrl: 'smtp://127.0.0.1:9' });
    const [cancelled, paused] = [rendered(covered), rendered(covered)];
    await place(lab, { scope, subject });
    await lab.hold(cancelled.request_id, 'cancelled');
    await lab.hold(paused.request_id, 'paused');
    const { rows } = await claim(lab, [cancelled, paused]);
    expect(rows.map((row) => `${row?.verdict} ${row?.reason} ${row?.hold_id}`)).toEqual([
      'ended cancelled null',
      'paused null null',
    ]);
  });
});

describe('a test-send', () => {
  it('of a held template, or a promotional one, goes to the person who asked for it; a held lane keeps it', async () => {
    const lab = await openLab({ smtpUrl: 'smtp://127.0.0.1:9' });
    await place(lab, { scope: 'template', subject: 'news' });
    await place(lab, { scope: 'promotional', subject: '' });
    const test = { template_id: 'news', is_promo: true, is_test: true };
    expect((await claim(lab, [rendered(test)])).rows[0]?.verdict).toBe('claimed');
    await place(lab, { scope: 'lane', subject: 'low/email' });
    expect((await claim(lab, [rendered(test)])).rows[0]?.verdict).toBe('paused');
  });
});

describe.each(cases)(
  'a hold on a $scope, in the middle of slices of two dispatchers,',
  ({ scope, subject, covered, free }) => {
    it('lets no body of it leave after two seconds, all others go on, and the lift sends the rest once', async () => {
      const [server, sms] = await Promise.all([startLyingMailServer(), startSmsSink()]);
      onTestFinished(() => sms.stop());
      server.behave = () => ({ kind: 'slow', delayMs: 150 });
      const lab = await openLab({ smtpUrl: server.smtpUrl, smsUrl: sms.smsGatewayUrl, connections: 4 });
      const ours = renderedMany(300, covered);
      const others = renderedMany(30, free).map((event) =>
        rendered({ ...event, address: event.channel === 'sms' ? event.address : `other-${event.address}` }),
      );
      const lanes = [lab.lane, lab.createLane()];
      const half = (events: readonly NotificationRendered[], at: number) =>
        events.filter((_, index) => index % 2 === at);
      const around = { fromWaiting: false, signal: new AbortController().signal, progressed: () => {} };
      const dispatched = lanes.map((lane, at) =>
        lane.dispatch(
          [...half(ours, at).slice(0, 75), ...half(others, at), ...half(ours, at).slice(75)].map(toMessage),
          around,
        ),
      );
      const takenOfOurs = () => server.taken.filter(({ to }) => to.startsWith('user')).length;
      await eventually(() => takenOfOurs() >= 24, 'some are sent');
      const id = await place(lab, { scope, subject });
      const until = Date.now() + holdTakesMs;
      await eventually(() => Date.now() >= until, 'two seconds are over');
      const takenCount = takenOfOurs();
      await Promise.all(dispatched);
      expect(takenCount).toBeLessThan(250);
      expect(takenOfOurs()).toBe(takenCount);
      expect(await lab.counters()).toEqual({ sent: takenCount + 30 });
      expect(await lab.waitingCount()).toBe(300 - takenCount);

      // The hold keeps what waits: only its end makes anything due.
      const loop = lab.startWaiting();
      server.behave = () => ({ kind: 'accept' });
      const first = await lab.ledger.wake(undefined);
      expect(first.count).toBe(0);
      expect(takenOfOurs()).toBe(takenCount);
      await liftHold(lab.db, id, 'ada');
      await eventually(async () => (await lab.waitingCount()) === 0, 'nothing waits');
      await loop.stop();
      expect(await lab.counters()).toEqual({ sent: 330 });
      const sent = [...server.taken.map(({ messageId }) => messageId), ...sms.delivered.keys()];
      expect([sent.length, new Set(sent).size]).toEqual([330, 330]);
      expect(await lab.minutes()).toEqual(await lab.rowCounts());
    });
  },
);

describe('what waits', () => {
  it('under two holds goes on when both are lifted, and ends when its request is cancelled meanwhile', async () => {
    const server = await startLyingMailServer();
    const lab = await openLab({ smtpUrl: server.smtpUrl });
    const [going, cancelled] = [renderedMany(10, { is_promo: true }), renderedMany(10, { is_promo: true })];
    server.behave = () => ({ kind: 'reply', to: 'RCPT', with: '450 4.7.1 greylisted' });
    await lab.dispatch([...going, ...cancelled]);
    const ids = [
      await place(lab, { scope: 'promotional', subject: '' }),
      await place(lab, { scope: 'channel', subject: 'email' }),
    ];
    await lab.makeDue();
    lab.startWaiting();
    const heldCount = async (id: string | undefined) =>
      (await lab.db.selectFrom('waiting').select('due_at').where('hold_id', '=', Number(id)).execute()).length;
    await eventually(async () => (await heldCount(ids[0])) === 20, 'the first hold has put them off');
    expect(await lab.counters()).toEqual({ 'deferred greylisted': 20 });
    server.behave = () => ({ kind: 'accept' });
    await liftHold(lab.db, ids[0] ?? '', 'ada');
    await eventually(async () => (await heldCount(ids[1])) === 20, 'the second hold has put them off');
    await lab.hold(cancelled[0]?.request_id ?? '', 'cancelled');
    await eventually(async () => (await lab.waitingCount()) === 10, 'the cancelled ones have ended');
    expect(server.taken).toEqual([]);
    await liftHold(lab.db, ids[1] ?? '', 'ada');
    await eventually(async () => (await lab.waitingCount()) === 0, 'the others are sent');
    expect(await lab.counters()).toEqual({ sent: 10, 'skipped cancelled': 10 });
    expect(server.taken.length).toBe(10);
  });

  it('comes back 500 at a time when a hold is lifted, and keeps a backoff that is still to come', async () => {
    const lab = await openLab({ smtpUrl: 'smtp://127.0.0.1:9' });
    const events = renderedMany(1_250, { is_promo: true });
    const { token } = await claim(lab, events);
    await lab.ledger.settle(events.map((event) => deferral(event, token)));
    const id = await place(lab, { scope: 'promotional', subject: '' });
    await sql`update waiting set due_at = now()`.execute(lab.db);
    const later = new Set(events.slice(0, 50).map((event) => event.notification_id));
    await lab.ledger.postpone(
      events.map((event) => ({
        notificationId: event.notification_id,
        dueInMs: 300_000,
        isPaused: true,
        holdId: Number(id),
      })),
    );
    await sql`
      update waiting set resume_at = now() + interval '1 hour'
      where notification_id = any(${[...later]}::uuid[])`.execute(lab.db);
    await liftHold(lab.db, id, 'ada');
    const dueCount = async () =>
      (await lab.db.selectFrom('waiting').select('due_at').where('due_at', '<=', new Date()).execute()).length;
    expect((await lab.ledger.wake(undefined)).count).toBe(500);
    expect(await dueCount()).toBeLessThanOrEqual(500);
    expect([(await lab.ledger.wake(undefined)).count, (await lab.ledger.wake(undefined)).count]).toEqual([500, 250]);
    expect((await lab.ledger.wake(undefined)).count).toBe(0);
    expect(await dueCount()).toBe(1_200);
  });

  it('of a claim left behind under a hold is kept, and taken over when the hold is lifted', async () => {
    const server = await startLyingMailServer();
    const lab = await openLab({ smtpUrl: server.smtpUrl });
    const events = renderedMany(40, { template_id: 'news', on_no_answer: 'park' });
    const { token } = await claim(lab, events.slice(0, 10));
    await lab.ledger.release(events.slice(0, 5).map((event) => held(event, token)));
    await lab.endLeases();
    const id = await place(lab, { scope: 'template', subject: 'news' });
    await lab.dispatch(events);
    expect([server.taken.length, lab.outcomes.length, await lab.waitingCount()]).toEqual([0, 0, 10]);
    lab.startWaiting();
    await liftHold(lab.db, id, 'ada');
    await eventually(async () => (await lab.waitingCount()) === 0, 'what was kept is sent');
    // The planner publishes again who has no row, and whoever has one is not sent twice.
    await lab.dispatch(events);
    expect(await lab.counters()).toEqual({ sent: 40 });
    expect(server.taken.length).toBe(40);
  });
});
