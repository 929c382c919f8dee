// What the dispatcher makes of the answers of a mail server, and of those that never come; the ledger is real.
import { describe, expect, it } from 'vitest';
import { DependencyError } from '../../lib/errors.ts';
import { untilItWorks, useDispatcherLab } from '../support/dispatcher-lab.ts';
import { eventually } from '../support/eventually.ts';
import { rendered, renderedMany } from '../support/ledger-lab.ts';
import { type Behaviour, startLyingMailServer } from '../support/lying-mail-server.ts';

const openLab = useDispatcherLab();

describe('what a reply says about a message', () => {
  const cases: { behaviour: Behaviour; state: string; suppresses?: boolean }[] = [
    {
      behaviour: { kind: 'reply', to: 'RCPT', with: '550 5.1.1 <x@y.example> unknown' },
      state: 'failed invalid_address 1',
      suppresses: true,
    },
    { behaviour: { kind: 'reply', to: 'RCPT', with: '550 5.7.1 no' }, state: 'failed refused 1' },
    { behaviour: { kind: 'reply', to: 'RCPT', with: '450 4.7.1 greylisted' }, state: 'deferred greylisted 1' },
    { behaviour: { kind: 'reply', to: 'RCPT', with: '452 4.2.2 mailbox full' }, state: 'deferred busy 1' },
    { behaviour: { kind: 'reply', to: 'DATA', with: '554 5.7.0 no' }, state: 'failed refused 1' },
    { behaviour: { kind: 'reply', to: 'message', with: '554 5.7.1 spam' }, state: 'failed refused 1' },
    { behaviour: { kind: 'reply', to: 'message', with: '552 5.3.4 too big' }, state: 'failed too_large 1' },
    { behaviour: { kind: 'reply', to: 'message', with: '451 4.7.0 later' }, state: 'deferred busy 1' },
  ];
  it.each(cases)('$behaviour.to: $behaviour.with → $state', async ({ behaviour, state, suppresses = false }) => {
    const server = await startLyingMailServer();
    const event = rendered({ address: 'bob@people.example' });
    server.behave = (to) => (to === event.address ? behaviour : { kind: 'accept' });
    const lab = await openLab({ smtpUrl: server.smtpUrl });
    await lab.dispatch([event, ...renderedMany(5)]);
    expect(await lab.stateOf(event)).toBe(state);
    expect(await lab.counters()).toEqual({ sent: 5, [state.replace(/ 1$/, '')]: 1 });
    const suppressed = await lab.db.selectFrom('suppressions').select('address').execute();
    expect(suppressed).toEqual(suppresses ? [{ address: 'bob@people.example' }] : []);
    expect(lab.told(event)).toEqual(state.startsWith('deferred') ? [] : [state]);
    const row = await lab.db
      .selectFrom('deliveries')
      .select('detail')
      .where('notification_id', '=', event.notification_id)
      .executeTakeFirstOrThrow();
    expect(row.detail).toMatch(/^\d{3} /);
    expect(row.detail).not.toContain('@');
  });

  it('sends nothing to an address that is not one, and does not trouble the server with it', async () => {
    const server = await startLyingMailServer();
    const lab = await openLab({ smtpUrl: server.smtpUrl });
    const event = rendered({ address: 'a@b.example, evil@c.example' });
    await lab.dispatch([event]);
    expect(await lab.stateOf(event)).toBe('failed invalid_address 1');
    expect(server.taken).toEqual([]);
  });

  it('a deferred message is sent by the waiting loop when it is due, as the second attempt', async () => {
    const server = await startLyingMailServer();
    server.behave = () => ({ kind: 'reply', to: 'RCPT', with: '450 4.7.1 greylisted' });
    const lab = await openLab({ smtpUrl: server.smtpUrl });
    const event = rendered();
    await lab.dispatch([event]);
    expect(await lab.counters()).toEqual({ 'deferred greylisted': 1 });
    server.behave = () => ({ kind: 'accept' });
    await lab.dispatch([event]);
    expect(server.taken, 'a record that meets its deferred row is passed over').toEqual([]);
    lab.startWaiting();
    await lab.makeDue();
    await eventually(async () => (await lab.waitingCount()) === 0, 'nothing waits');
    expect(lab.told(event)).toEqual(['sent 2']);
    expect(await lab.counters()).toEqual({ sent: 1 });
  });

  it('a message that stays deferred fails when it expires', async () => {
    const server = await startLyingMailServer();
    server.behave = () => ({ kind: 'reply', to: 'RCPT', with: '450 4.7.1 greylisted' });
    const lab = await openLab({ smtpUrl: server.smtpUrl });
    const event = rendered({ expires_at: Date.now() + 30_000 });
    await lab.dispatch([event]);
    expect(lab.told(event)).toEqual(['failed retries_exhausted 1']);
  });
});

describe('a send whose answer never arrives', () => {
  async function breakOnce(behaviour: Behaviour, onNoAnswer: 'resend' | 'park', answerTimeoutMs = 5_000) {
    const server = await startLyingMailServer();
    const event = rendered({ on_no_answer: onNoAnswer });
    server.behave = (to) => (to === event.address ? behaviour : { kind: 'accept' });
    const lab = await openLab({ smtpUrl: server.smtpUrl, answerTimeoutMs });
    await lab.dispatch([event, ...renderedMany(3)]);
    server.behave = () => ({ kind: 'accept' });
    return { server, lab, event };
  }

  it('is repeated once, under the same Message-ID, when its template resends', async () => {
    const { server, lab, event } = await breakOnce({ kind: 'drop', at: 'message' }, 'resend');
    expect(await lab.stateOf(event)).toBe('deferred no_connection 1');
    lab.startWaiting();
    await lab.makeDue();
    await eventually(async () => (await lab.waitingCount()) === 0, 'nothing waits');
    expect(lab.told(event)).toEqual(['sent 2']);
    expect(server.timesTaken(event.notification_id)).toBe(2);
    await lab.dispatch([event]);
    expect(server.timesTaken(event.notification_id)).toBe(2);
  });

  it('becomes unknown, and is never repeated, when its template parks', async () => {
    const { server, lab, event } = await breakOnce({ kind: 'drop', at: 'message' }, 'park');
    expect(lab.told(event)).toEqual(['unknown no_answer 1']);
    lab.startWaiting();
    await lab.endLeases();
    await lab.dispatch([event]);
    expect(await lab.waitingCount()).toBe(0);
    expect(server.timesTaken(event.notification_id)).toBe(1);
    expect(await lab.counters()).toEqual({ sent: 3, 'unknown no_answer': 1 });
  });

  it('is the same when the server freezes', async () => {
    const { lab, event } = await breakOnce({ kind: 'freeze', at: 'message' }, 'park', 300);
    expect(lab.told(event)).toEqual(['unknown no_answer 1']);
  });

  it.each(['RCPT', 'DATA'] as const)(
    'is not one when the connection broke at %s: it is tried again at once',
    async (at) => {
      const server = await startLyingMailServer();
      const event = rendered({ on_no_answer: 'park' });
      let breaksLeft = 2;
      server.behave = (to) => (to === event.address && breaksLeft-- > 0 ? { kind: 'drop', at } : { kind: 'accept' });
      const lab = await openLab({ smtpUrl: server.smtpUrl });
      await lab.dispatch([event, ...renderedMany(3)]);
      expect(lab.told(event)).toEqual(['sent 1']);
      expect(server.timesTaken(event.notification_id)).toBe(1);
    },
  );

  it('puts a message off that breaks every connection, while others get through', async () => {
    const server = await startLyingMailServer();
    const event = rendered();
    server.behave = (to) => (to === event.address ? { kind: 'drop', at: 'DATA' } : { kind: 'slow', delayMs: 2 });
    const lab = await openLab({ smtpUrl: server.smtpUrl });
    await lab.dispatch([event, ...renderedMany(60)]);
    expect(await lab.stateOf(event)).toBe('deferred no_connection 1');
    expect(await lab.counters()).toEqual({ sent: 60, 'deferred no_connection': 1 });
  });

  it('stops the lane when nothing else gets an answer either, instead of burning one message after the other', async () => {
    const server = await startLyingMailServer();
    server.behave = () => ({ kind: 'drop', at: 'message' });
    const lab = await openLab({ smtpUrl: server.smtpUrl });
    const events = renderedMany(200, { on_no_answer: 'park' });
    await expect(lab.dispatch(events)).rejects.toThrow(DependencyError);
    const { 'unknown no_answer': unknown = 0 } = await lab.counters();
    expect(unknown).toBeGreaterThan(0);
    expect(unknown).toBeLessThan(15);
    server.behave = () => ({ kind: 'accept' });
    await untilItWorks(() => lab.dispatch(events));
    expect(await lab.counters()).toEqual({ sent: 200 - unknown, 'unknown no_answer': unknown });
    expect(server.taken.length).toBe(200);
  });
});
