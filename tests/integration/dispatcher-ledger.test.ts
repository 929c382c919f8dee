// The ledger on a real Postgres: who may send, what a claim, a settlement and a wait do to a row, and what they never do.
import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { toMonth } from '../../lib/db/database.ts';
import type { NotificationRendered } from '../../lib/events.ts';
import type { ClaimRequest, Settlement } from '../../services/dispatcher/ledger/types.ts';
import { toParked } from '../../services/dispatcher/messages.ts';
import { type LedgerLab, rendered, renderedMany, toMessage, useLedgerLab } from '../support/dispatcher-lab.ts';

const openLedgerLab = useLedgerLab();

const toRequest = (event: NotificationRendered, changes: Partial<ClaimRequest> = {}): ClaimRequest => ({
  event,
  partition: 3,
  offset: '42',
  mayHaveLeft: false,
  ...changes,
});

async function claim(
  { ledger }: LedgerLab,
  events: readonly NotificationRendered[],
  { token = randomUUID(), fromWaiting = false, mayHaveLeft = false } = {},
) {
  const rows = await ledger.claim(
    events.map((event) => toRequest(event, { mayHaveLeft })),
    { token, fromWaiting },
  );
  const byId = new Map(rows.map((row) => [row.notification_id, row]));
  return { token, rows: events.map((event) => byId.get(event.notification_id)) };
}

const held = (event: NotificationRendered, token: string, attempt = 1) => ({
  notificationId: event.notification_id,
  month: toMonth(event.requested_at),
  attempt,
  token,
});

function settlement(event: NotificationRendered, token: string, changes: Partial<Settlement> = {}): Settlement {
  return {
    ...held(event, token, changes.attempt),
    state: 'sent',
    reason: '',
    detail: '250 ok',
    endedAtMs: Date.now(),
    requestedAtMs: event.requested_at,
    suppress: false,
    ...changes,
  };
}

const deferral = (event: NotificationRendered, token: string, attempt = 1): Settlement =>
  settlement(event, token, {
    attempt,
    state: 'deferred',
    reason: 'greylisted',
    parked: toParked(toMessage(event, 42), Buffer.from('payload'), { reason: 'greylisted', dueInMs: 60_000, attempt }),
  });

describe('a claim', () => {
  it('inserts what is new, with where its rendered record stands', async () => {
    const lab = await openLedgerLab();
    const events = renderedMany(3);
    const { rows } = await claim(lab, events);
    expect(rows.map((row) => [row?.verdict, row?.attempt])).toEqual([
      ['claimed', 1],
      ['claimed', 1],
      ['claimed', 1],
    ]);
    const row = await lab.db.selectFrom('deliveries').selectAll().limit(1).executeTakeFirstOrThrow();
    expect(row).toMatchObject({ state: 'claimed', attempt: 1, rendered_partition: 3, rendered_offset: 42 });
    expect(await lab.counters()).toEqual({});
  });

  it('that is repeated with its token returns its own rows, and burns no attempt', async () => {
    const lab = await openLedgerLab();
    const events = renderedMany(2);
    const { token } = await claim(lab, events);
    const again = await claim(lab, events, { token });
    expect(again.rows.map((row) => [row?.verdict, row?.attempt])).toEqual([
      ['claimed', 1],
      ['claimed', 1],
    ]);
  });

  it("does not touch another's claim that is alive, and says how long it still holds", async () => {
    const lab = await openLedgerLab();
    const event = rendered();
    await claim(lab, [event]);
    const { rows } = await claim(lab, [event]);
    expect(rows[0]?.verdict).toBe('alive');
    expect(rows[0]?.lease_left_ms).toBeGreaterThan(50_000);
    expect(rows[0]?.lease_left_ms).toBeLessThanOrEqual(60_000);
  });

  it('takes over a claim whose lease ran out, as the next attempt', async () => {
    const lab = await openLedgerLab();
    const event = rendered();
    await claim(lab, [event]);
    await lab.endLeases();
    const { rows } = await claim(lab, [event]);
    expect(rows[0]).toMatchObject({ verdict: 'claimed', attempt: 2 });
  });

  it('makes an expired `sending` unknown, and never claims it again', async () => {
    const lab = await openLedgerLab();
    const event = rendered({ on_no_answer: 'park' });
    const { token } = await claim(lab, [event]);
    expect(await lab.ledger.markSending([held(event, token)])).toEqual(new Set([event.notification_id]));
    await lab.endLeases();
    const { rows } = await claim(lab, [event]);
    expect(rows[0]).toMatchObject({ verdict: 'ended', state: 'unknown', reason: 'no_answer', is_new_end: true });
    expect((await claim(lab, [event])).rows[0]).toMatchObject({ verdict: 'ended', is_new_end: false });
    expect(await lab.counters()).toEqual({ 'unknown no_answer': 1 });
  });

  it('retries an expired `claimed` of a template that parks: it was certainly not sent', async () => {
    const lab = await openLedgerLab();
    const event = rendered({ on_no_answer: 'park' });
    await claim(lab, [event]);
    await lab.endLeases();
    expect((await claim(lab, [event])).rows[0]).toMatchObject({ verdict: 'claimed', attempt: 2 });
  });

  it('ends what expired or is suppressed in the same step, whatever the case of the address', async () => {
    const lab = await openLedgerLab();
    const expired = rendered({ expires_at: Date.now() - 1_000 });
    const suppressed = rendered({ address: 'Gone@People.example' });
    const fine = rendered({ expires_at: Date.now() + 60_000 });
    await lab.db
      .insertInto('suppressions')
      .values({ channel: 'email', address: 'gone@people.example', reason: 'invalid_address' })
      .execute();
    const { rows } = await claim(lab, [expired, suppressed, fine]);
    expect(rows.map((row) => `${row?.verdict} ${row?.state} ${row?.reason}`)).toEqual([
      'ended skipped expired',
      'ended skipped suppressed',
      'claimed claimed ',
    ]);
    expect(await lab.counters()).toEqual({ 'skipped expired': 1, 'skipped suppressed': 1 });
  });

  it('calls unknown what may have been sent by a claim left behind and must not be sent any more', async () => {
    const lab = await openLedgerLab();
    const resends = rendered({ expires_at: Date.now() + 200 });
    const parks = rendered({ expires_at: Date.now() + 200, on_no_answer: 'park' });
    await claim(lab, [resends, parks]);
    await lab.endLeases();
    await expect.poll(() => Date.now() > (resends.expires_at ?? 0) + 50).toBe(true);
    const { rows } = await claim(lab, [resends, parks]);
    expect(rows.map((row) => `${row?.state} ${row?.reason}`)).toEqual(['unknown no_answer', 'skipped expired']);
  });

  it('returns an ended row as it ended, for its outcome to be told again', async () => {
    const lab = await openLedgerLab();
    const event = rendered();
    const { token } = await claim(lab, [event]);
    const endedAtMs = Date.now() - 5_000;
    await lab.ledger.settle([
      settlement(event, token, { state: 'failed', reason: 'refused', detail: '554 no', endedAtMs }),
    ]);
    const { rows } = await claim(lab, [event]);
    expect(rows[0]).toMatchObject({
      verdict: 'ended',
      state: 'failed',
      reason: 'refused',
      detail: '554 no',
      attempt: 1,
      is_new_end: false,
      stage: 'dispatcher',
    });
    expect(Math.round(rows[0]?.ended_at_ms ?? 0)).toBe(endedAtMs);
  });

  it('gives every row of a slice to exactly one of two dispatchers that race for it', async () => {
    const lab = await openLedgerLab();
    const events = renderedMany(500);
    const all = await Promise.all([claim(lab, events), claim(lab, [...events].reverse())]);
    const winners = all.flatMap(({ rows }) =>
      rows.filter((row) => row?.verdict === 'claimed').map((row) => row?.notification_id),
    );
    expect(winners.length).toBe(500);
    expect(new Set(winners).size).toBe(500);
    const losers = all.flatMap(({ rows }) =>
      rows.filter((row) => row?.verdict !== 'claimed').map((row) => row?.verdict),
    );
    expect(losers.length).toBe(500);
    expect(losers.every((verdict) => verdict === 'contended' || verdict === 'alive')).toBe(true);
  });

  it('takes over an expired row for exactly one of two dispatchers that race for it', async () => {
    const lab = await openLedgerLab();
    const events = renderedMany(200);
    await claim(lab, events);
    await lab.endLeases();
    const all = await Promise.all([claim(lab, events), claim(lab, events), claim(lab, events)]);
    const winners = all.flatMap(({ rows }) => rows.filter((row) => row?.verdict === 'claimed'));
    expect(winners.map((row) => row?.attempt)).toEqual(Array(200).fill(2));
    expect(new Set(winners.map((row) => row?.notification_id)).size).toBe(200);
  });

  it('works across the turn of a month, and in a month that nobody has made', async () => {
    const lab = await openLedgerLab();
    const events = [
      rendered({ requested_at: Date.parse('2026-10-31T23:59:59Z') }),
      rendered({ requested_at: Date.parse('2026-11-01T00:00:00Z') }),
      rendered({ requested_at: Date.parse('2019-05-05T00:00:00Z') }),
    ];
    const { token, rows } = await claim(lab, events);
    expect(rows.map((row) => row?.verdict)).toEqual(['claimed', 'claimed', 'claimed']);
    expect((await lab.ledger.settle(events.map((event) => settlement(event, token)))).size).toBe(3);
    expect(await lab.counters()).toEqual({ sent: 3 });
  });
});

describe('a settlement', () => {
  it('ends rows and moves the counters by what changed', async () => {
    const lab = await openLedgerLab();
    const events = renderedMany(250);
    const { token } = await claim(lab, events);
    const all = events.map((event, at) =>
      settlement(event, token, at % 5 === 0 ? { state: 'failed', reason: 'refused' } : {}),
    );
    expect((await lab.ledger.settle(all)).size).toBe(250);
    expect(await lab.counters()).toEqual({ sent: 200, 'failed refused': 50 });
    expect(await lab.counters()).toEqual(await lab.rowCounts());
  });

  it('that comes twice changes nothing the second time', async () => {
    const lab = await openLedgerLab();
    const event = rendered();
    const { token } = await claim(lab, [event]);
    await lab.ledger.settle([settlement(event, token)]);
    expect((await lab.ledger.settle([settlement(event, token)])).size).toBe(0);
    expect(await lab.counters()).toEqual({ sent: 1 });
  });

  it('of a zombie changes nothing: neither the row, nor counters, nor suppressions, nor what waits', async () => {
    const lab = await openLedgerLab();
    const event = rendered();
    const zombie = await claim(lab, [event]);
    await lab.endLeases();
    const heir = await claim(lab, [event]);
    const late = settlement(event, zombie.token, { state: 'failed', reason: 'invalid_address', suppress: true });
    expect((await lab.ledger.settle([late])).size).toBe(0);
    expect((await lab.ledger.settle([deferral(event, zombie.token)])).size).toBe(0);
    expect(await lab.stateOf(event)).toBe('claimed 2');
    expect(await lab.waitingCount()).toBe(0);
    expect(await lab.db.selectFrom('suppressions').selectAll().execute()).toEqual([]);
    expect((await lab.ledger.settle([settlement(event, heir.token, { attempt: 2 })])).size).toBe(1);
    expect(await lab.counters()).toEqual({ sent: 1 });
  });

  it('of a zombie changes nothing even when its claim was given back and its attempt counted anew', async () => {
    const lab = await openLedgerLab();
    const event = rendered();
    const first = await claim(lab, [event]);
    await lab.ledger.release([held(event, first.token)]);
    const second = await claim(lab, [event]);
    expect(second.rows[0]).toMatchObject({ verdict: 'claimed', attempt: 1 });
    expect((await lab.ledger.settle([settlement(event, first.token)])).size).toBe(0);
    expect(await lab.stateOf(event)).toBe('claimed 1');
  });

  it('suppresses the address when asked to', async () => {
    const lab = await openLedgerLab();
    const event = rendered({ address: 'Nobody@people.example' });
    const { token } = await claim(lab, [event]);
    await lab.ledger.settle([
      settlement(event, token, { state: 'failed', reason: 'invalid_address', suppress: true, detail: '550 5.1.1' }),
    ]);
    expect(await lab.db.selectFrom('suppressions').select(['channel', 'address', 'detail']).execute()).toEqual([
      { channel: 'email', address: 'nobody@people.example', detail: '550 5.1.1' },
    ]);
  });

  it('that defers writes the row, what waits and the counter together; the counter goes down when it leaves', async () => {
    const lab = await openLedgerLab();
    const event = rendered();
    const { token } = await claim(lab, [event]);
    await lab.ledger.settle([deferral(event, token)]);
    expect(await lab.stateOf(event)).toBe('deferred greylisted 1');
    expect(await lab.counters()).toEqual({ 'deferred greylisted': 1 });
    expect(await lab.waitingCount()).toBe(1);

    expect((await claim(lab, [event])).rows[0]?.verdict).toBe('deferred');
    const retry = await claim(lab, [event], { fromWaiting: true });
    expect(retry.rows[0]).toMatchObject({ verdict: 'claimed', attempt: 2 });
    expect(await lab.counters()).toEqual({});

    await lab.ledger.settle([deferral(event, retry.token, 2)]);
    expect(await lab.counters()).toEqual({ 'deferred greylisted': 1 });
    const last = await claim(lab, [event], { fromWaiting: true });
    await lab.ledger.settle([settlement(event, last.token, { attempt: 3 })]);
    expect(await lab.counters()).toEqual({ sent: 1 });
    expect(await lab.counters()).toEqual(await lab.rowCounts());
  });
});

describe('what waits', () => {
  async function defer(lab: LedgerLab, event: NotificationRendered): Promise<void> {
    const { token } = await claim(lab, [event]);
    await lab.ledger.settle([deferral(event, token)]);
  }

  it('is not due before its time, and then goes to one dispatcher alone', async () => {
    const lab = await openLedgerLab();
    for (const event of renderedMany(20)) await defer(lab, event);
    expect(await lab.ledger.claimDue('low', 100)).toEqual([]);
    await lab.makeDue();
    expect(await lab.ledger.claimDue('high', 100)).toEqual([]);
    const all = await Promise.all([lab.ledger.claimDue('low', 15), lab.ledger.claimDue('low', 15)]);
    const ids = all.flat().map((due) => due.notification_id);
    expect(new Set(ids).size).toBe(20);
    expect(ids.length).toBe(20);
    expect(all.flat()[0]).toMatchObject({ reason: 'greylisted', rendered_partition: 0, rendered_offset: '42' });
    expect(all.flat()[0]?.value.toString()).toBe('payload');
  });

  it('stays until its delivery has ended', async () => {
    const lab = await openLedgerLab();
    const event = rendered();
    await defer(lab, event);
    await lab.ledger.leaveWaiting([event.notification_id]);
    expect(await lab.waitingCount()).toBe(1);
    const retry = await claim(lab, [event], { fromWaiting: true });
    await lab.ledger.leaveWaiting([event.notification_id]);
    expect(await lab.waitingCount()).toBe(1);
    await lab.ledger.settle([settlement(event, retry.token, { attempt: 2 })]);
    await lab.ledger.leaveWaiting([event.notification_id]);
    expect(await lab.waitingCount()).toBe(0);
  });

  it('ends as failed when it expired after a try, and as unknown when the try may have arrived', async () => {
    const lab = await openLedgerLab();
    const greylisted = rendered({ expires_at: Date.now() + 300 });
    const unanswered = rendered({ expires_at: Date.now() + 300 });
    await defer(lab, greylisted);
    await defer(lab, unanswered);
    await expect.poll(() => Date.now() > (unanswered.expires_at ?? 0) + 50).toBe(true);
    const one = await claim(lab, [greylisted], { fromWaiting: true });
    const other = await claim(lab, [unanswered], { fromWaiting: true, mayHaveLeft: true });
    expect(`${one.rows[0]?.state} ${one.rows[0]?.reason}`).toBe('failed retries_exhausted');
    expect(`${other.rows[0]?.state} ${other.rows[0]?.reason}`).toBe('unknown no_answer');
    expect(await lab.counters()).toEqual({ 'failed retries_exhausted': 1, 'unknown no_answer': 1 });
  });

  it('is parked once, however often', async () => {
    const lab = await openLedgerLab();
    const event = rendered();
    const parked = toParked(toMessage(event), Buffer.from('payload'), { reason: 'held', dueInMs: 10, attempt: 0 });
    await lab.ledger.park([parked]);
    await lab.ledger.park([parked]);
    expect(await lab.waitingCount()).toBe(1);
  });
});

describe('a lease', () => {
  it('is renewed for what is still ours, even when it had run out, and for nothing else', async () => {
    const lab = await openLedgerLab();
    const [mine, lost] = [rendered(), rendered()];
    const { token } = await claim(lab, [mine, lost]);
    await lab.endLeases();
    await claim(lab, [lost]);
    const renewed = await lab.ledger.renew([held(mine, token), held(lost, token)]);
    expect(renewed).toEqual(new Set([mine.notification_id]));
    expect((await claim(lab, [mine])).rows[0]?.verdict).toBe('alive');
  });

  it('that was given back is free at once, without an attempt burnt; a zombie cannot give back what is not its own', async () => {
    const lab = await openLedgerLab();
    const event = rendered();
    const { token } = await claim(lab, [event]);
    await lab.ledger.release([held(event, token)]);
    const next = await claim(lab, [event]);
    expect(next.rows[0]).toMatchObject({ verdict: 'claimed', attempt: 1 });
    await lab.ledger.release([held(event, token)]);
    expect((await claim(lab, [event])).rows[0]?.verdict).toBe('alive');
  });

  it('must be alive for a row to be marked as sending', async () => {
    const lab = await openLedgerLab();
    const event = rendered({ on_no_answer: 'park' });
    const { token } = await claim(lab, [event]);
    await lab.endLeases();
    expect((await lab.ledger.markSending([held(event, token)])).size).toBe(0);
    expect(await lab.stateOf(event)).toBe('claimed 1');
  });
});

describe('what ended at an earlier stage', () => {
  const outcome = (event: NotificationRendered, changes: object = {}) => ({
    notification_id: event.notification_id,
    request_id: event.request_id,
    chunk_id: event.chunk_id,
    user_id: event.user_id,
    priority: event.priority,
    channel: event.channel,
    template_id: event.template_id,
    template_version: event.template_version,
    state: 'skipped' as const,
    reason: 'no_consent',
    detail: '',
    stage: 'enricher',
    attempt: 0,
    requested_at: event.requested_at,
    planned_at: null,
    enriched_at: null,
    ended_at: Date.now(),
    ...changes,
  });

  it('gets its row once', async () => {
    const lab = await openLedgerLab();
    const event = rendered();
    expect(await lab.ledger.insertEnded([outcome(event)])).toHaveLength(1);
    expect(await lab.ledger.insertEnded([outcome(event)])).toHaveLength(0);
    expect(await lab.stateOf(event)).toBe('skipped no_consent 0');
    expect(await lab.counters()).toEqual({ 'skipped no_consent': 1 });
    expect((await claim(lab, [event])).rows[0]).toMatchObject({ verdict: 'ended', stage: 'enricher' });
  });

  it('does not touch a row that is there', async () => {
    const lab = await openLedgerLab();
    const event = rendered();
    await claim(lab, [event]);
    expect(await lab.ledger.insertEnded([outcome(event)])).toHaveLength(0);
    expect(await lab.stateOf(event)).toBe('claimed 1');
  });

  it('ends a row whose record the dispatcher put aside, unless somebody has it in hand', async () => {
    const lab = await openLedgerLab();
    const event = rendered();
    const { token } = await claim(lab, [event]);
    const putAside = outcome(event, { state: 'failed', reason: 'dead_lettered', stage: 'dispatcher' });
    expect(await lab.ledger.insertEnded([putAside])).toHaveLength(0);
    await lab.ledger.release([held(event, token)]);
    expect(await lab.ledger.insertEnded([putAside])).toHaveLength(1);
    expect(await lab.stateOf(event)).toBe('failed dead_lettered 0');
    expect(await lab.counters()).toEqual({ 'failed dead_lettered': 1 });
  });
});

it('months ahead are made', async () => {
  const lab = await openLedgerLab();
  await lab.ledger.ensureMonths();
  await lab.ledger.ensureMonths();
  const rows = await lab.db
    .selectFrom('pg_class' as never)
    .select('relname' as never)
    .where('relname' as never, 'like', 'deliveries_20%' as never)
    .execute();
  expect(rows.length).toBeGreaterThanOrEqual(7);
});
