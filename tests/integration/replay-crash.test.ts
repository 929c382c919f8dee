// A replay whose executor dies, is too slow to notice that it was replaced, waits for Kafka, or must not go faster: driven by
// hand beside the admin service, which takes over what is left behind.
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createDatabase } from '../../lib/db/database.ts';
import { DependencyError } from '../../lib/errors.ts';
import { createPublisher, type Publisher } from '../../lib/kafka/publisher.ts';
import { createLogger } from '../../lib/logger.ts';
import { createKeptAdmin, type KeptAdmin } from '../../services/admin/kafka/kept-admin.ts';
import { createRecordReader, type RecordReader } from '../../services/admin/kafka/record-reader.ts';
import { type ReplayParts, runReplay } from '../../services/admin/operator/replay-run.ts';
import type { Replay } from '../../services/admin/operator/replay-types.ts';
import { findReplay, leaveReplay } from '../../services/admin/queries/replays.ts';
import { type AdminLab, startAdminLab } from '../support/admin-lab.ts';
import { eventually } from '../support/eventually.ts';
import { addDelivery, type ReplayLab, startReplayLab, storeRequest, toChunkRecord } from '../support/replay-lab.ts';

let lab: AdminLab;
let replays: ReplayLab;
let parts: ReplayParts;
let publisher: Publisher;
let reader: RecordReader;
let kafkaAdmin: KeptAdmin;

beforeAll(async () => {
  lab = await startAdminLab();
  replays = await startReplayLab(lab);
  const { db, topics, codec, kafka } = lab;
  publisher = createPublisher({ kafka, codec, logger: createLogger({ service: 'test', level: 'silent' }) });
  await publisher.connect();
  kafkaAdmin = createKeptAdmin(kafka);
  reader = createRecordReader({ kafka, admin: kafkaAdmin, topics, prefix: lab.config.kafka.topicPrefix });
  parts = { db, topics, codec, publisher, reader, now: Date.now };
});

afterAll(async () => {
  await reader?.stop();
  await kafkaAdmin?.stop();
  await publisher?.disconnect();
  await replays?.stop();
  await lab?.stop();
});

/** One chunk for each of so many people, and a replay of them that this test holds. */
async function hold(name: string, count: number, rate: number): Promise<Replay> {
  const request = await storeRequest(
    lab.db,
    Array.from({ length: count }, (_, index) => `${name}-${index}`),
    { perChunk: 1 },
  );
  const chunks = request.people.map((id, sequence) => toChunkRecord(request, { sequence, user_ids: [id] }));
  await replays.produce(lab.topics.planned.low, chunks);
  // Ours before the service can see it.
  const wish = { topic: 'planned.low', request: request.requestId, mode: 'execute', rate: String(rate) } as const;
  const id = await lab.db.transaction().execute(async (transaction) => {
    const ordered = await replays.order(wish, 'a test', transaction);
    await sql`
      update replays set state = 'running', epoch = 1, lease_until = now() + interval '1 hour'
      where replay_id = ${ordered}`.execute(transaction);
    return ordered;
  });
  const replay = await findReplay(lab.db, id);
  if (!replay) throw new Error('there is no such replay');
  return replay;
}

const endLease = (id: string) =>
  sql`update replays set lease_until = now() - interval '1 s' where replay_id = ${id}`.execute(lab.db);

const peopleOf = async (id: string): Promise<string[]> =>
  (await replays.published(lab.topics.planned.low, id)).flatMap(({ user_ids }) => user_ids);

it('is taken over when its executor died behind a publishing, and what is written down is not done again', async () => {
  const replay = await hold('dead', 60, 20);
  let publishedCount = 0;
  const dying: ReplayParts = {
    ...parts,
    publisher: {
      encode: publisher.encode,
      async publishRaw(records) {
        await publisher.publishRaw(records);
        publishedCount += records.length;
        // Killed here, the second time: published, and not written down.
        if (publishedCount > 20) throw new Error('killed');
      },
    },
  };
  await expect(runReplay(dying, replay, new AbortController().signal)).rejects.toThrow('killed');
  expect((await findReplay(lab.db, replay.replayId))?.counts.published).toBe(20);
  // What was published has reached the ledger by the time somebody takes over.
  const ended = await peopleOf(replay.replayId);
  expect(ended).toHaveLength(publishedCount);
  const request = { requestId: replay.filter.request_id ?? '', requestedAtMs: Date.now() - 60_000, people: [] };
  for (const userId of ended) await addDelivery(lab.db, request, userId, 'sent');
  await sql`update replays set rate_per_second = 1000 where replay_id = ${replay.replayId}`.execute(lab.db);
  await endLease(replay.replayId);

  const over = await replays.untilOver(replay.replayId);
  expect(over).toMatchObject({ state: 'done', epoch: replay.epoch + 1 });
  const all = await peopleOf(replay.replayId);
  expect(all).toHaveLength(60);
  expect(new Set(all).size).toBe(60);
  // Everybody is counted once: the 20 that were written down, the 20 that were sent by then without that, and the others.
  expect(over.counts).toMatchObject({ toSend: 40, published: 40, publishedRecords: 40, sent: 20 });
});

it('counts and publishes nobody twice whom it wrote down, however often it dies, and tells meanwhile how far it is', async () => {
  const replay = await hold('twice', 80, 20);
  const dieAfter = (count: number): ReplayParts => {
    let publishedCount = 0;
    return {
      ...parts,
      publisher: {
        encode: publisher.encode,
        async publishRaw(records) {
          if (publishedCount >= count) throw new Error('killed');
          await publisher.publishRaw(records);
          publishedCount += records.length;
        },
      },
    };
  };
  // None of them has come to the ledger yet.
  for (const count of [20, 40, 60]) {
    const again = await findReplay(lab.db, replay.replayId);
    if (!again) throw new Error('it is gone');
    await expect(runReplay(dieAfter(20), again, new AbortController().signal)).rejects.toThrow('killed');
    expect((await findReplay(lab.db, replay.replayId))?.counts.published).toBe(count);
  }
  await sql`update replays set rate_per_second = 1000 where replay_id = ${replay.replayId}`.execute(lab.db);
  await endLease(replay.replayId);
  const over = await replays.untilOver(replay.replayId);
  expect(over.counts).toMatchObject({ toSend: 80, published: 80, publishedRecords: 80 });
  expect(over.cursor.partial).toBeUndefined();
  expect(await peopleOf(replay.replayId)).toHaveLength(80);
});

it('needs one connection to Postgres', async () => {
  const replay = await hold('alone', 10, 1_000);
  const db = createDatabase({ url: lab.databaseUrl, applicationName: 'replay-alone', maxConnections: 1 });
  try {
    expect(await runReplay({ ...parts, db }, replay, new AbortController().signal)).toBe(true);
    await leaveReplay(db, replay, { state: 'done', detail: '' });
  } finally {
    await db.destroy();
  }
});

it('writes nothing down any more once another has taken it over', async () => {
  const replay = await hold('zombie', 10, 1_000);
  await endLease(replay.replayId);
  const over = await replays.untilOver(replay.replayId);
  expect(over.counts.published).toBe(10);
  expect(await runReplay(parts, replay, new AbortController().signal)).toBe(false);
  await leaveReplay(lab.db, replay, { state: 'failed', detail: 'a zombie' });
  expect(await findReplay(lab.db, replay.replayId)).toEqual(over);
});

it('publishes no faster than it may, seen by its cursor and its counts', async () => {
  const replay = await hold('slow', 60, 20);
  const startedAtMs = performance.now();
  const running = runReplay(parts, replay, new AbortController().signal);
  let [looks, isOver] = [0, false];
  const ended = running.finally(() => {
    isOver = true;
  });
  await eventually(async () => {
    const counts = (await findReplay(lab.db, replay.replayId))?.counts;
    const seconds = (performance.now() - startedAtMs) / 1_000;
    looks++;
    // A group of 20 may go ahead of its second.
    expect(counts?.published).toBeLessThanOrEqual(20 * (seconds + 1) + 1);
    return isOver;
  }, 'it is over');
  expect(await ended).toBe(true);
  expect(looks).toBeGreaterThan(5);
  expect((performance.now() - startedAtMs) / 1_000).toBeGreaterThan(1.8);
  expect((await peopleOf(replay.replayId)).length).toBe(60);
});

it('stops within a group when it is paused, and tells what it has published', async () => {
  const replay = await hold('paused', 40, 5);
  const leave = new AbortController();
  const running = runReplay(parts, replay, leave.signal);
  await eventually(
    async () => ((await findReplay(lab.db, replay.replayId))?.counts.published ?? 0) >= 5,
    'some are published',
  );
  leave.abort();
  expect(await running).toBe(false);
  const { published } = (await findReplay(lab.db, replay.replayId))?.counts ?? {};
  expect(published).toBeLessThan(40);
  expect(await peopleOf(replay.replayId)).toHaveLength(published ?? 0);
});

it('waits for Kafka instead of failing, and leaves the cursor where it was', async () => {
  const replay = await hold('down', 3, 1_000);
  const down: ReplayParts = {
    ...parts,
    publisher: {
      encode: publisher.encode,
      publishRaw: () => Promise.reject(new DependencyError('kafka', 'Kafka does not take records')),
    },
  };
  await expect(runReplay(down, replay, new AbortController().signal)).rejects.toThrow('Kafka does not take records');
  const before = await findReplay(lab.db, replay.replayId);
  expect(before).toMatchObject({ state: 'running', cursor: { next: {} }, counts: { published: 0 } });
  await leaveReplay(lab.db, replay, { state: 'running', detail: 'Kafka does not take records' });
  const over = await replays.untilOver(replay.replayId);
  expect(over).toMatchObject({ state: 'done', detail: '', counts: { published: 3, toSend: 3 } });
});

it('fails with the cause when its topic is none of ours', async () => {
  const replay = await hold('strange', 1, 100);
  await sql`update replays set topic = 'strange', lease_until = null where replay_id = ${replay.replayId}`.execute(
    lab.db,
  );
  const over = await replays.untilOver(replay.replayId);
  expect(over).toMatchObject({
    state: 'failed',
    detail: 'there is no topic strange of ours',
    endedAt: expect.any(Date),
  });
});
