// Replays carried out by the admin service on real Kafka and Postgres: who is counted as what, and what is published.
import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { notificationId } from '../../domain/ids.ts';
import { noCounts, type ReplayCounts } from '../../services/admin/operator/replay-types.ts';
import { turnReplay } from '../../services/admin/queries/replays.ts';
import { type AdminLab, startAdminLab } from '../support/admin-lab.ts';
import { eventually } from '../support/eventually.ts';
import { addDelivery, type ReplayLab, startReplayLab, storeRequest, toChunkRecord } from '../support/replay-lab.ts';
import { toRequestRecord } from '../support/request-record.ts';

let lab: AdminLab;
let replays: ReplayLab;

beforeAll(async () => {
  lab = await startAdminLab();
  replays = await startReplayLab(lab);
});

afterAll(async () => {
  await replays?.stop();
  await lab?.stop();
});

const people = (count: number, name: string) => Array.from({ length: count }, (_, index) => `${name}-${index}`);
const dayMs = 24 * 60 * 60 * 1000;

function expectCounts(counts: ReplayCounts, expected: Partial<ReplayCounts>): void {
  expect(counts).toEqual({ ...noCounts, ...expected });
}

describe('planned chunks', () => {
  it('publishes those without a row and nobody else; a dry run only counts them', async () => {
    const { db, topics } = lab;
    const request = await storeRequest(db, people(8, 'every'));
    const states = ['sent', 'failed', 'skipped', 'unknown', 'claimed', 'deferred'] as const;
    for (const [index, state] of states.entries()) await addDelivery(db, request, `every-${index}`, state);
    const record = toChunkRecord(request);
    // Twice in the topic, as after a resume of a mailing: each person counts once among those to send.
    await replays.produce(topics.planned.low, [record, { ...record, user_ids: ['every-6'] }]);
    const wish = { topic: 'planned.low', request: request.requestId };

    const dry = await replays.run(wish);
    const found = { sent: 1, failed: 1, skipped: 1, unknown: 1, inFlight: 1, waiting: 1, readRecords: 2 };
    expectCounts(dry.counts, { ...found, toSend: 2 });
    expect(await replays.published(topics.planned.low, dry.replayId)).toEqual([]);

    const executed = await replays.run({ ...wish, mode: 'execute' });
    expectCounts(executed.counts, { ...found, toSend: 2, published: 2, publishedRecords: 1 });
    const published = await replays.published(topics.planned.low, executed.replayId);
    expect(published).toEqual([{ ...record, user_ids: ['every-6', 'every-7'] }]);
  });

  it('sends nothing that expired, was cancelled or paused, nor tests, and passes over what cannot be decoded', async () => {
    const { db, topics } = lab;
    const topic = topics.planned.medium;
    const [expired, cancelled, paused, test] = [
      await storeRequest(db, ['late']),
      await storeRequest(db, ['unwanted']),
      await storeRequest(db, ['held']),
      await storeRequest(db, ['tester']),
    ];
    await db
      .insertInto('holds')
      .values([
        { request_id: cancelled.requestId, state: 'cancelled' },
        { request_id: paused.requestId, state: 'paused' },
      ])
      .execute();
    await replays.produce(topic, [
      toChunkRecord(expired, { expires_at: Date.now() - 1_000 }),
      toChunkRecord(cancelled),
      toChunkRecord(paused),
      toChunkRecord(test, { test_address: 'me@example.com' }),
    ]);
    await replays.produceBytes(topic, Buffer.from('no avro at all'));
    await replays.produceBytes(topic, null);
    const executed = await replays.run({ topic: topic.name, mode: 'execute' });
    expectCounts(executed.counts, {
      expired: 1,
      cancelled: 1,
      paused: 1,
      testRecords: 1,
      undecodableRecords: 1,
      emptyRecords: 1,
      readRecords: 6,
    });
  });

  it('refuses what is older than the ledger, by its months and by 90 days', async () => {
    const { db, topics } = lab;
    const topic = topics.planned.high;
    const old = await storeRequest(db, ['old'], { requestedAtMs: Date.now() - 91 * dayMs });
    const kept = await storeRequest(db, ['kept'], { requestedAtMs: Date.now() - 40 * dayMs });
    await replays.produce(topic, [toChunkRecord(old), toChunkRecord(kept)]);
    const before = await replays.run({ topic: 'planned.high' });
    expectCounts(before.counts, { tooOld: 1, toSend: 1, readRecords: 2 });

    // As retention does: the months up to the one of `kept` are dropped, with whatever rows they had.
    const dropped = await sql<{ name: string }>`
      select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
      where i.inhparent = 'deliveries'::regclass and c.relname ~ '\\d{4}_\\d{2}$'
        and c.relname <= 'deliveries_' || to_char(to_timestamp(${kept.requestedAtMs / 1_000}), 'YYYY_MM')`.execute(db);
    for (const { name } of dropped.rows) await sql`drop table ${sql.table(name)}`.execute(db);
    expect(dropped.rows.length).toBeGreaterThan(0);
    const after = await replays.run({ topic: 'planned.high', mode: 'execute' });
    expectCounts(after.counts, { tooOld: 2, readRecords: 2 });
    expect(await replays.published(topic, after.replayId)).toEqual([]);
  });

  it('reads only what stands between the offsets, and only what the filter names', async () => {
    const { db, topics } = lab;
    const request = await storeRequest(db, ['one', 'two']);
    const other = await storeRequest(db, ['one'], { templateId: 'other' });
    const topic = topics.planned.medium;
    const ranges = await lab.kafka.admin();
    await ranges.connect();
    const offsets = await ranges.fetchTopicOffsets(topic.name);
    await ranges.disconnect();
    await replays.produce(topic, [toChunkRecord(request), toChunkRecord(other, { template_id: 'other' })]);
    const from = offsets.map(({ partition, high }) => `${partition}:${high}`).join(',');
    const wish = { topic: 'planned.medium', from };
    expectCounts((await replays.run(wish)).counts, { toSend: 3, readRecords: 2 });
    const byUser = await replays.run({ ...wish, user: 'two' });
    expectCounts(byUser.counts, { toSend: 1, otherRecords: 1, readRecords: 2 });
    const byTemplate = await replays.run({ ...wish, template: 'other' });
    expectCounts(byTemplate.counts, { toSend: 1, otherRecords: 1, readRecords: 2 });
    const byPriority = await replays.run({ ...wish, priority: 'high' });
    expectCounts(byPriority.counts, { otherRecords: 2, readRecords: 2 });
  });
});

describe('requests', () => {
  it('publishes a request that was never planned as it is, and of planned ones the missing people of their chunks', async () => {
    const { db, topics } = lab;
    const stored = await storeRequest(db, people(25, 'many'), { perChunk: 2 });
    for (const id of stored.people.slice(0, 21)) await addDelivery(db, stored, id, 'sent');
    const rejected = await storeRequest(db, ['refused'], { state: 'rejected' });
    const never = toRequestRecord({ template_id: 'welcome', user_ids: ['x', 'y', 'x'] });
    const audience = toRequestRecord({ template_id: 'welcome', user_ids: ['z'], user_categories: ['vip'] });
    const record = (requestId: string, user_ids: string[]) =>
      toRequestRecord({ template_id: 'welcome', request_id: requestId, user_ids });
    await replays.produce(topics.requests, [
      record(stored.requestId, stored.people),
      record(rejected.requestId, ['refused']),
      never,
      never,
      audience,
    ]);
    const executed = await replays.run({ topic: 'requests', mode: 'execute' });
    expectCounts(executed.counts, {
      sent: 21,
      rejectedRequests: 1,
      unplannedRequests: 2,
      uncountedRequests: 1,
      toSend: 4 + 2 + 1,
      published: 4 + 2 + 1,
      publishedRecords: 3 + 2,
      readRecords: 5,
    });
    const again = await replays.published(topics.requests, executed.replayId);
    expect(again).toHaveLength(2);
    expect(again).toEqual(expect.arrayContaining([never, audience]));
    const chunks = await replays.published(topics.planned.low, executed.replayId);
    const bySequence = chunks.toSorted((a, b) => a.sequence - b.sequence);
    expect(bySequence.map(({ user_ids }) => user_ids)).toEqual([['many-21'], ['many-22', 'many-23'], ['many-24']]);
    expect(bySequence[0]).toMatchObject({
      ...toChunkRecord(stored, { sequence: 10, user_ids: ['many-21'] }),
      planned_at: expect.any(Number),
    });
  });

  it('leaves a request that was never planned alone when it is not for the one person alone', async () => {
    const both = toRequestRecord({ template_id: 'welcome', user_ids: ['p', 'q'] });
    const one = toRequestRecord({ template_id: 'welcome', user_ids: ['p'] });
    await replays.produce(lab.topics.requestsHigh, [both, one]);
    const executed = await replays.run({ topic: 'requests.high', user: 'p', mode: 'execute' });
    expectCounts(executed.counts, {
      wholeOnlyRequests: 1,
      unplannedRequests: 1,
      toSend: 1,
      published: 1,
      publishedRecords: 1,
      readRecords: 2,
    });
    expect(await replays.published(lab.topics.requestsHigh, executed.replayId)).toEqual([one]);
  });
});

describe('an intended second sending', () => {
  it('opens a command for each person who has an end, and publishes them once, however often it is repeated', async () => {
    const { db, topics } = lab;
    const request = await storeRequest(db, people(4, 'again'));
    await addDelivery(db, request, 'again-0', 'sent');
    await addDelivery(db, request, 'again-1', 'unknown');
    await addDelivery(db, request, 'again-2', 'claimed');
    await replays.produce(topics.planned.low, [toChunkRecord(request)]);
    const wish = { topic: 'planned.low', request: request.requestId, mode: 'resend', reason: 'wrong link' } as const;
    const done = await replays.run(wish, 'ada');
    const counts = { toSend: 1, resent: 2, inFlight: 1, sent: 0, published: 3, publishedRecords: 1 };
    expect(done.counts).toMatchObject(counts);
    const [published] = await replays.published(topics.planned.low, done.replayId);
    expect(published?.user_ids.toSorted()).toEqual(['again-0', 'again-1', 'again-3']);
    const commands = await db
      .selectFrom('delivery_commands')
      .select(['notification_id', 'kind', 'reason', 'requested_by', 'taken_at'])
      .execute();
    const expected = ['again-0', 'again-1'].map((userId) => ({
      notification_id: notificationId(request.requestId, userId, 'email'),
      kind: 'resend',
      reason: 'wrong link',
      requested_by: 'ada',
      taken_at: null,
    }));
    expect(commands).toEqual(expect.arrayContaining(expected));
    expect(commands).toHaveLength(2);

    // As after a crash behind the publishing, when a dispatcher has taken one of the commands: it is not opened again.
    const taken = expected[0]?.notification_id ?? '';
    await sql`update delivery_commands set taken_at = now() where notification_id = ${taken}`.execute(db);
    await sql`update replays set state = 'wanted', cursor = '{}', counts = '{}' where replay_id = ${done.replayId}`.execute(
      db,
    );
    await eventually(async () => (await replays.untilOver(done.replayId)).counts.resent === 2, 'it ran again');
    const rows = await sql<{ open: boolean }>`
      select taken_at is null as open from delivery_commands order by (notification_id = ${taken}) desc`.execute(db);
    expect(rows.rows.map(({ open }) => open)).toEqual([false, true]);
    const all = await replays.published(topics.planned.low, done.replayId);
    expect(all.filter(({ user_ids }) => user_ids.includes('again-0'))).toHaveLength(1);
  });

  it.each([
    [{ reason: '', request: randomUUID() }, 'needs a reason'],
    [{ reason: 'because', request: '' }, 'for one request, one template or one person'],
  ])('is refused for %j', async (given, words) => {
    await expect(replays.order({ topic: 'planned.low', mode: 'resend', ...given })).rejects.toThrow(words);
  });
});

describe('pause and cancel', () => {
  it('stops in the middle, goes on at the same place, and tells what it did', async () => {
    const { db, topics } = lab;
    const request = await storeRequest(db, people(40, 'slow'), { perChunk: 1 });
    const chunks = request.people.map((id, sequence) => toChunkRecord(request, { sequence, user_ids: [id] }));
    await replays.produce(topics.planned.high, chunks);
    const wish = { topic: 'planned.high', request: request.requestId, mode: 'execute', rate: '8' } as const;
    const id = await replays.order(wish);
    const publishedCount = async () => (await replays.published(topics.planned.high, id)).length;
    await eventually(async () => (await publishedCount()) > 0, 'the first were published');
    expect(await turnReplay(db, id, 'pause')).toBe(true);
    const leaseOf = async () =>
      (await db.selectFrom('replays').select('lease_until').where('replay_id', '=', id).executeTakeFirst())
        ?.lease_until;
    await eventually(async () => (await leaseOf()) === null, 'it was left');
    const before = await publishedCount();
    expect(before).toBeLessThan(40);
    expect(await turnReplay(db, id, 'pause')).toBe(false);
    // What was published has reached the ledger meanwhile.
    for (const { user_ids } of await replays.published(topics.planned.high, id)) {
      await addDelivery(db, request, user_ids[0] ?? '', 'sent');
    }
    await sql`update replays set rate_per_second = 1000 where replay_id = ${id}`.execute(db);
    expect(await turnReplay(db, id, 'resume')).toBe(true);
    const over = await replays.untilOver(id);
    expect(over).toMatchObject({ state: 'done', counts: { published: 40 } });
    const got = (await replays.published(topics.planned.high, id)).flatMap(({ user_ids }) => user_ids);
    expect(got.toSorted()).toEqual(request.people.toSorted());
    expect(await turnReplay(db, id, 'cancel')).toBe(false);
  });
});
