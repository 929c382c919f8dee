// One message in two hands: a record that is read again while it waits, a claim that was taken over. The ledger is real.
import { describe, expect, it } from 'vitest';
import { toParked } from '../../services/dispatcher/messages.ts';
import { useDispatcherLab } from '../support/dispatcher-lab.ts';
import { eventually } from '../support/eventually.ts';
import { rendered, toMessage } from '../support/ledger-lab.ts';
import { claim, deferral, held, settlement } from '../support/ledger-steps.ts';
import { startLyingMailServer } from '../support/lying-mail-server.ts';

const openLab = useDispatcherLab();
const unused = { smtpUrl: 'smtp://127.0.0.1:9' };

describe('a record that comes from Kafka and from waiting at the same time', () => {
  it.each(['resend', 'park'] as const)('is sent once by one lane (templates that %s)', async (onNoAnswer) => {
    const server = await startLyingMailServer();
    server.behave = () => ({ kind: 'slow', delayMs: 300 });
    const lab = await openLab({ smtpUrl: server.smtpUrl });
    const event = rendered({ on_no_answer: onNoAnswer });
    const around = { signal: new AbortController().signal, progressed: () => {} };
    const first = lab.lane.dispatch([toMessage(event)], { ...around, fromWaiting: false });
    await eventually(() => server.taken.length === 1, 'the first body has left');
    const waits = { ...toMessage(event), waitsSince: Date.now() };
    await Promise.all([first, lab.lane.dispatch([waits], { ...around, fromWaiting: true })]);
    expect(server.timesTaken(event.notification_id)).toBe(1);
    expect(await lab.stateOf(event)).toBe('sent 1');
  });
});

describe('a claim that was taken over', () => {
  it('is settled together with the one that took it over: only the living one counts', async () => {
    const lab = await openLab(unused);
    const event = rendered();
    const zombie = await claim(lab, [event]);
    await lab.endLeases();
    const heir = await claim(lab, [event]);
    const late = { ...deferral(event, zombie.token), reason: 'busy' };
    const parked = toParked(toMessage(event, 7), Buffer.from('payload'), {
      reason: 'busy',
      dueInMs: 60_000,
      attempt: 1,
    });
    const changed = await lab.ledger.settle([{ ...late, parked }, deferral(event, heir.token, 2)]);
    expect([...changed]).toEqual([event.notification_id]);
    expect(await lab.stateOf(event)).toBe('deferred greylisted 2');
    const waiting = await lab.db.selectFrom('waiting').select(['reason', 'attempt']).execute();
    expect(waiting).toEqual([{ reason: 'greylisted', attempt: 2 }]);
    expect(await lab.counters()).toEqual({ 'deferred greylisted': 1 });
  });

  it('may have left, whoever has it next and whatever was given back: then it ends as unknown, never as skipped', async () => {
    const lab = await openLab(unused);
    const event = rendered();
    await claim(lab, [event]);
    await lab.endLeases();
    const heir = await claim(lab, [event]);
    expect(heir.rows[0]).toMatchObject({ verdict: 'claimed', attempt: 2, may_have_left: true });
    await lab.ledger.release([held(event, heir.token, 2)]);
    await lab.hold(event.request_id, 'cancelled');
    const { rows } = await claim(lab, [event]);
    expect(rows[0]).toMatchObject({ verdict: 'ended', state: 'unknown', reason: 'no_answer' });
  });

  it('from waiting is known to have left as well', async () => {
    const lab = await openLab(unused);
    const event = rendered();
    const { token } = await claim(lab, [event]);
    expect((await claim(lab, [event], { token })).rows[0]).toMatchObject({ verdict: 'claimed', may_have_left: false });
    await lab.endLeases();
    const { rows } = await claim(lab, [event], { fromWaiting: true });
    expect(rows[0]).toMatchObject({ verdict: 'claimed', may_have_left: true });
  });

  it('stays known when its answer never came and its retry waits for another reason', async () => {
    const lab = await openLab(unused);
    const event = rendered();
    const { token } = await claim(lab, [event]);
    const parked = toParked(toMessage(event), Buffer.from('payload'), { reason: 'no_answer', dueInMs: 1, attempt: 1 });
    await lab.ledger.settle([settlement(event, token, { state: 'deferred', reason: 'no_connection', parked })]);
    const second = await claim(lab, [event], { fromWaiting: true, mayHaveLeft: true });
    await lab.ledger.settle([deferral(event, second.token, 2)]);
    const { rows } = await claim(lab, [event], { fromWaiting: true });
    expect(rows[0]).toMatchObject({ verdict: 'claimed', attempt: 3, may_have_left: true });
  });
});
