// What a mail server says, or fails to say, about itself: the lane waits and no message pays for it; and the one moment
// that matters when a connection breaks: whether the body had begun to leave.
import { describe, expect, it } from 'vitest';
import { untilItWorks, useDispatcherLab } from '../support/dispatcher-lab.ts';
import { eventually } from '../support/eventually.ts';
import { rendered, renderedMany } from '../support/ledger-lab.ts';
import { type Interruption, type Moment, startLyingMailServer } from '../support/lying-mail-server.ts';

const openLab = useDispatcherLab();
const login = { user: 'posthorn', pass: 'secret' };

describe('a server that will not work at all', () => {
  const closing = (code: string): Interruption => ({ say: `${code} 4.3.2 going down`, close: true });
  const cases: { at: Moment; answer: Interruption }[] = [
    { at: 'greeting', answer: closing('421') },
    { at: 'greeting', answer: { say: '554 5.7.1 no SMTP service for you', close: true } },
    { at: 'greeting', answer: { say: 'HTTP/1.1 400 Bad Request', close: true } },
    { at: 'EHLO', answer: closing('421') },
    { at: 'STARTTLS', answer: { say: '454 4.7.0 TLS not available' } },
    { at: 'AUTH', answer: { say: '535 5.7.8 wrong password' } },
    { at: 'AUTH', answer: { say: '454 4.7.0 temporary authentication failure' } },
    { at: 'AUTH', answer: { say: '530 5.7.0 STARTTLS first' } },
    { at: 'AUTH', answer: closing('421') },
    { at: 'MAIL', answer: closing('421') },
    { at: 'MAIL', answer: { say: '451 4.7.0 slow down' } },
    { at: 'MAIL', answer: { close: true } },
    { at: 'RCPT', answer: closing('421') },
    { at: 'RCPT', answer: { close: true } },
    { at: 'DATA', answer: closing('421') },
    { at: 'DATA', answer: { say: '451 4.3.0 queue full' } },
    { at: 'message', answer: { say: '421 4.3.2 going down', close: true } },
    { at: 'message', answer: { say: '452 4.3.1 disk full' } },
  ];
  it.each(cases)('opens the breaker and costs no attempt: $at, $answer', async ({ at, answer }) => {
    const server = await startLyingMailServer();
    server.offersStartTls = true;
    server.authReply = '235 2.7.0 welcome';
    const lab = await openLab({ smtpUrl: server.smtpUrl, login });
    const events = [...renderedMany(20), ...renderedMany(20, { on_no_answer: 'park' })];
    server.interrupt = (moment) => (moment === at ? answer : undefined);
    await expect(lab.dispatch(events)).rejects.toMatchObject({ dependency: 'mail-server' });
    const greetedBefore = server.greetedCount;
    await expect(lab.dispatch(events), 'the breaker is open').rejects.toMatchObject({ dependency: 'mail-server' });
    expect(server.greetedCount).toBe(greetedBefore);
    expect(await lab.counters()).toEqual({});
    expect(await lab.waitingCount()).toBe(0);
    expect(lab.outcomes).toEqual([]);
    server.interrupt = undefined;
    await untilItWorks(() => lab.dispatch(events));
    expect(await lab.counters()).toEqual({ sent: 40 });
    expect(server.taken.length).toBe(40);
    expect(new Set(lab.outcomes.map(({ attempt }) => attempt))).toEqual(new Set([1]));
  });
});

it('a server that takes no log-in and cannot encrypt just now is sent to in plain', async () => {
  const server = await startLyingMailServer();
  server.offersStartTls = true;
  server.interrupt = (moment) => (moment === 'STARTTLS' ? { say: '454 4.7.0 TLS not available' } : undefined);
  const lab = await openLab({ smtpUrl: server.smtpUrl });
  await lab.dispatch(renderedMany(5));
  expect(await lab.counters()).toEqual({ sent: 5 });
});

describe('a connection that breaks once', () => {
  /** The first try of one message breaks; what it became, and how often the server took it, after its retry. */
  async function breakOnce(onNoAnswer: 'resend' | 'park', at: Moment, answer: Interruption) {
    const server = await startLyingMailServer();
    const event = rendered({ on_no_answer: onNoAnswer });
    let isBroken = false;
    server.interrupt = (moment, to) => {
      const isMine = moment === 'MAIL' ? server.taken.length === 0 : to === event.address;
      if (isBroken || moment !== at || !isMine) return undefined;
      isBroken = true;
      return answer;
    };
    const lab = await openLab({ smtpUrl: server.smtpUrl, answerTimeoutMs: 400, connections: 2 });
    await lab.dispatch([event, ...renderedMany(3)]);
    const state = await lab.stateOf(event);
    lab.startWaiting();
    await lab.makeDue();
    await eventually(async () => (await lab.waitingCount()) === 0, 'nothing waits');
    return { state, end: await lab.stateOf(event), times: server.timesTaken(event.notification_id) };
  }

  const before: { name: string; at: Moment; answer: Interruption }[] = [
    { name: 'reset before MAIL is answered', at: 'MAIL', answer: { close: true } },
    { name: 'reset before RCPT is answered', at: 'RCPT', answer: { close: true } },
    { name: 'reset before DATA is answered', at: 'DATA', answer: { close: true } },
    { name: 'silence after MAIL', at: 'MAIL', answer: {} },
    { name: 'silence after RCPT', at: 'RCPT', answer: {} },
    { name: 'silence after DATA', at: 'DATA', answer: {} },
    { name: '421 to RCPT', at: 'RCPT', answer: { say: '421 4.3.2 bye', close: true } },
    { name: '421 to DATA', at: 'DATA', answer: { say: '421 4.3.2 bye', close: true } },
    { name: '421 to the final dot, which is a refusal', at: 'message', answer: { say: '421 4.3.2 bye', close: true } },
  ];
  it.each(before)('before the body left is tried again at once: $name', async ({ at, answer }) => {
    for (const onNoAnswer of ['resend', 'park'] as const) {
      expect(await breakOnce(onNoAnswer, at, answer)).toEqual({ state: 'sent 1', end: 'sent 1', times: 1 });
    }
  });

  const after: { name: string; at: Moment; answer: Interruption; taken: number }[] = [
    { name: 'in the middle of the body', at: 'DATA', answer: { say: '354 go ahead', close: true }, taken: 0 },
    { name: 'after the final dot, not taken', at: 'message', answer: { close: true }, taken: 0 },
    { name: 'after the final dot, taken', at: 'message', answer: { takes: true, close: true }, taken: 1 },
    { name: 'silence after the final dot, taken', at: 'message', answer: { takes: true }, taken: 1 },
    {
      name: 'no reply to the final dot that SMTP knows',
      at: 'message',
      answer: { say: 'well …', takes: true },
      taken: 1,
    },
  ];
  it.each(after)(
    'after the body left is repeated at most once, and never when its template parks: $name',
    async (one) => {
      const { at, answer, taken } = one;
      expect(await breakOnce('resend', at, answer)).toEqual({
        state: 'deferred no_connection 1',
        end: 'sent 2',
        times: taken + 1,
      });
      const unknown = 'unknown no_answer 1';
      expect(await breakOnce('park', at, answer)).toEqual({ state: unknown, end: unknown, times: taken });
    },
  );

  it('after every third mail loses and doubles nothing', async () => {
    const server = await startLyingMailServer();
    let count = 0;
    server.interrupt = (moment) => {
      if (moment !== 'message' || ++count % 3 !== 0) return undefined;
      return { say: '250 2.0.0 Ok, and goodbye', takes: true, close: true };
    };
    const lab = await openLab({ smtpUrl: server.smtpUrl });
    const events = renderedMany(60, { on_no_answer: 'park' });
    await untilItWorks(() => lab.dispatch(events));
    expect(await lab.counters()).toEqual({ sent: 60 });
    expect(server.taken.length).toBe(60);
    expect(server.greetedCount).toBeGreaterThanOrEqual(20);
  });
});
