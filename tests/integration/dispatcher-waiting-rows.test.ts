// Rows of `waiting` that are too many, too large, or cannot be dispatched at all: the others go on, and each ends with a reason.
import { sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import { DependencyError, PermanentError } from '../../lib/errors.ts';
import type { Ledger } from '../../services/dispatcher/ledger.ts';
import { toParked } from '../../services/dispatcher/messages.ts';
import { type DispatcherLab, useDispatcherLab } from '../support/dispatcher-lab.ts';
import { eventually } from '../support/eventually.ts';
import { rendered, renderedMany, toMessage } from '../support/ledger-lab.ts';
import { anyDue, claim, deferral, held } from '../support/ledger-steps.ts';
import { startLyingMailServer } from '../support/lying-mail-server.ts';

const openLab = useDispatcherLab();

/** As if the server had said later to all of them; each row's value is its record, or what a test wants. */
async function putOff(lab: DispatcherLab, events: ReturnType<typeof renderedMany>, toValue?: (at: number) => Buffer) {
  for (const [at, event] of events.entries()) {
    const { token } = await claim(lab, [event]);
    const settled = deferral(event, token);
    const value = toValue?.(at) ?? Buffer.from(JSON.stringify(event));
    if (settled.parked) settled.parked = { ...settled.parked, value };
    await lab.ledger.settle([settled]);
  }
}

/** As if the time between two tries had passed, until nothing waits. */
async function untilNothingWaits(lab: DispatcherLab): Promise<void> {
  await eventually(async () => {
    await sql`update waiting set due_at = now() where due_at > now() + interval '5 minutes'`.execute(lab.db);
    return (await lab.waitingCount()) === 0;
  }, 'nothing waits');
}

it('are loaded by their bytes: 30 rows of 900 kB come ten at a time, and a single one whatever its size', async () => {
  const server = await startLyingMailServer();
  const lab = await openLab({ smtpUrl: server.smtpUrl });
  await putOff(lab, renderedMany(30), () => Buffer.alloc(900_000));
  await lab.makeDue();
  expect(await lab.ledger.claimDue('low', anyDue(200))).toHaveLength(10);
  expect(await lab.ledger.claimDue('low', { ...anyDue(200), maxBytes: 1_000_000 })).toHaveLength(2);
  expect(await lab.ledger.claimDue('low', { ...anyDue(200), maxBytes: 1 })).toHaveLength(1);
});

describe('a row that cannot be read', () => {
  it('is tried three times and ends as failed(dead_lettered), its record kept; the others are sent at once', async () => {
    const server = await startLyingMailServer();
    const lab = await openLab({ smtpUrl: server.smtpUrl });
    const events = renderedMany(60);
    await putOff(lab, events, (at) => (at === 7 ? Buffer.from('no json') : Buffer.from(JSON.stringify(events[at]))));
    await lab.makeDue();
    lab.startWaiting();
    await eventually(async () => (await lab.counters()).sent === 59, 'the others are sent', 5_000);
    expect(await lab.counters()).toEqual({ sent: 59, 'deferred greylisted': 1 });
    await untilNothingWaits(lab);
    expect(await lab.counters()).toEqual({ sent: 59, 'failed dead_lettered': 1 });
    expect(await lab.rowCounts()).toEqual(await lab.counters());
    expect(await lab.minutes()).toEqual(await lab.counters());
    expect(lab.deadLetters.map(({ value, headers }) => [String(value), headers['dlt-original-topic']])).toEqual([
      ['no json', 'notifications.rendered.low'],
    ]);
  });

  it('ends as unknown when an earlier try may have sent it', async () => {
    const server = await startLyingMailServer();
    const lab = await openLab({ smtpUrl: server.smtpUrl });
    const event = rendered();
    await putOff(lab, [event], () => Buffer.from('no json'));
    await sql`update waiting set reason = 'no_answer', due_at = now()`.execute(lab.db);
    lab.startWaiting();
    await untilNothingWaits(lab);
    expect(await lab.counters()).toEqual({ 'unknown no_answer': 1 });
  });

  it.each([
    { name: 'of a delivery that was never tried', toClaim: undefined, end: {} },
    { name: 'of a claim that was given back', toClaim: 'released', end: { 'failed dead_lettered': 1 } },
    { name: 'of a claim whose process died', toClaim: 'left', end: { 'unknown no_answer': 1 } },
    {
      name: 'of a claim whose process died, marked before it left',
      toClaim: 'marked',
      end: { 'unknown no_answer': 1 },
    },
  ] as const)('that was parked is put aside as well: $name', async ({ toClaim, end }) => {
    const server = await startLyingMailServer();
    const lab = await openLab({ smtpUrl: server.smtpUrl });
    const event = rendered();
    if (toClaim) {
      const { token } = await claim(lab, [event]);
      if (toClaim === 'released') await lab.ledger.release([held(event, token)]);
      if (toClaim === 'marked') await lab.ledger.markSending([held(event, token)]);
    }
    const parked = toParked(toMessage(event), Buffer.from('no json'), { reason: 'held', dueInMs: 0, attempt: 0 });
    await lab.ledger.park([parked]);
    await lab.endLeases();
    lab.startWaiting();
    await untilNothingWaits(lab);
    expect(await lab.counters()).toEqual(end);
    expect(await lab.rowCounts()).toEqual(end);
    expect(lab.deadLetters.map(({ value }) => String(value))).toEqual(['no json']);
    expect(server.taken).toEqual([]);
  });

  it('is not ended by a registry that is down meanwhile, and that keeps no other row', async () => {
    const server = await startLyingMailServer();
    let isDown = true;
    const decode = async (_topic: unknown, value: Buffer) => {
      const event = JSON.parse(value.toString());
      if (isDown && event.user_id === 'user-3') throw new DependencyError('registry', 'gone');
      return event;
    };
    const lab = await openLab({ smtpUrl: server.smtpUrl, decode });
    await putOff(lab, renderedMany(20));
    await lab.makeDue();
    lab.startWaiting();
    await eventually(async () => (await lab.counters()).sent === 19, 'the others are sent', 5_000);
    for (let looks = 0; looks < 10; looks++) {
      await sql`update waiting set due_at = now()`.execute(lab.db);
      await eventually(async () => {
        const [row] = await lab.db.selectFrom('waiting').select('due_at').execute();
        return (row?.due_at.getTime() ?? 0) > Date.now();
      }, 'it was looked at');
    }
    isDown = false;
    await untilNothingWaits(lab);
    expect(await lab.counters()).toEqual({ sent: 20 });
  });

  it('of a schema that nobody knows ends as well', async () => {
    const server = await startLyingMailServer();
    const decode = async (_topic: unknown, value: Buffer) => {
      if (value.toString() === 'unknown') throw new PermanentError('schema_unknown', 'schema 99 is not known');
      return JSON.parse(value.toString());
    };
    const lab = await openLab({ smtpUrl: server.smtpUrl, decode });
    await putOff(lab, renderedMany(3), (at) => (at === 1 ? Buffer.from('unknown') : Buffer.from('{}')).subarray());
    await sql`update waiting set value = 'unknown'`.execute(lab.db);
    await lab.makeDue();
    lab.startWaiting();
    await untilNothingWaits(lab);
    expect(await lab.counters()).toEqual({ 'failed dead_lettered': 3 });
    expect(lab.deadLetters.every(({ headers }) => headers['dlt-error-code'] === 'schema_unknown')).toBe(true);
  });
});

describe('a row of which a statement always fails', () => {
  const cases = [
    { name: 'with an error that is nobody else’s', error: () => new Error('invalid byte sequence') },
    { name: 'by taking too long, as if Postgres were down', error: () => new DependencyError('postgres', 'too long') },
  ];
  it.each(cases)('ends with a reason, and the others are sent: $name', async ({ error }) => {
    const server = await startLyingMailServer();
    const events = renderedMany(60);
    const poisoned = events[7]?.notification_id;
    const lab = await openLab({
      smtpUrl: server.smtpUrl,
      ledger: (ledger): Ledger => ({
        ...ledger,
        claim: async (requests, ...rest) => {
          if (requests.some(({ event }) => event.notification_id === poisoned)) throw error();
          return ledger.claim(requests, ...rest);
        },
      }),
    });
    await putOff({ ...lab, ledger: lab.innerLedger }, events);
    await lab.makeDue();
    lab.startWaiting();
    await eventually(async () => {
      await sql`update waiting set due_at = now() where due_at < now() + interval '5 minutes'`.execute(lab.db);
      return (await lab.counters()).sent === 59;
    }, 'the others are sent');
    await untilNothingWaits(lab);
    expect(await lab.counters()).toEqual({ sent: 59, 'failed dead_lettered': 1 });
    expect(lab.deadLetters).toHaveLength(1);
  });
});
