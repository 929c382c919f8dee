// E-mail and SMS share a lane and do not wait for each other: while one is down its messages go to `waiting` untried, and the
// other's behind them are sent. On the whole dispatcher, with real Kafka, registry and Postgres.
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { rendered, renderedMany } from '../support/ledger-lab.ts';
import { startLyingSmsGateway } from '../support/lying-sms-gateway.ts';
import { openDispatcher, type RunningDispatcher } from '../support/running-dispatcher.ts';

const withinMs = 15_000;
const smsMany = (count: number, changes: Parameters<typeof rendered>[0] = {}) =>
  Array.from({ length: count }, (_, at) =>
    rendered({ channel: 'sms', address: `+49151${String(at).padStart(7, '0')}`, text: 'Neue Folge', ...changes }),
  );
const waitingFor = async (lab: RunningDispatcher) =>
  JSON.parse((await lab.ops('/readyz')).text).waiting_for as string[];
const sentCount = async (lab: RunningDispatcher) => (await lab.states()).sent ?? 0;

describe.each(['low', 'high'] as const)('while a channel is down, in the lane %s', (priority) => {
  it('SMS behind 1,000 e-mails are sent within 15 s, nobody fails, and /readyz names the mail server until a mail has gone', async () => {
    const gateway = await startLyingSmsGateway(() => 202);
    const lab = await openDispatcher({ SMS_GATEWAY_URL: gateway.url });
    await lab.server.stop();
    const mails = renderedMany(1_000, { priority });
    await lab.sendEvents(lab.topics.rendered[priority], [...mails, ...smsMany(50, { priority })]);
    await eventually(async () => (await sentCount(lab)) === 50, 'all SMS are sent', withinMs);
    expect(await lab.states()).toEqual({ sent: 50 });
    expect(await waitingFor(lab)).toEqual(['mail-server']);
    await lab.sendEvents(lab.topics.rendered[priority], smsMany(50, { priority }));
    await eventually(async () => (await sentCount(lab)) === 100, 'and those that come later', withinMs);
    await lab.server.start();
    await eventually(async () => (await sentCount(lab)) === 1_100, 'all are sent');
    expect(await waitingFor(lab)).toEqual([]);
    expect(lab.server.taken.length).toBe(1_000);
    await eventually(async () => (await lab.db.selectFrom('waiting').selectAll().execute()).length === 0, 'none waits');
    const outcomes = await lab.readEvents(lab.topics.outcomes, 1_100);
    expect(outcomes.every(({ state, attempt }) => state === 'sent' && attempt === 1)).toBe(true);
  });

  it.each([500, 'drop'] as const)(
    'e-mails behind SMS are sent within 15 s when the gateway answers %s',
    async (answer) => {
      const gateway = await startLyingSmsGateway(() => answer);
      const lab = await openDispatcher({ SMS_GATEWAY_URL: gateway.url });
      await lab.sendEvents(lab.topics.rendered[priority], [
        ...smsMany(300, { priority }),
        ...renderedMany(100, { priority }),
      ]);
      await eventually(async () => (await sentCount(lab)) === 100, 'all e-mails are sent', withinMs);
      expect(await waitingFor(lab)).toEqual(['sms-gateway']);
      const before = await lab.states();
      expect(Object.keys(before).filter((state) => !/^(sent|deferred|claimed)/.test(state))).toEqual([]);
      gateway.answer = () => 202;
      await eventually(async () => (await sentCount(lab)) >= 380, 'nearly all SMS are sent');
      // A slice that waits in place looks again after five seconds at most.
      await eventually(async () => (await waitingFor(lab)).length === 0, 'it is ready', 10_000);
    },
  );
});

it('messages to one person keep their order, those that came while the channel was down and those that come after', async () => {
  const gateway = await startLyingSmsGateway(() => 202);
  const lab = await openDispatcher({ SMS_GATEWAY_URL: gateway.url });
  await lab.server.stop();
  const people = Array.from({ length: 10 }, (_, at) => `person-${at}`);
  const round = (at: number) => people.map((userId) => rendered({ user_id: userId, subject: `${at}` }));
  for (let at = 0; at < 10; at++) await lab.sendEvents(lab.topics.rendered.low, round(at));
  await eventually(async () => (await lab.db.selectFrom('waiting').selectAll().execute()).length === 100, 'all wait');
  await lab.server.start();
  for (let at = 10; at < 20; at++) await lab.sendEvents(lab.topics.rendered.low, round(at));
  await eventually(async () => (await sentCount(lab)) === 200, 'all are sent');
  for (const userId of people) {
    const subjects = lab.server.taken
      .filter(({ to }) => to.startsWith(`${userId}@`))
      .map(({ body }) => Number(/^Subject: (\d+)/m.exec(body)?.[1]));
    expect(subjects, userId).toEqual(Array.from({ length: 20 }, (_, at) => at));
  }
});

it('beyond its bound the lane waits with its records in Kafka, and loses nobody', async () => {
  const lab = await openDispatcher({ WAITING_MAX_MB: '1' });
  await lab.server.stop();
  const mails = renderedMany(1_500, { text: 'x'.repeat(2_000) });
  for (let at = 0; at < 1_500; at += 300) {
    await lab.sendEvents(lab.topics.rendered.low, mails.slice(at, at + 300));
  }
  const bytes = async () => {
    const rows = await lab.db.selectFrom('waiting').select('value').execute();
    return rows.reduce((sum, { value }) => sum + value.length, 0);
  };
  await eventually(async () => (await bytes()) > 500_000, 'some wait in Postgres');
  const { group, input } = lab.topics.lanes.dispatcher.find(({ name }) => name === 'low') ?? {};
  const committed = await lab.committed(group ?? '', input?.name ?? '');
  expect(committed[0]).toBeLessThan(1_500);
  expect(await bytes()).toBeLessThanOrEqual(1024 * 1024);
  await lab.server.start();
  await eventually(async () => (await sentCount(lab)) === 1_500, 'all are sent');
  expect(lab.server.taken.length).toBe(1_500);
});

it('what was cancelled while its channel is down ends without it', async () => {
  const lab = await openDispatcher();
  await lab.server.stop();
  const mails = renderedMany(100);
  await lab.sendEvents(lab.topics.rendered.low, mails);
  await eventually(async () => (await lab.db.selectFrom('waiting').selectAll().execute()).length === 100, 'all wait');
  await lab.db
    .insertInto('holds')
    .values({ request_id: mails[0]?.request_id ?? '', state: 'cancelled', changed_by: 'test' })
    .execute();
  await eventually(async () => (await lab.states())['skipped cancelled'] === 100, 'all are skipped', withinMs);
});
