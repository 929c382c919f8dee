// Claims in the ledger on a real Postgres: who may send, for how long, and who takes over.
import { describe, expect, it } from 'vitest';
import { rendered, renderedMany, useLedgerLab } from '../support/ledger-lab.ts';
import { claim, held, settlement } from '../support/ledger-steps.ts';

const openLedgerLab = useLedgerLab();

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

  it('keeps only promotional messages from an address whose owner complained', async () => {
    const lab = await openLedgerLab();
    await lab.db
      .insertInto('suppressions')
      .values({ channel: 'email', address: 'angry@people.example', scope: 'promotional', reason: 'complaint' })
      .execute();
    const to = { address: 'Angry@people.example' };
    const events = [
      rendered({ ...to, is_promo: true }),
      rendered({ ...to, is_promo: false }),
      rendered({ ...to, is_promo: true, is_test: true }),
    ];
    const { rows } = await claim(lab, events);
    expect(rows.map((row) => `${row?.state} ${row?.reason}`)).toEqual(['skipped suppressed', 'claimed ', 'claimed ']);
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
