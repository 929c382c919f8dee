// One recipient whom the mail server or SMS gateway answers as if it were ill, first in a quiet lane: everybody behind is sent
// within 15 seconds all the same, and nobody fails. On the whole dispatcher, with real Kafka, registry and Postgres.
import { describe, expect, it } from 'vitest';
import type { NotificationRendered } from '../../lib/events.ts';
import { eventually } from '../support/eventually.ts';
import { rendered, renderedMany } from '../support/ledger-lab.ts';
import type { Interruption, Moment } from '../support/lying-mail-server.ts';
import { type SmsGatewayAnswer, startLyingSmsGateway } from '../support/lying-sms-gateway.ts';
import { openDispatcher, type RunningDispatcher } from '../support/running-dispatcher.ts';

const withinMs = 15_000;
/** The only one whose size a server can tell at MAIL. */
const poisoned = (changes: Partial<NotificationRendered> = {}) =>
  rendered({ address: 'poisoned@people.example', text: 'x'.repeat(20_000), ...changes });

async function sentWithin(lab: RunningDispatcher, count: number): Promise<void> {
  await eventually(async () => (await lab.states()).sent === count, `${count} are sent`, withinMs);
}

/** A server that hangs up may cut off what it said. */
async function deferred(lab: RunningDispatcher): Promise<number> {
  const states = Object.entries(await lab.states()).filter(([state]) => state.startsWith('deferred'));
  return states.reduce((sum, [, count]) => sum + count, 0);
}

const isReady = async (lab: RunningDispatcher) => (await lab.ops('/readyz')).status === 200;

describe('one poisoned recipient before 212 others', () => {
  const cases: { at: Moment; answer: Interruption }[] = [
    { at: 'RCPT', answer: { say: '451 4.3.0 temporary lookup failure' } },
    { at: 'MAIL', answer: { say: '451 4.3.0 temporary lookup failure' } },
    { at: 'MAIL', answer: { say: '550 5.7.1 who are you' } },
    { at: 'DATA', answer: { say: '451 4.3.0 temporary lookup failure' } },
    { at: 'message', answer: { say: '451 4.3.0 temporary lookup failure' } },
    { at: 'message', answer: { say: '554 5.2.252 SendAsDenied' } },
    { at: 'RCPT', answer: { say: '421 4.3.2 closing', close: true } },
    { at: 'RCPT', answer: { close: true } },
    { at: 'DATA', answer: { close: true } },
    { at: 'message', answer: { close: true } },
    { at: 'RCPT', answer: {} },
  ];
  it.each(cases)('$at: $answer', async ({ at, answer }) => {
    const lab = await openDispatcher({ SMTP_ANSWER_TIMEOUT_MS: '4000' });
    const first = poisoned();
    lab.server.interrupt = (moment, to, line) => {
      const isPoisoned = moment === 'MAIL' ? /SIZE=2\d{4}/.test(line) : to === first.address;
      return moment === at && isPoisoned ? answer : undefined;
    };
    await lab.sendEvents(lab.topics.rendered.low, [first]);
    await eventually(async () => (await deferred(lab)) === 1, 'the poisoned one is put off', withinMs);
    await lab.sendEvents(lab.topics.rendered.low, [poisoned(), ...renderedMany(212)]);
    await sentWithin(lab, 212);
    await eventually(async () => (await deferred(lab)) === 2, 'both are put off', withinMs);
    expect(Object.values(await lab.states()).reduce((sum, count) => sum + count)).toBe(214);
    expect(await isReady(lab)).toBe(true);
    const rows = await lab.db.selectFrom('waiting').select('due_at').execute();
    expect(rows.every(({ due_at }) => due_at.getTime() > Date.now() + 20_000)).toBe(true);
  });

  it('holds for sixty of them, one after the other in the log, and in the lane of resets', async () => {
    const lab = await openDispatcher();
    lab.server.interrupt = (moment, to) =>
      moment === 'RCPT' && to.startsWith('poisoned') ? { say: '451 4.3.0 temporary lookup failure' } : undefined;
    const some = Array.from({ length: 60 }, (_, at) =>
      rendered({ address: `poisoned-${at}@people.example`, priority: 'high' }),
    );
    await lab.sendEvents(lab.topics.rendered.high, [...some, ...renderedMany(212, { priority: 'high' })]);
    await sentWithin(lab, 212);
    await eventually(async () => (await lab.states())['deferred busy'] === 60, 'all are put off', withinMs);
    await eventually(() => isReady(lab), 'it is ready');
  });
});

describe('one poisoned phone number before others and before e-mails of the lane', () => {
  const cases: { answer: SmsGatewayAnswer; state: string }[] = [
    { answer: 500, state: 'deferred busy' },
    { answer: 401, state: 'deferred busy' },
    { answer: 'drop', state: 'deferred no_connection' },
    { answer: 'freeze', state: 'deferred no_connection' },
  ];
  it.each(cases)('$answer', async ({ answer, state }) => {
    const gateway = await startLyingSmsGateway(({ to }) => (to === '+491510000000' ? answer : 202));
    const lab = await openDispatcher({ SMS_GATEWAY_URL: gateway.url, SMS_TIMEOUT_MS: '2000' });
    const sms = (at: number) => rendered({ channel: 'sms', address: `+49151000000${at}`, text: 'Neue Folge' });
    await lab.sendEvents(lab.topics.rendered.low, [
      sms(0),
      ...Array.from({ length: 9 }, (_, at) => sms(at + 1)),
      ...renderedMany(100),
    ]);
    await sentWithin(lab, 109);
    await eventually(async () => (await lab.states())[state] === 1, 'the poisoned one is put off', withinMs);
    expect(await isReady(lab)).toBe(true);
  });
});
