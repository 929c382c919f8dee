// Everybody is refused: nobody fails, little is put off, and the guard holds what is refused, so that the list is not burnt.
import { describe, expect, it } from 'vitest';
import { DependencyError } from '../../lib/errors.ts';
import type { NotificationRendered } from '../../lib/events.ts';
import { type DispatcherLab, untilItWorks, useDispatcherLab } from '../support/dispatcher-lab.ts';
import { eventually } from '../support/eventually.ts';
import { rendered, renderedMany } from '../support/ledger-lab.ts';
import { type Behaviour, startLyingMailServer } from '../support/lying-mail-server.ts';
import { startLyingSmsGateway } from '../support/lying-sms-gateway.ts';

const openLab = useDispatcherLab();

async function holdsOf({ db }: DispatcherLab) {
  const requests = await db.selectFrom('holds').select(['request_id', 'state', 'changed_by', 'reason']).execute();
  const shared = await db.selectFrom('sending_holds').select(['scope', 'subject', 'author', 'reason']).execute();
  return [
    ...requests.map((row) => ({
      scope: 'request',
      subject: row.request_id,
      author: row.changed_by,
      reason: row.reason,
    })),
    ...shared,
  ];
}

const failed = (counters: Record<string, number>) =>
  Object.keys(counters).filter((state) => state.startsWith('failed'));
const sum = (counters: Record<string, number>) => Object.values(counters).reduce((all, count) => all + count, 0);

/** In slices of a hundred, as often as the lane waits, until the guard holds something. */
async function dispatchUntilHeld(lab: DispatcherLab, events: readonly NotificationRendered[]): Promise<void> {
  for (let at = 0; at < events.length && (await holdsOf(lab)).length === 0; ) {
    try {
      await lab.dispatch(events.slice(at, at + 100));
      at += 100;
    } catch (error) {
      if (!(error instanceof DependencyError)) throw error;
    }
  }
}

describe('a mailing of which everybody is refused', () => {
  const cases: { behaviour: Behaviour }[] = [
    { behaviour: { kind: 'reply', to: 'message', with: '554 5.7.1 message rejected' } },
    { behaviour: { kind: 'reply', to: 'message', with: '554 no' } },
    { behaviour: { kind: 'reply', to: 'message', with: '550 5.6.0 lone CR in body' } },
    { behaviour: { kind: 'reply', to: 'DATA', with: '554 5.7.0 no' } },
    { behaviour: { kind: 'reply', to: 'RCPT', with: '550 5.7.1 no' } },
    { behaviour: { kind: 'reply', to: 'RCPT', with: '451 try again later' } },
    { behaviour: { kind: 'reply', to: 'RCPT', with: '450 4.2.0 mailbox busy' } },
    { behaviour: { kind: 'reply', to: 'message', with: '451 4.7.0 later' } },
  ];
  it.each(cases)('is held by the guard, and nobody fails: $behaviour.to $behaviour.with', async ({ behaviour }) => {
    const server = await startLyingMailServer();
    server.behave = (to) => (to.startsWith('user-') ? behaviour : { kind: 'accept' });
    const lab = await openLab({ smtpUrl: server.smtpUrl, connections: 8 });
    const events = renderedMany(600, { template_id: 'monthly' });
    const others = renderedMany(100).map((event) =>
      rendered({ ...event, address: `other-${event.user_id}@people.example` }),
    );
    await dispatchUntilHeld(
      lab,
      events.flatMap((event, at) => (at % 6 === 0 ? [event, others[at / 6] as never] : [event])),
    );
    const counters = await lab.counters();
    expect(failed(counters)).toEqual([]);
    expect(counters.sent).toBeGreaterThan(0);
    expect(sum(counters) - (counters.sent ?? 0)).toBeLessThanOrEqual(40);
    const [hold, ...further] = await holdsOf(lab);
    expect(further).toEqual([]);
    expect(hold).toMatchObject({ scope: 'request', subject: events[0]?.request_id, author: 'guard' });
    expect(hold?.reason).toContain(
      `30 messages in a row were refused or put off and none got through; the last answer: `,
    );
    const audit = await lab.db.selectFrom('audit').selectAll().execute();
    expect(audit).toMatchObject([{ who: 'guard', action: 'hold.placed' }]);

    await lab.hold(events[0]?.request_id ?? '', undefined);
    server.behave = () => ({ kind: 'accept' });
    lab.startWaiting();
    await untilItWorks(() => lab.dispatch([...events, ...others]));
    await eventually(async () => {
      await lab.makeDue();
      return (await lab.waitingCount()) === 0;
    }, 'nothing waits');
    expect(await lab.counters()).toEqual({ sent: 700 });
    expect(server.taken.length).toBe(700);
  });

  it.each(['554 5.2.252 SendAsDenied', '550 5.7.60 Client does not have permissions to send as this sender'])(
    'holds the lane when the answer speaks of us, and nobody is even put off: %s',
    async (says) => {
      const server = await startLyingMailServer();
      server.behave = () => ({ kind: 'reply', to: 'message', with: says });
      const lab = await openLab({ smtpUrl: server.smtpUrl });
      const events = renderedMany(600);
      lab.startWaiting();
      await eventually(async () => {
        await lab.dispatch(events).catch(() => undefined);
        return (await holdsOf(lab)).length > 0;
      }, 'the guard holds');
      expect(await lab.counters()).toEqual({});
      expect(await holdsOf(lab)).toMatchObject([{ scope: 'lane', subject: 'low/email', author: 'guard' }]);
    },
  );

  it('of SMS is held as well', async () => {
    const gateway = await startLyingSmsGateway(() => 422);
    const lab = await openLab({ smtpUrl: 'smtp://127.0.0.1:9', smsUrl: gateway.url });
    const events = renderedMany(300).map((event, at) =>
      rendered({ ...event, channel: 'sms', address: `+49151${String(at).padStart(7, '0')}` }),
    );
    await dispatchUntilHeld(lab, events);
    const counters = await lab.counters();
    expect(failed(counters)).toEqual([]);
    expect(sum(counters)).toBeLessThanOrEqual(40);
    expect(await holdsOf(lab)).toMatchObject([{ scope: 'request', subject: events[0]?.request_id }]);
  });
});

it('requests for one person hold their template when nobody gets through', async () => {
  const server = await startLyingMailServer();
  server.behave = () => ({ kind: 'reply', to: 'message', with: '554 5.7.1 message rejected' });
  const lab = await openLab({ smtpUrl: server.smtpUrl });
  await dispatchUntilHeld(
    lab,
    Array.from({ length: 100 }, () => rendered({ template_id: 'reset' })),
  );
  expect(failed(await lab.counters())).toEqual([]);
  expect(await holdsOf(lab)).toMatchObject([{ scope: 'template', subject: 'reset', author: 'guard' }]);
});

describe('when more is put off than may wait', () => {
  const bound = 2 * 1024 * 1024;
  async function bytesWaiting({ db }: DispatcherLab): Promise<number> {
    const rows = await db.selectFrom('waiting').select('value').execute();
    return rows.reduce((all, { value }) => all + value.length, 0);
  }
  /** Every third recipient is put off, so that no run of refusals ever comes. */
  async function openBusyLab() {
    const server = await startLyingMailServer();
    server.behave = (to) =>
      Number(/\d+/.exec(to)?.[0]) % 3 === 0
        ? { kind: 'reply', to: 'RCPT', with: '450 4.2.0 mailbox busy' }
        : { kind: 'accept' };
    return { server, lab: await openLab({ smtpUrl: server.smtpUrl, connections: 8, maxWaitingBytes: bound }) };
  }

  it('the guard holds the mailing of which most waits, the others go on, and nobody is lost', async () => {
    const { server, lab } = await openBusyLab();
    const events = renderedMany(900, { text: 'x'.repeat(10_000), template_id: 'monthly' });
    const few = renderedMany(20);
    await dispatchUntilHeld(lab, events);
    const [hold, ...further] = await holdsOf(lab);
    expect(further).toEqual([]);
    expect(hold).toMatchObject({ scope: 'request', subject: events[0]?.request_id, author: 'guard' });
    expect(hold?.reason).toMatch(
      /^\d+ of its messages wait for another try \(2\.\d MB\), and the low lane holds no more$/,
    );
    const before = await bytesWaiting(lab);
    expect(before).toBeLessThan(bound + 34 * 11_000);

    const takenBefore = server.taken.length;
    await lab.dispatch([...events.slice(700), ...few]);
    expect(server.taken.length - takenBefore).toBe(13);
    const rows = await lab.db.selectFrom('waiting').select('request_id').execute();
    expect(rows.filter(({ request_id }) => request_id !== events[0]?.request_id).length, 'of the others').toBe(7);
    expect(await bytesWaiting(lab)).toBeLessThan(before + 7 * 2_000);

    server.behave = () => ({ kind: 'accept' });
    await lab.hold(events[0]?.request_id ?? '', undefined);
    lab.startWaiting();
    await untilItWorks(() => lab.dispatch([...events, ...few]));
    await eventually(async () => {
      await lab.makeDue();
      return (await lab.waitingCount()) === 0;
    }, 'nothing waits');
    expect(await lab.counters()).toEqual({ sent: 920 });
    expect(server.taken.length).toBe(920);
  });

  it('nothing is held for single messages: no hold would keep them from waiting', async () => {
    const { lab } = await openBusyLab();
    const singles = renderedMany(200).map((event) => rendered({ user_id: event.user_id, text: 'x'.repeat(5_000) }));
    for (let at = 0; at < singles.length; at += 100) await lab.dispatch(singles.slice(at, at + 100));
    expect(await holdsOf(lab)).toEqual([]);
  });
});
