// The dispatcher's lane and an SMS gateway over HTTP, with the ledger on a real Postgres.
import { describe, expect, it } from 'vitest';
import { useDispatcherLab } from '../support/dispatcher-lab.ts';
import { eventually } from '../support/eventually.ts';
import { rendered } from '../support/ledger-lab.ts';
import { startLyingSmsGateway as startGateway } from '../support/lying-sms-gateway.ts';

const openLab = useDispatcherLab();

const sms = (at = 0, changes: Parameters<typeof rendered>[0] = {}) =>
  rendered({ channel: 'sms', address: `+4915100000${String(at).padStart(3, '0')}`, text: 'Neue Folge', ...changes });

// The mail server is not there: SMS must not need it.
const smtpUrl = 'smtp://127.0.0.1:9';

describe('an SMS', () => {
  it('goes to the gateway once, with its id as idempotency key and the token', async () => {
    const gateway = await startGateway(() => 202);
    const lab = await openLab({ smtpUrl, smsUrl: gateway.url });
    const events = Array.from({ length: 30 }, (_, at) => sms(at));
    await lab.dispatch(events);
    await lab.dispatch(events);
    expect(gateway.calls.length).toBe(30);
    expect(gateway.calls.find(({ to }) => to === '+4915100000007')).toEqual({
      to: '+4915100000007',
      text: 'Neue Folge',
      idempotency_key: events[7]?.notification_id,
      authorization: 'Bearer secret',
    });
    expect(await lab.counters()).toEqual({ sent: 30 });
  });

  it.each([
    [422, 'failed refused 1'],
    [413, 'failed too_large 1'],
    [429, 'deferred busy 1'],
  ])('%i → %s', async (status, state) => {
    const event = sms();
    const gateway = await startGateway((call) => (call.idempotency_key === event.notification_id ? status : 200));
    const lab = await openLab({ smtpUrl, smsUrl: gateway.url });
    await lab.dispatch([event, sms(1), sms(2)]);
    expect(await lab.stateOf(event)).toBe(state);
    const row = await lab.db
      .selectFrom('deliveries')
      .select('detail')
      .where('notification_id', '=', event.notification_id)
      .executeTakeFirstOrThrow();
    expect(row.detail).toContain(`HTTP ${status}`);
    expect(row.detail).not.toContain('+49');
  });

  it('is not sent to what is no number', async () => {
    const gateway = await startGateway(() => 200);
    const lab = await openLab({ smtpUrl, smsUrl: gateway.url });
    const event = sms(0, { address: '0151 123' });
    await lab.dispatch([event]);
    expect(await lab.stateOf(event)).toBe('failed invalid_address 1');
    expect(gateway.calls).toEqual([]);
  });

  it.each([
    ['resend', 'deferred no_connection 1'],
    ['park', 'unknown no_answer 1'],
  ] as const)('whose answer is lost is %s → %s', async (onNoAnswer, state) => {
    const event = sms(0, { on_no_answer: onNoAnswer });
    const gateway = await startGateway((call) => (call.idempotency_key === event.notification_id ? 'drop' : 200));
    const lab = await openLab({ smtpUrl, smsUrl: gateway.url });
    await lab.dispatch([event, sms(1), sms(2)]);
    expect(await lab.stateOf(event)).toBe(state);
    gateway.answer = () => 200;
    lab.startWaiting();
    await lab.makeDue();
    await eventually(async () => (await lab.waitingCount()) === 0, 'nothing waits');
    const calls = gateway.calls.filter(({ idempotency_key: key }) => key === event.notification_id).length;
    expect(calls).toBe(onNoAnswer === 'resend' ? 2 : 1);
  });

  it.each([503, 401, 404])('is not failed by a gateway that answers %i to everything', async (status) => {
    const gateway = await startGateway(() => status);
    const lab = await openLab({ smtpUrl, smsUrl: gateway.url });
    const events = Array.from({ length: 20 }, (_, at) => sms(at));
    await expect(lab.dispatch(events)).rejects.toMatchObject({ dependency: 'sms-gateway' });
    expect(await lab.counters()).toEqual({});
    gateway.answer = () => 202;
    await eventually(
      () =>
        lab.dispatch(events).then(
          () => true,
          () => false,
        ),
      'it goes on',
    );
    expect(await lab.counters()).toEqual({ sent: 20 });
  });
});
