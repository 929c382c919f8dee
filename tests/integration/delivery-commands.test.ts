// What has ended is sent again by a person's command only, once, and the numbers balance; on a real Postgres.
import { describe, expect, it } from 'vitest';
import { writeDeliveryCommands } from '../../services/admin/operator/redrive-commands.ts';
import { type LedgerLab, rendered, renderedMany, useLedgerLab } from '../support/ledger-lab.ts';
import { claim, held, outcome, settlement } from '../support/ledger-steps.ts';

const openLedgerLab = useLedgerLab();

type Event = ReturnType<typeof rendered>;

const command = (lab: LedgerLab, events: readonly Event[], kind: 'redrive' | 'resend' = 'redrive', at = new Date()) =>
  writeDeliveryCommands(lab.db, {
    notificationIds: events.map((event) => event.notification_id),
    kind,
    reason: 'a test',
    who: 'anna',
    at,
  });

const commandOf = (lab: LedgerLab, event: Event) =>
  lab.db
    .selectFrom('delivery_commands')
    .selectAll()
    .where('notification_id', '=', event.notification_id)
    .executeTakeFirstOrThrow();

/** Claims and ends it. */
async function end(lab: LedgerLab, event: Event, changes: Parameters<typeof settlement>[2] = {}): Promise<void> {
  const { token, rows } = await claim(lab, [event]);
  await lab.ledger.settle([settlement(event, token, { attempt: rows[0]?.attempt ?? 0, ...changes })]);
}

const refused = { state: 'failed', reason: 'refused', detail: '550 no' } as const;
const unknown = { state: 'unknown', reason: 'no_answer', detail: '' } as const;

async function expectBalance(lab: LedgerLab): Promise<void> {
  expect(await lab.counters()).toEqual(await lab.rowCounts());
}

describe('an open command', () => {
  it('lets what failed be claimed once more, as the next attempt, and is taken by that', async () => {
    const lab = await openLedgerLab();
    const event = rendered({ template_version: 1 });
    await end(lab, event, refused);
    expect((await claim(lab, [event])).rows[0]).toMatchObject({ verdict: 'ended', state: 'failed' });
    await command(lab, [event]);
    const mended = { ...event, template_version: 2 };
    const { token, rows } = await claim(lab, [mended]);
    expect(rows[0]).toMatchObject({ verdict: 'claimed', attempt: 2, may_have_left: false });
    expect(await lab.counters()).toEqual({});
    expect(await commandOf(lab, event)).toMatchObject({ answer: 'claimed', taken_at: expect.any(Date) });
    await lab.ledger.settle([settlement(event, token, { attempt: 2 })]);
    expect(await lab.stateOf(event)).toBe('sent 2');
    expect(await lab.counters()).toEqual({ sent: 1 });
    expect(await lab.minutes()).toEqual({ 'failed refused': 1, sent: 1 });
    const row = await lab.db.selectFrom('deliveries').select('template_version').executeTakeFirstOrThrow();
    expect(row.template_version).toBe(2);
    expect((await claim(lab, [event])).rows[0]).toMatchObject({ verdict: 'ended', state: 'sent' });
  });

  it('works once: what failed again needs another one', async () => {
    const lab = await openLedgerLab();
    const event = rendered();
    await end(lab, event, refused);
    await command(lab, [event]);
    await end(lab, event, refused);
    expect(await lab.stateOf(event)).toBe('failed refused 2');
    expect((await claim(lab, [event])).rows[0]).toMatchObject({ verdict: 'ended', is_new_end: false });
    await command(lab, [event], 'redrive', new Date(Date.now() + 1_000));
    expect((await claim(lab, [event])).rows[0]).toMatchObject({ verdict: 'claimed', attempt: 3 });
    await expectBalance(lab);
  });

  it('that is written again by what was repeated after a crash is not opened again', async () => {
    const lab = await openLedgerLab();
    const event = rendered();
    await end(lab, event, refused);
    const at = new Date();
    await command(lab, [event], 'redrive', at);
    await end(lab, event, refused);
    await command(lab, [event], 'redrive', at);
    expect((await claim(lab, [event])).rows[0]?.verdict).toBe('ended');
  });

  it('goes to exactly one of two dispatchers that race for it', async () => {
    const lab = await openLedgerLab();
    const events = renderedMany(50);
    const { token } = await claim(lab, events);
    await lab.ledger.settle(events.map((event) => settlement(event, token, refused)));
    await command(lab, events);
    const both = await Promise.all([claim(lab, events), claim(lab, events)]);
    const claimed = both.flatMap(({ rows }) => rows.filter((row) => row?.verdict === 'claimed'));
    expect(new Set(claimed.map((row) => row?.notification_id)).size).toBe(50);
    expect(claimed.length).toBe(50);
    expect(await lab.counters()).toEqual({});
  });

  it('gives a repeat with the same token its own rows, still knowing that nothing left before', async () => {
    const lab = await openLedgerLab();
    const event = rendered();
    await end(lab, event, refused);
    await command(lab, [event]);
    const { token } = await claim(lab, [event]);
    const { rows } = await claim(lab, [event], { token });
    expect(rows[0]).toMatchObject({ verdict: 'claimed', attempt: 2, may_have_left: false });
  });

  it.each([
    ['redrive', 'ended', 'sent 1', 'sent'],
    ['resend', 'claimed', 'claimed 2', 'claimed'],
  ] as const)('of the kind %s finds what was sent %s', async (kind, verdict, state, answer) => {
    const lab = await openLedgerLab();
    const event = rendered();
    await end(lab, event);
    await command(lab, [event], kind);
    expect((await claim(lab, [event])).rows[0]?.verdict).toBe(verdict);
    expect(await lab.stateOf(event)).toBe(state);
    expect((await commandOf(lab, event)).answer).toBe(answer);
    await expectBalance(lab);
  });

  it('on what is unknown remembers that it may have left, over crashes as well', async () => {
    const lab = await openLedgerLab();
    const event = rendered({ on_no_answer: 'park' });
    await end(lab, event, unknown);
    await command(lab, [event]);
    const { token, rows } = await claim(lab, [event]);
    expect(rows[0]).toMatchObject({ verdict: 'claimed', may_have_left: true });
    await lab.ledger.release([held(event, token, 2)]);
    await lab.hold(event.request_id, 'cancelled');
    expect((await claim(lab, [event])).rows[0]).toMatchObject({ verdict: 'ended', state: 'unknown' });
    await expectBalance(lab);
  });

  it('waits out a pause, and changes nothing of what was cancelled', async () => {
    const lab = await openLedgerLab();
    const event = rendered();
    await end(lab, event, refused);
    await command(lab, [event]);
    await lab.hold(event.request_id, 'paused');
    expect((await claim(lab, [event])).rows[0]?.verdict).toBe('paused');
    expect(await commandOf(lab, event)).toMatchObject({ taken_at: null });
    await lab.hold(event.request_id, undefined);
    expect((await claim(lab, [event], { fromWaiting: true })).rows[0]?.verdict).toBe('claimed');

    const cancelled = rendered();
    await lab.hold(cancelled.request_id, 'cancelled');
    await claim(lab, [cancelled]);
    await lab.hold(cancelled.request_id, undefined);
    await command(lab, [cancelled]);
    expect((await claim(lab, [cancelled])).rows[0]).toMatchObject({ verdict: 'ended', reason: 'cancelled' });
    expect((await commandOf(lab, cancelled)).answer).toBe('barred');
    await expectBalance(lab);
  });

  it('does not send what has expired: what failed then ends as expired, what is unknown stays so', async () => {
    const lab = await openLedgerLab();
    const [failed, open] = [rendered({ user_id: 'a' }), rendered({ user_id: 'b' })];
    await end(lab, failed, refused);
    await end(lab, open, unknown);
    await command(lab, [failed, open]);
    const late = [failed, open].map((event) => ({ ...event, expires_at: Date.now() - 1_000 }));
    const { rows } = await claim(lab, late);
    expect(rows.map((row) => [row?.verdict, row?.state, row?.reason])).toEqual([
      ['ended', 'skipped', 'expired'],
      ['ended', 'unknown', 'no_answer'],
    ]);
    expect((await commandOf(lab, failed)).answer).toBe('expired');
    expect((await commandOf(lab, open)).answer).toBe('barred');
    await expectBalance(lab);
  });

  it('is over as well when the record was new to the ledger', async () => {
    const lab = await openLedgerLab();
    const event = rendered();
    await command(lab, [event]);
    await end(lab, event, refused);
    expect((await claim(lab, [event])).rows[0]?.verdict).toBe('ended');
  });
});

describe('an end at an earlier stage', () => {
  it('of what was tried again by a command is its end from then on', async () => {
    const lab = await openLedgerLab();
    const event = rendered();
    const first = outcome(event, { state: 'failed', reason: 'template_error', stage: 'renderer', detail: 'line 1' });
    await lab.ledger.insertEnded([first]);
    await command(lab, [event]);
    // The first one comes again: it is older than the command.
    expect(await lab.ledger.insertEnded([first])).toEqual([]);
    expect(await commandOf(lab, event)).toMatchObject({ taken_at: null });
    const second = outcome(event, { ended_at: Date.now() + 1_000, template_version: 2 });
    expect(await lab.ledger.insertEnded([second])).toEqual([
      { priority: 'low', state: 'skipped', reason: 'no_consent' },
    ]);
    expect(await lab.stateOf(event)).toBe('skipped no_consent 0');
    expect(await lab.counters()).toEqual({ 'skipped no_consent': 1 });
    expect(await commandOf(lab, event)).toMatchObject({ answer: 'no_consent', taken_at: expect.any(Date) });
    expect(await lab.ledger.insertEnded([second])).toEqual([]);
    await expectBalance(lab);
  });

  it.each([
    ['unknown', unknown],
    ['sent', {}],
  ] as const)('never replaces what is %s', async (_state, changes) => {
    const lab = await openLedgerLab();
    const event = rendered();
    await end(lab, event, changes);
    const before = await lab.stateOf(event);
    await command(lab, [event], 'resend');
    const failed = { state: 'failed', reason: 'template_error', stage: 'renderer' } as const;
    expect(await lab.ledger.insertEnded([outcome(event, { ...failed, ended_at: Date.now() + 1_000 })])).toEqual([]);
    expect(await lab.stateOf(event)).toBe(before);
    expect((await commandOf(lab, event)).answer).toBe('template_error');
    await expectBalance(lab);
  });
});
