// What a test of replays needs: requests as the planner leaves them, rows of the ledger, records in topics, and a look at
// what was published.
import { randomUUID } from 'node:crypto';
import { chunkId, notificationId } from '../../domain/ids.ts';
import type { RequestState } from '../../domain/request-state.ts';
import type { Db } from '../../lib/db/database.ts';
import { toMonth } from '../../lib/db/database.ts';
import type { DeliveryState } from '../../lib/db/tables.ts';
import type { ChunkPlanned, RecordName, Records } from '../../lib/events.ts';
import type { Topic } from '../../lib/topics.ts';
import { createKeptAdmin } from '../../services/admin/kafka/kept-admin.ts';
import { createRecordReader } from '../../services/admin/kafka/record-reader.ts';
import type { Replay } from '../../services/admin/operator/replay-types.ts';
import { orderReplays, type ReplayWish, toReplays } from '../../services/admin/operator/replay-wish.ts';
import { findReplay } from '../../services/admin/queries/replays.ts';
import type { AdminLab } from './admin-lab.ts';
import { eventually } from './eventually.ts';

export interface StoredRequest {
  requestId: string;
  requestedAtMs: number;
  people: string[];
}

export interface ReplayLab {
  produce<R extends RecordName>(topic: Topic<R>, events: readonly Records[R][]): Promise<void>;
  produceBytes(topic: Topic, value: Buffer | null): Promise<void>;
  /** Records of the topic that carry the header of this replay. */
  published<R extends RecordName>(topic: Topic<R>, replayId: string): Promise<Records[R][]>;
  /** @param on a transaction, so that the service does not see it before the end of that */
  order(wish: Partial<ReplayWish> & { topic: string }, who?: string, on?: Db): Promise<string>;
  untilOver(replayId: string, timeoutMs?: number): Promise<Replay>;
  /** Orders one and waits for its end. */
  run(wish: Partial<ReplayWish> & { topic: string }, who?: string): Promise<Replay>;
  stop(): Promise<void>;
}

const noWish: ReplayWish = {
  topic: '',
  from: '',
  until: '',
  template: '',
  request: '',
  priority: '',
  user: '',
  ended: '',
  rate: '',
  mode: 'dry_run',
  reason: '',
};

export async function startReplayLab(lab: AdminLab): Promise<ReplayLab> {
  const { kafka, topics, codec, db } = lab;
  const admin = createKeptAdmin(kafka);
  const reader = createRecordReader({ kafka, admin, topics, prefix: lab.config.kafka.topicPrefix });
  const producer = kafka.producer({ allowAutoTopicCreation: false });
  await producer.connect();

  const replays: ReplayLab = {
    async produce(topic, events) {
      const messages = events.map((event) => ({ key: event.request_id, value: codec.encode(topic, event) }));
      await producer.send({ topic: topic.name, messages, acks: -1 });
    },
    async produceBytes(topic, value) {
      await producer.send({ topic: topic.name, messages: [{ key: 'bytes', value }], acks: -1 });
    },
    async published(topic, replayId) {
      const found = [];
      for (const { partition, low } of await reader.ranges(topic.name)) {
        for (const record of await reader.readFrom(topic.name, partition, String(low), 10_000)) {
          if (record.headers.replay !== replayId || !record.value) continue;
          found.push({ ...(await codec.decode(topic, record.value)) });
        }
      }
      return found;
    },
    async order(wish, who = 'a test', on = db) {
      const made = await toReplays({ admin, topics, now: Date.now() }, { ...noWish, ...wish }, who);
      await orderReplays(on, made, who);
      if (made.length !== 1 || !made[0]) throw new Error(`${made.length} replays were made, not one`);
      return made[0].replayId;
    },
    async untilOver(replayId, timeoutMs = 60_000) {
      let last: Replay | undefined;
      await eventually(
        async () => {
          last = await findReplay(db, replayId);
          return last !== undefined && ['done', 'cancelled', 'failed'].includes(last.state);
        },
        () => `the replay is over; it is ${JSON.stringify(last)}`,
        timeoutMs,
      );
      if (!last) throw new Error('there is no such replay');
      return last;
    },
    async run(wish, who) {
      return replays.untilOver(await replays.order(wish, who));
    },
    async stop() {
      await producer.disconnect();
      await reader.stop();
      await admin.stop();
    },
  };
  return replays;
}

/** As the planner stores it: everybody in chunks of `perChunk`. */
export async function storeRequest(
  db: Db,
  people: readonly string[],
  options: { perChunk?: number; state?: RequestState; requestedAtMs?: number; templateId?: string } = {},
): Promise<StoredRequest> {
  const { perChunk = 500, state = 'done', requestedAtMs = Date.now() - 60_000, templateId = 'welcome' } = options;
  const requestId = randomUUID();
  const chunkCount = state === 'rejected' ? 0 : Math.ceil(people.length / perChunk);
  await db
    .insertInto('requests')
    .values({
      request_id: requestId,
      body_hash: Buffer.alloc(32),
      state,
      template_id: templateId,
      template_version: state === 'rejected' ? null : 3,
      template_kind: 'common',
      channel: state === 'rejected' ? null : 'email',
      on_no_answer: 'resend',
      priority: 'low',
      is_promo: false,
      context: '{"a":1}',
      planned: people.length,
      chunk_count: chunkCount,
      planning_complete: true,
      requested_at: new Date(requestedAtMs),
      scheduled_at: null,
      expires_at: null,
      series_id: null,
      people_from: null,
      test_address: null,
      lease_until: null,
      progress_at: null,
      started_at: null,
      ended_at: null,
    })
    .execute();
  for (let sequence = 0; sequence < chunkCount; sequence++) {
    const userIds = people.slice(sequence * perChunk, (sequence + 1) * perChunk);
    await db
      .insertInto('chunks')
      .values({ request_id: requestId, sequence, user_ids: userIds, published_at: new Date() })
      .execute();
  }
  return { requestId, requestedAtMs, people: [...people] };
}

export function toChunkRecord(request: StoredRequest, given: Partial<ChunkPlanned> = {}): ChunkPlanned {
  return {
    chunk_id: chunkId(request.requestId, given.sequence ?? 0),
    request_id: request.requestId,
    sequence: 0,
    priority: 'low',
    is_promo: false,
    template_id: 'welcome',
    template_version: 3,
    template_kind: 'common',
    channel: 'email',
    on_no_answer: 'resend',
    context: '{"a":1}',
    requested_at: request.requestedAtMs,
    planned_at: request.requestedAtMs + 1,
    expires_at: null,
    user_ids: request.people,
    test_address: null,
    ...given,
  };
}

export async function addDelivery(
  db: Db,
  { requestId, requestedAtMs }: StoredRequest,
  userId: string,
  state: DeliveryState,
): Promise<void> {
  await db
    .insertInto('deliveries')
    .values({
      month: toMonth(requestedAtMs),
      notification_id: notificationId(requestId, userId, 'email'),
      request_id: requestId,
      chunk_id: chunkId(requestId, 0),
      user_id: userId,
      channel: 'email',
      address: `${userId}@example.com`,
      template_id: 'welcome',
      template_version: 3,
      priority: 'low',
      state,
      token: null,
      lease_until: state === 'claimed' ? new Date(Date.now() + 60_000) : null,
      requested_at: new Date(requestedAtMs),
      planned_at: null,
      enriched_at: null,
      rendered_at: null,
      claimed_at: null,
      ended_at: null,
      rendered_partition: null,
      rendered_offset: null,
    })
    .execute();
}
