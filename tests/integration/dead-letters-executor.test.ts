// The executor between two crashes, on a real Postgres: what it publishes, what it writes down first, and that repeating it
// opens nothing anew. Kafka's part is taken by a list of records.
import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { beforeEach, expect, it } from 'vitest';
import { chunkId, notificationId } from '../../domain/ids.ts';
import { createDatabase } from '../../lib/db/database.ts';
import { DependencyError, PermanentError } from '../../lib/errors.ts';
import type { ChunkPlanned, NotificationRendered, RecordName, Records } from '../../lib/events.ts';
import type { Codec } from '../../lib/kafka/codec.ts';
import { writeDeadLetterCause } from '../../lib/kafka/headers.ts';
import type { RawRecord } from '../../lib/kafka/publisher.ts';
import { createTopics } from '../../lib/topics.ts';
import type { StoredRecord } from '../../services/admin/kafka/stored-record.ts';
import { writeDeliveryCommands } from '../../services/admin/operator/redrive-commands.ts';
import { redriveDeliveries } from '../../services/admin/operator/redrive-deliveries.ts';
import { type RedriveParts, redriveLetters } from '../../services/admin/operator/redrive-letters.ts';
import { wantActions } from '../../services/admin/queries/dead-letters.ts';
import { sendAlikeAgain } from '../../services/admin/queries/dead-letters-commands.ts';
import { addDelivery, addRequest } from '../support/admin-ledger.ts';
import { type LedgerLab, rendered, useLedgerLab } from '../support/ledger-lab.ts';
import { claim, settlement } from '../support/ledger-steps.ts';
import { addTemplate, changeTemplate } from '../support/templates.ts';

const openLedgerLab = useLedgerLab();
const topics = createTopics('');
/** Records are their JSON here. */
const codec = {
  encode: (_topic: unknown, event: object) => Buffer.from(JSON.stringify(event)),
  decode: async (_topic: unknown, value: Buffer) => JSON.parse(value.toString()),
} as unknown as Codec;
const decode = <R extends RecordName>(record: RawRecord | undefined) =>
  JSON.parse(record?.value?.toString() ?? 'null') as Records[R];

let lab: LedgerLab;
let stored: StoredRecord[];
let published: RawRecord[];
let parts: RedriveParts;

beforeEach(async () => {
  lab = await openLedgerLab();
  await lab.db.deleteFrom('dead_letter_actions').execute();
  stored = [];
  published = [];
  const find = (topic: string, partition: number, offset: string) =>
    stored.find((one) => one.topic === topic && one.partition === partition && one.offset === offset);
  parts = {
    db: lab.db,
    topics,
    codec,
    publisher: {
      publishRaw: async (records) => {
        published.push(...records);
      },
    },
    records: {
      ranges: async () => [{ partition: 0, low: 0n, high: 1_000n }],
      read: async (topic, partition, offset) => find(topic, partition, offset),
      readStretches: async ({ topic, stretches }) => ({
        records: stored.filter((one) => {
          const [stretch] = stretches;
          return (
            one.topic === topic &&
            stretch !== undefined &&
            BigInt(one.offset) >= stretch.from &&
            BigInt(one.offset) < stretch.end
          );
        }),
        lookedAtCount: 1,
        isCutShort: false,
      }),
    },
  };
});

function store(topic: string, offset: number, event: object, headers: StoredRecord['headers'] = {}): void {
  const value = Buffer.from(JSON.stringify(event));
  const place = { topic, partition: 0, offset: String(offset), timestampMs: Date.now() };
  stored.push({ ...place, key: Buffer.from('key'), value, valueBytes: value.length, isLeftOut: false, headers });
}

function storeLetter(offset: number, event: object, originalTopic: string): void {
  const cause = writeDeadLetterCause({
    originalTopic,
    originalPartition: 0,
    originalOffset: '1',
    errorCode: 'bug',
    errorMessage: '',
    stage: 'enricher',
    at: 0,
  }) as Record<string, string>;
  store(topics.deadLetters.enricher.name, offset, event, { ...cause, traceparent: '00-a', attempt: '2' });
}

const letter = (offset: number) => ({ topic: topics.deadLetters.enricher.name, partition: 0, offset });
const wish = { action: 'redrive', template: 'pinned', reason: 'mended', who: 'olga' } as const;
const refused = { state: 'failed', reason: 'refused' } as const;

const chunkOf = (event: NotificationRendered): Partial<ChunkPlanned> => ({
  chunk_id: event.chunk_id,
  request_id: event.request_id,
  template_id: event.template_id,
  template_version: 1,
  channel: 'email',
  priority: 'low',
  user_ids: [event.user_id],
});

async function end(event: NotificationRendered): Promise<void> {
  const { token, rows } = await claim(lab, [event]);
  expect(rows[0]?.verdict).toBe('claimed');
  await lab.ledger.settle([settlement(event, token, { attempt: rows[0]?.attempt ?? 0, ...refused })]);
}

it('writes the commands before the record leaves, and after a crash repeats both without opening anything anew', async () => {
  const event = rendered();
  await end(event);
  storeLetter(7, chunkOf(event), topics.planned.low.name);
  await wantActions(lab.db, [letter(7)], wish);
  const { publishRaw } = parts.publisher;
  let openBefore: unknown;
  parts.publisher.publishRaw = async (records) => {
    openBefore = await lab.db.selectFrom('delivery_commands').select(['notification_id', 'taken_at']).execute();
    await publishRaw(records);
    throw new DependencyError('kafka', 'the answer was lost');
  };
  await expect(redriveLetters(parts)).rejects.toThrow('the answer was lost');
  expect(openBefore).toEqual([{ notification_id: event.notification_id, taken_at: null }]);
  // The record was written all the same, and its person failed once more.
  await end(event);
  parts.publisher.publishRaw = publishRaw;
  expect(await redriveLetters(parts)).toBe(1);
  expect(await redriveLetters(parts)).toBe(0);
  expect(published).toHaveLength(2);
  expect((await claim(lab, [event])).rows[0]?.verdict).toBe('ended');
  expect(published[1]?.headers).toEqual({ traceparent: '00-a', attempt: '2', redrive: 'olga' });
});

it('plans a rendered letter anew when the active version is wanted', async () => {
  const templateId = `t-${randomUUID()}`;
  await addTemplate(lab.db, { templateId, text: 'one' });
  await changeTemplate(lab.db, { templateId, text: 'two' }, 2);
  const requestId = await addRequest(lab.db, { templateId });
  await lab.db.updateTable('requests').set({ chunk_count: 3 }).where('request_id', '=', requestId).execute();
  const event = rendered({ request_id: requestId, chunk_id: chunkId(requestId, 2), template_id: templateId });
  storeLetter(8, event, topics.rendered.low.name);
  await wantActions(lab.db, [letter(8)], { ...wish, template: 'active' });
  await redriveLetters(parts);
  expect(published[0]?.topic).toBe(topics.planned.high.name);
  expect(published[0]?.key).toBe(event.user_id);
  expect(decode<'ChunkPlanned'>(published[0])).toMatchObject({
    template_version: 2,
    sequence: 2,
    chunk_id: event.chunk_id,
    user_ids: [event.user_id],
  });
});

it('leaves the state of everything as it was while Kafka is down', async () => {
  storeLetter(9, chunkOf(rendered()), topics.planned.low.name);
  await wantActions(lab.db, [letter(9)], wish);
  parts.records.ranges = async () => {
    throw new DependencyError('kafka', 'down');
  };
  await expect(redriveLetters(parts)).rejects.toThrow('down');
  const rows = await lab.db.selectFrom('dead_letter_actions').select('state').execute();
  expect(rows).toEqual([{ state: 'wanted' }]);
});

it('gives who is unknown the very message again, everybody else a new one, and says of whom it can do nothing', async () => {
  const requestId = await addRequest(lab.db);
  const make = (userId: string, changes: Partial<NotificationRendered> = {}) =>
    rendered({ request_id: requestId, user_id: userId, chunk_id: chunkId(requestId, 0), priority: 'high', ...changes });
  const [unknown, failed, other, sent] = ['u', 'f', 'o', 's'].map((userId) => make(userId));
  const orphan = rendered({ user_id: 'x' });
  if (!unknown || !failed || !other || !sent) throw new Error('there are four');
  await addDelivery(lab.db, unknown, {
    state: 'unknown',
    reason: 'no_answer',
    renderedAt: { partition: 0, offset: 5 },
  });
  for (const event of [failed, other, orphan])
    await addDelivery(lab.db, event, { ...refused, renderedAt: { partition: 0, offset: 6 } });
  await addDelivery(lab.db, sent);
  store(topics.rendered.high.name, 5, unknown);
  await writeDeliveryCommands(lab.db, {
    notificationIds: [unknown, failed, other, sent, orphan].map((event) => event.notification_id),
    kind: 'redrive',
    reason: '',
    who: 'sven',
    needsRecord: true,
  });
  expect(await redriveDeliveries(parts)).toBe(5);
  expect(await redriveDeliveries(parts)).toBe(0);
  expect(published.map(({ topic }) => topic)).toEqual([topics.rendered.high.name, topics.planned.high.name]);
  expect(decode<'NotificationRendered'>(published[0]).notification_id).toBe(unknown.notification_id);
  expect(decode<'ChunkPlanned'>(published[1]).user_ids.toSorted()).toEqual(['f', 'o']);
  const answers = await lab.db
    .selectFrom('delivery_commands')
    .select(['notification_id', 'answer', 'taken_at'])
    .execute();
  const answerOf = (event: NotificationRendered) =>
    answers.find((one) => one.notification_id === event.notification_id);
  expect(answerOf(unknown)).toMatchObject({ answer: '', taken_at: null });
  expect(answerOf(sent)?.answer).toBe('sent');
  expect(answerOf(orphan)).toMatchObject({ answer: 'its request is not stored any more', taken_at: expect.any(Date) });
});

it('takes all of a request who ended alike, but what was cancelled or has expired', async () => {
  const requestId = await addRequest(lab.db);
  const ends = [
    ['a', 'failed', 'template_error'],
    ['b', 'failed', 'template_error'],
    ['c', 'failed', 'refused'],
    ['d', 'skipped', 'expired'],
    ['e', 'skipped', 'no_address'],
    ['f', 'sent', ''],
  ] as const;
  for (const [user_id, state, reason] of ends) {
    await addDelivery(lab.db, rendered({ request_id: requestId, user_id }), { state, reason });
  }
  const who = { template: 'pinned', reason: '', who: 'olga' } as const;
  const wanted = async () =>
    (await lab.db.selectFrom('delivery_commands').select('notification_id').execute()).map(
      (row) => row.notification_id,
    );
  const idOf = (userId: string) => notificationId(requestId, userId, 'email');
  expect(await sendAlikeAgain(lab.db, { requestId, state: 'failed', reason: 'template_error' }, who)).toBe(2);
  expect((await wanted()).sort()).toEqual([idOf('a'), idOf('b')].sort());
  expect(await sendAlikeAgain(lab.db, { requestId, state: 'failed' }, who)).toBe(1);
  expect(await sendAlikeAgain(lab.db, { requestId, state: 'skipped' }, who)).toBe(1);
  expect(await wanted()).toHaveLength(4);
  expect(await wanted()).not.toContain(idOf('d'));
});

const stateOf = async (offset: number) =>
  lab.db
    .selectFrom('dead_letter_actions')
    .select(['state', 'detail'])
    .where('record_offset', '=', offset)
    .executeTakeFirst();

/** Wants some letters redriven; of these offsets, Kafka refuses the record. */
async function wantLetters(offsets: readonly number[]): Promise<Map<number, NotificationRendered>> {
  const events = new Map(offsets.map((offset) => [offset, rendered()]));
  for (const [offset, event] of events) storeLetter(offset, chunkOf(event), topics.planned.low.name);
  await wantActions(lab.db, offsets.map(letter), wish);
  return events;
}

it('ends a letter that Kafka refuses with its reason, and sends the others', async () => {
  const events = await wantLetters([1, 2, 3]);
  const refusals: [event: NotificationRendered | undefined, error: Error][] = [
    [events.get(2), new PermanentError('too_large', 'Kafka refuses the record as too large')],
    [
      events.get(3),
      new DependencyError('kafka', 'Kafka does not take records', {
        cause: Object.assign(new Error('no such topic'), { type: 'UNKNOWN_TOPIC_OR_PARTITION' }),
      }),
    ],
  ];
  const { publishRaw } = parts.publisher;
  parts.publisher.publishRaw = async (records) => {
    for (const [event, error] of refusals) {
      if (records.some(({ value }) => event && value?.includes(event.chunk_id))) throw error;
    }
    await publishRaw(records);
  };
  expect(await redriveLetters(parts)).toBe(3);
  expect(await stateOf(1)).toEqual({ state: 'done', detail: '' });
  expect(await stateOf(2)).toEqual({ state: 'failed', detail: 'Kafka refuses the record as too large' });
  expect(await stateOf(3)).toMatchObject({ state: 'failed', detail: expect.stringContaining('no such topic') });
  expect(await redriveLetters(parts)).toBe(0);
});

it('ends letters of a topic that is gone, and sends those of the others', async () => {
  await wantLetters([1]);
  await wantActions(lab.db, [{ topic: 'gone', partition: 0, offset: 1 }], wish);
  const { ranges } = parts.records;
  parts.records.ranges = async (topic) => {
    if (topic !== 'gone') return ranges(topic);
    const cause = Object.assign(new Error('This server does not host this topic'), {
      type: 'UNKNOWN_TOPIC_OR_PARTITION',
    });
    throw new DependencyError('kafka', 'Kafka does not answer', { cause });
  };
  expect(await redriveLetters(parts)).toBe(2);
  const rows = await lab.db.selectFrom('dead_letter_actions').select(['topic', 'state']).orderBy('topic').execute();
  expect(rows).toEqual([
    { topic: 'gone', state: 'failed' },
    { topic: topics.deadLetters.enricher.name, state: 'done' },
  ]);
});

it('ends a letter that breaks our code, and sends the others', async () => {
  await wantLetters([1, 2]);
  stored = stored.map((one) => (one.offset === '2' ? { ...one, headers: null as never } : one));
  expect(await redriveLetters(parts)).toBe(2);
  expect(await stateOf(1)).toMatchObject({ state: 'done' });
  expect(await stateOf(2)).toMatchObject({ state: 'failed', detail: expect.stringMatching(/./) });
});

it('ends a letter that an executor has taken five times and never ended', async () => {
  await wantLetters([1, 2]);
  await sql`update dead_letter_actions set attempts = 5, lease_until = now() - interval '1 second'
    where record_offset = 2`.execute(lab.db);
  expect(await redriveLetters(parts)).toBe(2);
  expect(await stateOf(1)).toMatchObject({ state: 'done' });
  expect(await stateOf(2)).toMatchObject({ state: 'failed', detail: expect.stringContaining('5 times') });
});

it('counts no try while Kafka is down, and leaves to others what one executor has taken', async () => {
  await wantLetters([1]);
  const { publishRaw } = parts.publisher;
  for (let n = 0; n < 10; n++) {
    parts.publisher.publishRaw = async () => {
      expect(await redriveLetters(parts)).toBe(0);
      throw new DependencyError('kafka', 'down');
    };
    await expect(redriveLetters(parts)).rejects.toThrow('down');
  }
  parts.publisher.publishRaw = publishRaw;
  expect(await redriveLetters(parts)).toBe(1);
  expect(await stateOf(1)).toMatchObject({ state: 'done' });
});

it('redrives letters and messages whose offsets are beyond 2^31', async () => {
  const offset = 3_000_000_000;
  parts.records.ranges = async () => [{ partition: 0, low: 0n, high: 4_000_000_000n }];
  await wantLetters([offset]);
  expect(await redriveLetters(parts)).toBe(1);
  expect(await stateOf(offset)).toEqual({ state: 'done', detail: '' });
  const event = rendered({ priority: 'high' });
  await addDelivery(lab.db, event, { state: 'unknown', reason: 'no_answer', renderedAt: { partition: 0, offset } });
  store(topics.rendered.high.name, offset, event);
  const command = { kind: 'redrive', reason: '', who: 'olga', needsRecord: true } as const;
  await writeDeliveryCommands(lab.db, { ...command, notificationIds: [event.notification_id] });
  expect(await redriveDeliveries(parts)).toBe(1);
  expect(published.map(({ topic }) => topic)).toEqual([topics.planned.low.name, topics.rendered.high.name]);
});

it('ends a message that Kafka refuses with its reason, and sends the others', async () => {
  const [large, small] = [rendered({ priority: 'high' }), rendered({ priority: 'high' })];
  for (const [offset, event] of [large, small].entries()) {
    await addDelivery(lab.db, event, { state: 'unknown', reason: 'no_answer', renderedAt: { partition: 0, offset } });
    store(topics.rendered.high.name, offset, event);
  }
  const command = { kind: 'redrive', reason: '', who: 'olga', needsRecord: true } as const;
  await writeDeliveryCommands(lab.db, {
    ...command,
    notificationIds: [large, small].map((one) => one.notification_id),
  });
  const { publishRaw } = parts.publisher;
  parts.publisher.publishRaw = async (records) => {
    if (records.some(({ value }) => value?.includes(large.notification_id))) {
      throw new PermanentError('too_large', 'Kafka refuses the record as too large');
    }
    await publishRaw(records);
  };
  expect(await redriveDeliveries(parts)).toBe(2);
  expect(published).toHaveLength(1);
  const rows = await lab.db
    .selectFrom('delivery_commands')
    .select(['notification_id', 'needs_record', 'answer'])
    .execute();
  const answerOf = (event: NotificationRendered) => rows.find((one) => one.notification_id === event.notification_id);
  expect(answerOf(large)).toMatchObject({ needs_record: false, answer: 'Kafka refuses the record as too large' });
  expect(answerOf(small)).toMatchObject({ needs_record: false, answer: '' });
  expect(await redriveDeliveries(parts)).toBe(0);
});

it('needs one connection to Postgres, and keeps no transaction open while it publishes', async () => {
  const db = createDatabase({ url: lab.databaseUrl, applicationName: 'redrive-alone', maxConnections: 1 });
  try {
    parts.db = db;
    const seen: unknown[] = [];
    parts.publisher.publishRaw = async (records) => {
      published.push(...records);
      const { rows } = await sql<{ state: string }>`
        select state from pg_stat_activity where application_name = 'redrive-alone'`.execute(lab.db);
      seen.push(...rows.map(({ state }) => state));
    };
    const [event] = [...(await wantLetters([1])).values()];
    await lab.db.deleteFrom('delivery_commands').execute();
    expect(await redriveLetters(parts)).toBe(1);
    const notificationIds = [notificationId(event?.request_id ?? '', event?.user_id ?? '', 'email')];
    await addDelivery(lab.db, { ...(event ?? rendered()), notification_id: notificationIds[0] ?? '' }, refused);
    const at = new Date(Date.now() + 60_000);
    await writeDeliveryCommands(lab.db, {
      notificationIds,
      kind: 'redrive',
      reason: '',
      who: 'o',
      needsRecord: true,
      at,
    });
    expect(await redriveDeliveries(parts)).toBe(1);
    expect(seen).toEqual(['idle', 'idle']);
  } finally {
    await db.destroy();
  }
});
