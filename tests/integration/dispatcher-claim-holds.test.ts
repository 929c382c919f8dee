// Claims in the ledger on a real Postgres: what people want of a request or of their mail is looked at in the same step.
import { describe, expect, it } from 'vitest';
import type { ClaimRow } from '../../services/dispatcher/ledger/types.ts';
import { rendered, renderedMany, useLedgerLab } from '../support/ledger-lab.ts';
import { claim, deferral, held, outcome, settlement } from '../support/ledger-steps.ts';

const openLedgerLab = useLedgerLab();

const short = (row: ClaimRow | undefined): string =>
  [row?.verdict, row?.state, row?.reason].filter((word) => word).join(' ');

describe('of a cancelled request, a claim', () => {
  it('ends what is new as skipped(cancelled), counts it, and lets other requests go on', async () => {
    const lab = await openLedgerLab();
    const cancelled = renderedMany(3);
    const other = rendered();
    await lab.hold(cancelled[0]?.request_id ?? '', 'cancelled');
    const { rows } = await claim(lab, [...cancelled, other]);
    expect(rows.map(short)).toEqual([...Array(3).fill('ended skipped cancelled'), 'claimed claimed']);
    expect(rows.map((row) => row?.is_new_end)).toEqual([true, true, true, false]);
    expect(rows.map((row) => row?.attempt)).toEqual([0, 0, 0, 1]);
    expect(await lab.counters()).toEqual({ 'skipped cancelled': 3 });
    expect(await lab.minutes()).toEqual({ 'skipped cancelled': 3 });
  });

  it('ends a claim left behind as unknown when it may have left, else as skipped(cancelled)', async () => {
    const lab = await openLedgerLab();
    const request = { request_id: rendered().request_id };
    const resends = rendered(request);
    const parks = rendered({ ...request, on_no_answer: 'park' });
    const sending = rendered({ ...request, on_no_answer: 'park' });
    const givenBack = rendered(request);
    const { token } = await claim(lab, [resends, parks, sending, givenBack]);
    await lab.ledger.markSending([held(sending, token)]);
    await lab.ledger.release([held(givenBack, token)]);
    await lab.endLeases();
    await lab.hold(request.request_id, 'cancelled');
    const { rows } = await claim(lab, [resends, parks, sending, givenBack]);
    expect(rows.map(short)).toEqual([
      'ended unknown no_answer',
      'ended skipped cancelled',
      'ended unknown no_answer',
      'ended skipped cancelled',
    ]);
    expect(await lab.counters()).toEqual(await lab.rowCounts());
    expect(await lab.minutes()).toEqual(await lab.rowCounts());
  });

  it('ends a retry as skipped(cancelled) even when it has expired as well, and as unknown when a try may have arrived', async () => {
    const lab = await openLedgerLab();
    const request = { request_id: rendered().request_id, expires_at: Date.now() + 200 };
    const greylisted = rendered(request);
    const unanswered = rendered(request);
    const { token } = await claim(lab, [greylisted, unanswered]);
    await lab.ledger.settle([deferral(greylisted, token), deferral(unanswered, token)]);
    await lab.hold(request.request_id, 'cancelled');
    await expect.poll(() => Date.now() > request.expires_at + 50).toBe(true);
    // A duplicate from Kafka leaves it to the waiting loop.
    expect(short((await claim(lab, [greylisted])).rows[0])).toBe('deferred deferred greylisted');
    const one = await claim(lab, [greylisted], { fromWaiting: true });
    const other = await claim(lab, [unanswered], { fromWaiting: true, mayHaveLeft: true });
    expect([one, other].map(({ rows }) => short(rows[0]))).toEqual([
      'ended skipped cancelled',
      'ended unknown no_answer',
    ]);
    expect(await lab.stateOf(greylisted)).toBe('skipped cancelled 1');
    expect(await lab.counters()).toEqual({ 'skipped cancelled': 1, 'unknown no_answer': 1 });
  });

  it("does not touch another's claim that is alive", async () => {
    const lab = await openLedgerLab();
    const event = rendered();
    await claim(lab, [event]);
    await lab.hold(event.request_id, 'cancelled');
    expect(short((await claim(lab, [event])).rows[0])).toBe('alive claimed');
  });
});

describe('of a paused request, a claim', () => {
  it('inserts nothing, and says so', async () => {
    const lab = await openLedgerLab();
    const event = rendered();
    await lab.hold(event.request_id, 'paused');
    expect((await claim(lab, [event])).rows[0]).toMatchObject({ verdict: 'paused', state: null });
    expect(await lab.stateOf(event)).toBeUndefined();
    await lab.hold(event.request_id, undefined);
    expect((await claim(lab, [event])).rows[0]?.verdict).toBe('claimed');
  });

  it('changes nothing of what was left behind or waits, whatever else holds of it', async () => {
    const lab = await openLedgerLab();
    const request = { request_id: rendered().request_id, expires_at: Date.now() + 100 };
    const leftBehind = rendered(request);
    const waits = rendered(request);
    const { token } = await claim(lab, [leftBehind, waits]);
    await lab.ledger.settle([deferral(waits, token)]);
    await lab.endLeases();
    await lab.hold(request.request_id, 'paused');
    await expect.poll(() => Date.now() > request.expires_at + 50).toBe(true);
    const { rows } = await claim(lab, [leftBehind, waits], { fromWaiting: true });
    expect(rows.map(short)).toEqual(['paused claimed', 'paused deferred greylisted']);
    expect(await lab.stateOf(leftBehind)).toBe('claimed 1');
    expect(await lab.stateOf(waits)).toBe('deferred greylisted 1');
    await lab.hold(request.request_id, undefined);
    expect(short((await claim(lab, [waits], { fromWaiting: true })).rows[0])).toBe('ended failed retries_exhausted');
  });

  it('tells ended rows as they ended, and a repeat of a claim of its own with the hold that came since', async () => {
    const lab = await openLedgerLab();
    const request = { request_id: rendered().request_id };
    const ended = rendered(request);
    const own = rendered(request);
    const { token } = await claim(lab, [ended, own]);
    await lab.ledger.settle([settlement(ended, token)]);
    await lab.hold(request.request_id, 'paused');
    const { rows } = await claim(lab, [ended, own], { token });
    expect(rows.map(short)).toEqual(['ended sent', 'claimed claimed']);
    expect(rows[1]?.hold).toBe('paused');
  });
});

describe('of a promotional message to a person who unsubscribed, a claim', () => {
  it('ends it as skipped(unsubscribed); other channels, other mail and tests go on', async () => {
    const lab = await openLedgerLab();
    const person = { user_id: 'ada', is_promo: true };
    await lab.db.insertInto('unsubscribes').values({ user_id: 'ada', channel: 'email', source: 'page' }).execute();
    const { rows } = await claim(lab, [
      rendered(person),
      rendered({ ...person, channel: 'sms', address: '+49151000000' }),
      rendered({ ...person, is_promo: false }),
      rendered({ ...person, is_test: true }),
      rendered({ ...person, user_id: 'grace' }),
    ]);
    expect(rows.map(short)).toEqual(['ended skipped unsubscribed', ...Array(4).fill('claimed claimed')]);
    expect(await lab.counters()).toEqual({ 'skipped unsubscribed': 1 });
  });

  it('ends a retry as well, and calls unknown what may have left', async () => {
    const lab = await openLedgerLab();
    const waits = rendered({ user_id: 'ada', is_promo: true });
    const leftBehind = rendered({ user_id: 'ada', is_promo: true });
    const { token } = await claim(lab, [waits, leftBehind]);
    await lab.ledger.settle([deferral(waits, token)]);
    await lab.endLeases();
    await lab.db.insertInto('unsubscribes').values({ user_id: 'ada', channel: 'email', source: 'one_click' }).execute();
    const { rows } = await claim(lab, [waits, leftBehind], { fromWaiting: true });
    expect(rows.map(short)).toEqual(['ended skipped unsubscribed', 'ended unknown no_answer']);
    expect(await lab.counters()).toEqual({ 'skipped unsubscribed': 1, 'unknown no_answer': 1 });
  });
});

describe('a test', () => {
  it('is marked in its row, by a claim and by an earlier end alike, and is in no minute', async () => {
    const lab = await openLedgerLab();
    const sent = rendered({ is_test: true });
    const failed = rendered({ is_test: true });
    const real = rendered();
    const { token } = await claim(lab, [sent, real]);
    await lab.ledger.settle([settlement(sent, token), settlement(real, token)]);
    await lab.ledger.insertEnded([outcome(failed, { state: 'failed', reason: 'template_error' })]);
    const rows = await lab.db.selectFrom('deliveries').select(['notification_id', 'is_test']).execute();
    expect(
      rows
        .filter((row) => row.is_test)
        .map((row) => row.notification_id)
        .sort(),
    ).toEqual([sent.notification_id, failed.notification_id].sort());
    expect(await lab.minutes()).toEqual({ sent: 1 });
    expect(await lab.counters()).toEqual({ sent: 2, 'failed template_error': 1 });
  });

  it('is not sent to a suppressed address', async () => {
    const lab = await openLedgerLab();
    const event = rendered({ is_test: true, is_promo: true, address: 'gone@people.example' });
    await lab.db
      .insertInto('suppressions')
      .values({ channel: 'email', address: 'gone@people.example', reason: 'invalid_address' })
      .execute();
    expect(short((await claim(lab, [event])).rows[0])).toBe('ended skipped suppressed');
    expect(await lab.minutes()).toEqual({});
  });
});
