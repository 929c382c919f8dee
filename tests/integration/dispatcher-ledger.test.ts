// The ledger on a real Postgres: how a delivery is settled, waits, and ends without ever being claimed.
import { describe, expect, it } from 'vitest';
import type { NotificationRendered } from '../../lib/events.ts';
import { toParked } from '../../services/dispatcher/messages.ts';
import { type LedgerLab, rendered, renderedMany, toMessage, useLedgerLab } from '../support/ledger-lab.ts';
import { anyDue, claim, deferral, held, outcome, settlement } from '../support/ledger-steps.ts';

const openLedgerLab = useLedgerLab();

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

  it('makes a suppression of promotional messages one of everything, and keeps why it was there', async () => {
    const lab = await openLedgerLab();
    const known = { channel: 'email', address: 'a@people.example', scope: 'promotional', reason: 'complaint' } as const;
    await lab.db
      .insertInto('suppressions')
      .values({ ...known, detail: 'the recipient complained' })
      .execute();
    // Two of one address in one settlement: one row all the same.
    const events = [rendered({ address: 'a@people.example' }), rendered({ address: 'A@people.example' })];
    const { token } = await claim(lab, events);
    const end = { state: 'failed', reason: 'invalid_address', suppress: true, detail: '550 5.1.1' } as const;
    await lab.ledger.settle(events.map((event) => settlement(event, token, end)));
    expect(await lab.db.selectFrom('suppressions').selectAll().execute()).toMatchObject([
      { ...known, scope: 'all', detail: 'the recipient complained; 550 5.1.1' },
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
    expect(await lab.ledger.claimDue('low', anyDue(100))).toEqual([]);
    await lab.makeDue();
    expect(await lab.ledger.claimDue('high', anyDue(100))).toEqual([]);
    const all = await Promise.all([lab.ledger.claimDue('low', anyDue(15)), lab.ledger.claimDue('low', anyDue(15))]);
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

describe('what ended at an earlier stage', () => {
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
