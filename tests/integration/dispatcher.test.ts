// The whole dispatcher on a real broker, registry and Postgres: rendered records in, mail and outcomes out.
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { rendered, renderedMany } from '../support/ledger-lab.ts';
import { openDispatcher } from '../support/running-dispatcher.ts';

describe('the dispatcher', () => {
  it('sends each rendered record once, however often it comes, and tells how it ended', async () => {
    const lab = await openDispatcher();
    const events = renderedMany(300, { priority: 'low' });
    const [urgent] = [rendered({ priority: 'high', subject: 'Grüße', html: '<p>Hello</p>' })];
    await lab.sendEvents(lab.topics.rendered.low, events);
    await lab.sendEvents(lab.topics.rendered.low, events);
    await lab.sendEvents(lab.topics.rendered.high, [urgent, urgent]);
    const outcomes = await lab.readEvents(lab.topics.outcomes, 301);
    expect(new Set(outcomes.map((outcome) => outcome.notification_id)).size).toBe(301);
    expect(
      outcomes.every(({ state, stage, attempt }) => state === 'sent' && stage === 'dispatcher' && attempt === 1),
    ).toBe(true);
    const { group, input } = lab.topics.lanes.dispatcher.find(({ name }) => name === 'low') ?? {};
    await eventually(async () => (await lab.committed(group ?? '', input?.name ?? ''))[0] === 600, 'all is committed');
    expect(lab.server.taken.length).toBe(301);
    expect(await lab.states()).toEqual({ sent: 301 });
    const mail = lab.server.taken.find(({ messageId }) => messageId === urgent.notification_id);
    expect(mail?.body).toContain(`Message-ID: <${urgent.notification_id}@example.com>`);
    expect(mail?.from).toBe('no-reply@example.com');
    const row = await lab.db
      .selectFrom('deliveries')
      .selectAll()
      .where('notification_id', '=', events[299]?.notification_id ?? '')
      .executeTakeFirstOrThrow();
    expect(row).toMatchObject({ rendered_partition: 0, rendered_offset: 299, detail: '250 2.0.0 Ok: queued' });

    const metrics = (await lab.ops('/metrics')).text;
    expect(metrics).toMatch(/posthorn_deliveries_total\{priority="low",state="sent",reason="",[^}]*\} 300/);
    expect(metrics).toMatch(/posthorn_end_to_end_seconds_count\{[^}]*priority="high"[^}]*\} 1/);
    expect(metrics).toMatch(/posthorn_smtp_connections\{[^}]*priority="low"[^}]*\} [1-8]/);
  });

  it('takes what ended at earlier stages into the ledger, once', async () => {
    const lab = await openDispatcher();
    const skipped = renderedMany(40).map((event) => ({
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
      planned_at: event.planned_at,
      enriched_at: null,
      ended_at: Date.now(),
      is_test: false,
    }));
    const unusable = { ...skipped[0], notification_id: 'not a uuid' } as (typeof skipped)[number];
    await lab.sendEvents(lab.topics.outcomes, [...skipped, unusable, ...skipped]);
    await eventually(async () => (await lab.states())['skipped no_consent'] === 40, '40 are skipped');
    const [letter] = await lab.read(lab.topics.deadLetters.dispatcher.name, 1);
    expect(String(letter?.headers?.['dlt-error-code'])).toBe('record_invalid');
    const counted = await lab.db.selectFrom('counters').select(['state', 'reason', 'count']).execute();
    expect(counted).toEqual([{ state: 'skipped', reason: 'no_consent', count: 40 }]);
  });

  it('puts a record aside that no statement may meet, and ends its person as failed; the others are sent', async () => {
    const lab = await openDispatcher();
    const broken = rendered({ address: 'a\0b@people.example' });
    await lab.sendEvents(lab.topics.rendered.low, [broken, ...renderedMany(20)]);
    await eventually(async () => (await lab.states()).sent === 20, 'the others are sent');
    await eventually(async () => (await lab.states())['failed dead_lettered'] === 1, 'it is failed');
    const [letter] = await lab.read(lab.topics.deadLetters.dispatcher.name, 1);
    expect(String(letter?.headers?.['dlt-error-code'])).toBe('record_invalid');
  });

  it('says that it waits for the mail server while that is down, and goes on by itself', async () => {
    const lab = await openDispatcher();
    await lab.server.stop();
    await lab.sendEvents(lab.topics.rendered.low, renderedMany(100));
    await eventually(async () => (await lab.ops('/readyz')).status === 503, 'it is not ready');
    await eventually(
      async () => (await lab.ops('/readyz')).text.includes('mail-server'),
      'it waits for the mail server',
    );
    await lab.server.start();
    await eventually(async () => (await lab.states()).sent === 100, 'all are sent');
    expect(lab.server.taken.length).toBe(100);
    await eventually(async () => (await lab.ops('/readyz')).status === 200, 'it is ready');
  });
});
