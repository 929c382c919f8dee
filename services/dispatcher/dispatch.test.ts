import { describe, expect, it } from 'vitest';
import { reasons } from '../../domain/reasons.ts';
import { heldUpAtMostMs, leastThreadMs } from '../../tests/support/processor-time.ts';
import { decide, type Judged, judgeSms, judgeSmtp, type SmtpAnswer, type Trial, toDetail } from './dispatch.ts';

const reply = (to: 'MAIL' | 'RCPT' | 'DATA' | 'message', text: string): SmtpAnswer => ({
  kind: 'reply',
  to,
  code: Number(text.slice(0, 3)),
  text,
});
/** `kind reason` of a judgement, with `suppress` where the address is dead. */
const short = (judgement: ReturnType<typeof judgeSmtp>): string =>
  [
    judgement.kind,
    'reason' in judgement ? judgement.reason : '',
    'suppress' in judgement && judgement.suppress ? 'suppress' : '',
  ]
    .filter((word) => word !== '')
    .join(' ');

describe('what a reply of the mail server says', () => {
  it.each([
    // The final dot.
    ['message', '250 2.0.0 Ok: queued as 4711', 'sent'],
    ['message', '251 forwarded', 'sent'],
    ['message', '554 5.7.1 spam', 'doubted'],
    ['message', '554 no', 'doubted'],
    ['message', '550 5.1.1 unknown', 'failed invalid_address suppress'],
    ['message', '552 5.3.4 too big', 'failed too_large'],
    ['message', '451 4.7.0 later', 'deferred busy'],
    ['message', '354 go ahead', 'no_answer'],
    // The recipient.
    ['RCPT', '550 5.1.1 no such user', 'failed invalid_address suppress'],
    ['RCPT', '550-5.1.1 no such user\n550 5.1.1 at all', 'failed invalid_address suppress'],
    ['RCPT', '550 5.1.2 no such domain', 'failed invalid_address suppress'],
    ['RCPT', '550 5.1.3 bad syntax', 'failed invalid_address suppress'],
    ['RCPT', '551 5.1.6 moved', 'failed invalid_address suppress'],
    ['RCPT', '556 5.1.10 null MX', 'failed invalid_address suppress'],
    ['RCPT', '550 5.1.8 bad sender', 'transport busy'],
    ['RCPT', '553 not allowed', 'failed invalid_address'],
    ['RCPT', '550 no', 'doubted'],
    ['RCPT', '550 no such user', 'failed invalid_address suppress'],
    ['RCPT', '550 5.7.1 relay access denied', 'transport busy'],
    ['RCPT', '552 5.2.2 mailbox full', 'failed refused'],
    ['RCPT', '450 4.7.1 come back', 'deferred greylisted'],
    ['RCPT', '451 try again later', 'deferred greylisted'],
    ['RCPT', '450 4.2.0 Greylisted, see http://x', 'deferred greylisted'],
    ['RCPT', '452 4.2.2 mailbox full', 'deferred busy'],
    ['RCPT', '450 4.2.1 mailbox busy', 'deferred busy'],
    // What speaks of the server, or of us, never fails a message.
    ['RCPT', '421 4.7.0 closing', 'transport busy'],
    ['message', '421 4.3.0 shutting down', 'transport busy'],
    ['RCPT', '530 5.7.0 log in first', 'transport busy'],
    ['DATA', '503 5.5.1 bad sequence', 'transport busy'],
    ['RCPT', '452 4.3.1 disk full', 'transport busy'],
    ['MAIL', '550 5.7.1 who are you', 'transport busy'],
    ['MAIL', '451 4.7.0 slow down', 'transport busy'],
    ['MAIL', '552 5.3.4 announced size too big', 'failed too_large'],
    ['DATA', '554 5.7.0 no', 'doubted'],
    ['message', '554 5.2.252 SendAsDenied', 'transport busy'],
    ['message', '550 5.7.60 SMTP; Client does not have permissions to send as this sender', 'transport busy'],
    ['RCPT', '553 5.7.1 <a@b.example>: Sender address rejected: not owned by user x', 'transport busy'],
    ['DATA', '451 later', 'deferred busy'],
  ] as const)('%s: %s → %s', (to, text, expected) => {
    expect(short(judgeSmtp(reply(to, text)))).toBe(expected);
  });

  it('without a reply, what counts is whether the body had begun to leave', () => {
    const broken = { kind: 'broken', detail: 'closed' } as const;
    expect(judgeSmtp({ ...broken, handedOver: true, connecting: false }).kind).toBe('no_answer');
    expect(judgeSmtp({ ...broken, handedOver: false, connecting: false })).toMatchObject({
      kind: 'transport',
      hopeless: false,
      isBroken: true,
    });
    expect(judgeSmtp({ ...broken, handedOver: false, connecting: true })).toMatchObject({
      kind: 'transport',
      hopeless: true,
      isBroken: true,
    });
  });

  it('uses reasons from the closed list only', () => {
    for (let code = 200; code < 600; code++) {
      for (const to of ['MAIL', 'RCPT', 'DATA', 'message'] as const) {
        const judgement = judgeSmtp(reply(to, `${code} some words`));
        if (judgement.kind === 'failed') expect(reasons.failed).toContain(judgement.reason);
        if (judgement.kind === 'deferred') expect(reasons.deferred).toContain(judgement.reason);
      }
    }
  });
});

describe('what the SMS gateway says', () => {
  it.each([
    [200, 'sent'],
    [202, 'sent'],
    [400, 'doubted'],
    [422, 'doubted'],
    [402, 'transport busy'],
    [413, 'failed too_large'],
    [408, 'deferred busy'],
    [429, 'deferred busy'],
    [301, 'transport busy'],
    [401, 'transport busy'],
    [403, 'transport busy'],
    [404, 'transport busy'],
    [500, 'transport busy'],
    [503, 'transport busy'],
  ])('%i → %s', (status, expected) => {
    expect(short(judgeSms({ kind: 'reply', status, detail: `HTTP ${status}` }))).toBe(expected);
  });

  it('without an answer, what counts is whether the request had left', () => {
    expect(judgeSms({ kind: 'broken', handedOver: true, detail: 'x' }).kind).toBe('no_answer');
    expect(judgeSms({ kind: 'broken', handedOver: false, detail: 'x' }).kind).toBe('transport');
  });
});

describe('what follows', () => {
  const now = Date.parse('2026-11-23T12:00:00Z');
  const minuteMs = 60_000;
  const trial: Trial = {
    attempt: 1,
    onNoAnswer: 'resend',
    expiresAt: null,
    waitsSince: null,
    mayHaveLeft: false,
    isCancelled: false,
    othersGot: false,
    crowd: 0,
  };
  const greylisted: Judged = { kind: 'deferred', reason: 'greylisted', detail: '450' };
  const noAnswer: Judged = { kind: 'no_answer', detail: 'closed' };

  it.each([
    [1, 1],
    [2, 5],
    [3, 15],
    [4, 60],
    [5, 240],
    [6, 240],
    [40, 240],
  ])('after attempt %i it waits %i minutes, a tenth more or less', (attempt, minutes) => {
    const dueInMs = (random: number) => {
      const consequence = decide(greylisted, { ...trial, attempt }, now, random);
      return consequence.state === 'deferred' ? consequence.dueInMs : -1;
    };
    expect(dueInMs(0)).toBe(0.9 * minutes * minuteMs);
    expect(dueInMs(0.5)).toBe(minutes * minuteMs);
    expect(dueInMs(0.999999)).toBeLessThanOrEqual(1.1 * minutes * minuteMs);
  });

  it('spreads what was put off together: fifty a second come back, and none is made to expire by that', () => {
    const dueInMs = (random: number, one: Partial<Trial> = {}) => {
      const consequence = decide(greylisted, { ...trial, crowd: 6_000, ...one }, now, random);
      return consequence.state === 'deferred' ? consequence.dueInMs : -1;
    };
    expect(dueInMs(0)).toBe(0.9 * minuteMs);
    expect(dueInMs(0.999999)).toBeCloseTo(1.1 * minuteMs + 2 * minuteMs, -2);
    expect(dueInMs(0.999999, { expiresAt: now + 1.5 * minuteMs })).toBeLessThan(1.5 * minuteMs);
  });

  it('what is refused in doubt waits until others like it got through, or its time is over', () => {
    const doubted: Judged = { kind: 'doubted', detail: '554 no' };
    const state = (one: Partial<Trial>) => {
      const consequence = decide(doubted, { ...trial, ...one }, now, 0.5);
      return `${consequence.state} ${consequence.reason}`;
    };
    expect(state({})).toBe('deferred busy');
    expect(state({ othersGot: true })).toBe('failed refused');
    expect(state({ attempt: 9, waitsSince: now - 24 * 60 * minuteMs })).toBe('failed refused');
    expect(state({ othersGot: true, mayHaveLeft: true })).toBe('unknown no_answer');
  });

  it('what is refused for our sake waits although others got through, until its time is over', () => {
    const ours: Judged = {
      kind: 'transport',
      reason: 'busy',
      detail: '554 5.2.252 SendAsDenied',
      hopeless: false,
      isBroken: false,
      isRefusal: true,
    };
    const waitsSince = now - 12 * 60 * minuteMs;
    expect(decide(ours, { ...trial, waitsSince, attempt: 9, othersGot: true }, now, 0.5).state).toBe('deferred');
    expect(decide(ours, { ...trial, attempt: 1, othersGot: true }, now, 0.5).state).toBe('deferred');
    expect(
      decide(ours, { ...trial, waitsSince: now - 24 * 60 * minuteMs, attempt: 9, othersGot: true }, now, 0.5),
    ).toMatchObject({ state: 'failed', reason: 'refused', suppress: false });
  });

  it('gives up when 24 hours are over since it first waited', () => {
    const state = (hours: number) =>
      decide(greylisted, { ...trial, attempt: 8, waitsSince: now - hours * 60 * minuteMs }, now, 0.5);
    expect(state(19.9).state).toBe('deferred');
    expect(state(20.1)).toMatchObject({ state: 'failed', reason: 'retries_exhausted' });
  });

  it('gives up when the request would expire first, and goes on for longer when it allows that', () => {
    expect(decide(greylisted, { ...trial, expiresAt: now + 59_000 }, now, 0.5)).toMatchObject({
      state: 'failed',
      reason: 'retries_exhausted',
    });
    expect(decide(greylisted, { ...trial, expiresAt: now + 61_000 }, now, 0.5).state).toBe('deferred');
    const waited = { attempt: 9, waitsSince: now - 48 * 60 * minuteMs, expiresAt: now + 24 * 60 * minuteMs };
    expect(decide(greylisted, { ...trial, ...waited }, now, 0.5).state).toBe('deferred');
  });

  it('without an answer, a template that parks ends as unknown, one that resends waits for one more try', () => {
    expect(decide(noAnswer, { ...trial, onNoAnswer: 'park' }, now, 0.5)).toMatchObject({
      state: 'unknown',
      reason: 'no_answer',
    });
    expect(decide(noAnswer, trial, now, 0.5)).toMatchObject({
      state: 'deferred',
      reason: 'no_connection',
      waitingReason: 'no_answer',
    });
  });

  it('without an answer and without time left it is unknown, never failed: it may have arrived', () => {
    expect(decide(noAnswer, { ...trial, expiresAt: now + 1 }, now, 0.5).state).toBe('unknown');
  });

  it('is never failed after a try that may have arrived; a dead address is suppressed all the same', () => {
    const repeat = { ...trial, mayHaveLeft: true };
    const dead: Judged = { kind: 'failed', reason: 'invalid_address', detail: '550 5.1.1', suppress: true };
    expect(decide(dead, repeat, now, 0.5)).toEqual({
      state: 'unknown',
      reason: 'no_answer',
      detail: 'after a try without an answer: 550 5.1.1',
      suppress: true,
    });
    expect(decide(greylisted, { ...repeat, expiresAt: now + 1 }, now, 0.5).state).toBe('unknown');
    expect(decide(greylisted, repeat, now, 0.5).state).toBe('deferred');
  });

  it('that was cancelled has no other try, and ends as skipped unless a try may have arrived', () => {
    const cancelled = { ...trial, isCancelled: true };
    const ends = (judgement: Judged, one: Trial) => {
      const { state, reason } = decide(judgement, one, now, 0.5);
      return `${state} ${reason}`;
    };
    expect(ends({ kind: 'cancelled' }, cancelled)).toBe('skipped cancelled');
    expect(ends({ kind: 'cancelled' }, { ...cancelled, mayHaveLeft: true })).toBe('unknown no_answer');
    expect(ends(greylisted, cancelled)).toBe('skipped cancelled');
    expect(ends(greylisted, { ...cancelled, mayHaveLeft: true })).toBe('unknown no_answer');
    expect(ends(noAnswer, cancelled)).toBe('unknown no_answer');
    expect(ends({ kind: 'sent', detail: '250 ok' }, cancelled)).toBe('sent ');
  });

  it('ends what was judged, and suppresses only dead addresses', () => {
    expect(decide({ kind: 'sent', detail: '250 ok' }, trial, now, 0)).toEqual({
      state: 'sent',
      reason: '',
      detail: '250 ok',
      suppress: false,
    });
    const failed: Judged = { kind: 'failed', reason: 'invalid_address', detail: '550', suppress: true };
    expect(decide(failed, trial, now, 0)).toMatchObject({ state: 'failed', reason: 'invalid_address', suppress: true });
  });

  it('writes down what a client library made of an answer as it writes down the answer', () => {
    for (const handedOver of [true, false]) {
      const judged = judgeSmtp({
        kind: 'broken',
        handedOver,
        connecting: false,
        detail: 'Invalid: a\0b ada@people.example',
      });
      expect(decide(judged as Judged, trial, now, 0)).toMatchObject({ detail: 'Invalid: a b <address>' });
    }
  });
});

describe('a detail for the ledger', () => {
  it('is one short line without addresses and numbers', () => {
    expect(toDetail('550-5.1.1 <ada@people.example>: no\r\n550 such user +49151000000')).toBe(
      '550-5.1.1 <address>: no 550 such user <number>',
    );
    expect(toDetail(`550 ${'x'.repeat(1_000)}`)).toHaveLength(300);
  });

  it('holds nothing that Postgres cannot store', () => {
    expect(toDetail('a\0b\ud800c')).toBe('a b\ufffdc');
    expect(toDetail(`${'x'.repeat(299)}😀`).isWellFormed()).toBe(true);
  });

  it('costs no more for an answer that is very long', async () => {
    const long = `HTTP 500 ${'x'.repeat(1_000_000)}`;
    expect(await leastThreadMs(() => toDetail(long))).toBeLessThan(heldUpAtMostMs);
  });
});
