// Pause, resume and cancel as people see them: the whole dispatcher, records in Kafka, a slow mail server. What the mailing
// runner does at a resume and a cancel, the test does in its place.
import { sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import type { NotificationRendered } from '../../lib/events.ts';
import { eventually } from '../support/eventually.ts';
import { renderedMany } from '../support/ledger-lab.ts';
import { outcome } from '../support/ledger-steps.ts';
import { openDispatcher, type RunningDispatcher } from '../support/running-dispatcher.ts';

const holdTakesMs = 2_000;
const peopleCount = 1_500;

async function openMailing(): Promise<{ lab: RunningDispatcher; events: NotificationRendered[]; requestId: string }> {
  const lab = await openDispatcher();
  lab.server.behave = () => ({ kind: 'slow', delayMs: 100 });
  const events = renderedMany(peopleCount);
  await lab.sendEvents(lab.topics.rendered.low, events);
  await eventually(() => lab.server.taken.length >= 40, 'some are sent');
  return { lab, events, requestId: events[0]?.request_id ?? '' };
}

async function hold({ db }: RunningDispatcher, requestId: string, state: 'paused' | 'cancelled'): Promise<void> {
  await sql`
    insert into holds (request_id, state) values (${requestId}, ${state})
    on conflict (request_id) do update set state = excluded.state, changed_at = now()
  `.execute(db);
}

/** @returns how many mails the server has taken when a hold must have reached everything in hand */
async function takenAfterHold({ server }: RunningDispatcher): Promise<number> {
  const until = Date.now() + holdTakesMs;
  await eventually(() => Date.now() >= until, 'two seconds are over');
  return server.taken.length;
}

const allPassed = async (lab: RunningDispatcher): Promise<boolean> => {
  const { group, input } = lab.topics.lanes.dispatcher.find(({ name }) => name === 'low') ?? {};
  const committed = await lab.committed(group ?? '', input?.name ?? '');
  return committed.reduce((total, offset) => total + Math.max(0, offset), 0) >= peopleCount;
};

/** People of whom the ledger has no row. */
async function withoutRow({ db }: RunningDispatcher, events: NotificationRendered[]): Promise<NotificationRendered[]> {
  const rows = await db.selectFrom('deliveries').select('notification_id').execute();
  const known = new Set(rows.map((row) => row.notification_id));
  return events.filter((event) => !known.has(event.notification_id));
}

const sum = (counts: Record<string, number>): number => Object.values(counts).reduce((a, b) => a + b, 0);

describe('a mailing in Kafka', () => {
  it('that is paused sends nothing after two seconds and lets all its records pass; resumed, it sends each once and balances', async () => {
    const { lab, events, requestId } = await openMailing();
    await hold(lab, requestId, 'paused');
    const takenCount = await takenAfterHold(lab);
    await eventually(() => allPassed(lab), 'all records have passed');
    expect(lab.server.taken.length).toBe(takenCount);
    expect(takenCount).toBeLessThan(600);
    const metrics = (await lab.ops('/metrics')).text;
    expect(metrics).toMatch(/posthorn_dispatcher_paused_passed_total\{priority="low",[^}]*\} [1-9]/);
    expect(metrics).toMatch(/posthorn_dispatcher_paused_parked_total\{priority="low",[^}]*\} [1-9]/);
    expect((await lab.ops('/readyz')).status).toBe(200);

    await lab.db.deleteFrom('holds').execute();
    lab.server.behave = () => ({ kind: 'accept' });
    await lab.sendEvents(lab.topics.rendered.low, await withoutRow(lab, events));
    await eventually(async () => (await lab.states()).sent === peopleCount, 'all are sent');
    expect(lab.server.taken.length).toBe(peopleCount);
    expect(new Set(lab.server.taken.map(({ messageId }) => messageId)).size).toBe(peopleCount);
    expect(await lab.counted()).toEqual({ sent: peopleCount });
    expect(await lab.minutes()).toEqual({ sent: peopleCount });
    const outcomes = await lab.readEvents(lab.topics.outcomes, peopleCount);
    expect(new Set(outcomes.map((one) => `${one.notification_id} ${one.state}`)).size).toBe(peopleCount);
  });

  it('that is cancelled sends nothing after two seconds; everybody else ends as skipped(cancelled), and it balances', async () => {
    const { lab, events, requestId } = await openMailing();
    await hold(lab, requestId, 'cancelled');
    // As the runner does: for whoever has no row. Claims may be quicker, or slower.
    const told = (await withoutRow(lab, events)).map((event) =>
      outcome(event, { reason: 'cancelled', stage: 'planner' }),
    );
    await lab.sendEvents(lab.topics.outcomes, told);
    const takenCount = await takenAfterHold(lab);
    await eventually(async () => sum(await lab.counted()) === peopleCount, 'everybody has ended');
    expect(lab.server.taken.length).toBe(takenCount);
    expect(await lab.states()).toEqual({ sent: takenCount, 'skipped cancelled': peopleCount - takenCount });
    expect(await lab.counted()).toEqual(await lab.states());
    expect(await lab.minutes()).toEqual(await lab.states());
  });

  it('that is cancelled while it is paused balances at once', async () => {
    const { lab, events, requestId } = await openMailing();
    await hold(lab, requestId, 'paused');
    await eventually(() => allPassed(lab), 'all records have passed');
    const takenCount = lab.server.taken.length;
    await hold(lab, requestId, 'cancelled');
    const told = (await withoutRow(lab, events)).map((event) =>
      outcome(event, { reason: 'cancelled', stage: 'planner' }),
    );
    await lab.sendEvents(lab.topics.outcomes, told);
    await eventually(async () => sum(await lab.counted()) === peopleCount, 'everybody has ended', 10_000);
    expect(lab.server.taken.length).toBe(takenCount);
    expect(await lab.states()).toEqual({ sent: takenCount, 'skipped cancelled': peopleCount - takenCount });
    expect(await lab.minutes()).toEqual(await lab.states());
    const waiting = () => lab.db.selectFrom('waiting').select('notification_id').execute();
    // They leave once what became of them has been published, a moment after they are counted.
    await eventually(async () => (await waiting()).length === 0, 'nobody waits any more', 10_000);
  });
});

describe('a person', () => {
  it('who unsubscribes between enrichment and claim is skipped(unsubscribed), and told so', async () => {
    const lab = await openDispatcher();
    const events = renderedMany(20, { is_promo: true });
    await lab.db
      .insertInto('unsubscribes')
      .values({ user_id: events[7]?.user_id ?? '', channel: 'email', source: 'one_click' })
      .execute();
    await lab.sendEvents(lab.topics.rendered.low, events);
    await eventually(async () => sum(await lab.counted()) === 20, 'all have ended');
    expect(await lab.states()).toEqual({ sent: 19, 'skipped unsubscribed': 1 });
    const outcomes = await lab.readEvents(lab.topics.outcomes, 20);
    const skipped = outcomes.filter(({ state }) => state === 'skipped');
    expect(skipped.map(({ user_id, reason, attempt }) => [user_id, reason, attempt])).toEqual([
      [events[7]?.user_id, 'unsubscribed', 0],
    ]);
  });
});
