// One message's way through topics and ledger, made by hand: what the stages would have written, with the codec of the
// pipeline, so that a test of the pages knows every id, time and place.
import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { chunkId, notificationId } from '../../domain/ids.ts';
import { toMonth } from '../../lib/db/database.ts';
import type { RecordName, Records } from '../../lib/events.ts';
import { type IHeaders, type Producer, partitioner } from '../../lib/kafka/client.ts';
import type { Topic } from '../../lib/topics.ts';
import type { AdminLab } from './admin-lab.ts';

export interface Place {
  topic: string;
  partition: number;
  offset: string;
}

export interface Writer {
  /** As a stage would. */
  event<R extends RecordName>(topic: Topic<R>, key: string, event: Records[R], headers?: IHeaders): Promise<Place>;
  /** Anything. */
  raw(topic: string, key: string | null, value: Buffer | null, headers?: IHeaders): Promise<Place>;
  stop(): Promise<void>;
}

export async function openWriter(lab: AdminLab): Promise<Writer> {
  const producer: Producer = lab.kafka.producer({ createPartitioner: partitioner, allowAutoTopicCreation: false });
  await producer.connect();
  const raw: Writer['raw'] = async (topic, key, value, headers = {}) => {
    const [written] = await producer.send({ topic, messages: [{ key, value, headers }], acks: -1 });
    return { topic, partition: written?.partition ?? -1, offset: written?.baseOffset ?? '' };
  };
  return {
    raw,
    event: (topic, key, event, headers) => raw(topic.name, key, lab.codec.encode(topic, event), headers),
    stop: () => producer.disconnect(),
  };
}

export interface TracedMessage {
  requestId: string;
  chunkId: string;
  notificationId: string;
  userId: string;
  places: Record<'requested' | 'planned' | 'enriched' | 'rendered' | 'ended', Place>;
}

export interface Story {
  templateId?: string;
  userId?: string;
  subject?: string;
  /** How far it came; `ended` unless told. The ledger knows of it from then on. */
  until?: 'planned' | 'enriched' | 'rendered' | 'ended';
}

/** A request for one person, high priority, with rows in requests, chunks, deliveries and counters. */
export async function traceMessage(lab: AdminLab, writer: Writer, story: Story = {}): Promise<TracedMessage> {
  const { templateId = 'welcome', userId = `user-${randomUUID().slice(0, 8)}`, until = 'ended' } = story;
  const requestId = randomUUID();
  const ids = { request_id: requestId, chunk_id: chunkId(requestId, 0), template_id: templateId };
  const common = { ...ids, priority: 'high' as const, is_promo: false, context: '{"code":"secret-code"}' };
  const now = Date.now();
  const { topics, db } = lab;
  const places: Partial<TracedMessage['places']> = {};
  const message = {
    ...common,
    notification_id: notificationId(requestId, userId, 'email'),
    user_id: userId,
    template_version: 1,
    channel: 'email' as const,
    on_no_answer: 'resend' as const,
    address: `${userId}@people.example`,
    requested_at: now,
    planned_at: now + 4,
    enriched_at: now + 9,
    expires_at: null,
    is_test: false,
  };
  const { chunk_id: _chunk, ...request } = common;
  places.requested = await writer.event(topics.requestsHigh, userId, {
    ...request,
    user_ids: [userId],
    user_categories: [],
    requested_at: now,
    scheduled_at: null,
    expires_at: null,
    test: null,
  });
  await sql`insert into requests (request_id, body_hash, state, template_id, template_version, template_kind, channel,
      on_no_answer, priority, is_promo, context, user_ids, planned, chunk_count, planning_complete, requested_at)
    values (${requestId}, '', 'running', ${templateId}, 1, 'common', 'email', 'resend', 'high', false, '{}',
      ${[userId]}, 1, 1, true, ${new Date(now)})`.execute(db);
  places.planned = await writer.event(topics.planned.high, userId, {
    ...common,
    sequence: 0,
    template_version: 1,
    template_kind: 'common',
    channel: 'email',
    on_no_answer: 'resend',
    requested_at: now,
    planned_at: now + 4,
    expires_at: null,
    user_ids: [userId],
    test_address: null,
  });
  await sql`insert into chunks (request_id, sequence, user_ids, published_at)
    values (${requestId}, 0, ${[userId]}, now())`.execute(db);
  if (until !== 'planned') {
    places.enriched = await writer.event(topics.enriched.high, userId, {
      ...message,
      first_name: 'Ada',
      last_name: 'Lovelace',
      collected: '{}',
    });
  }
  if (until === 'rendered' || until === 'ended') {
    const { context: _context, ...rest } = message;
    places.rendered = await writer.event(topics.rendered.high, userId, {
      ...rest,
      from_name: null,
      reply_to: null,
      subject: story.subject ?? 'Hello Ada',
      text: 'the text of the message',
      html: '<p>the <b>html</b> of the message</p>',
      rendered_at: now + 15,
      unsubscribe_url: null,
    });
  }
  if (until === 'ended') {
    const {
      address: _address,
      expires_at: _expires,
      is_promo: _promo,
      context: _context,
      on_no_answer: _no,
      ...rest
    } = message;
    places.ended = await writer.event(topics.outcomes, userId, {
      ...rest,
      state: 'sent',
      reason: '',
      detail: '250 ok',
      stage: 'dispatcher',
      attempt: 1,
      ended_at: now + 40,
    });
    await db
      .insertInto('deliveries')
      .values({
        ...{ month: toMonth(now), notification_id: message.notification_id, request_id: requestId },
        ...{ chunk_id: ids.chunk_id, user_id: userId, channel: 'email', address: message.address },
        ...{ template_id: templateId, template_version: 1, priority: 'high', state: 'sent', attempt: 1 },
        ...{ token: null, lease_until: null, requested_at: new Date(now), planned_at: new Date(now + 4) },
        ...{ enriched_at: new Date(now + 9), rendered_at: new Date(now + 15), claimed_at: new Date(now + 20) },
        ...{ ended_at: new Date(now + 40), rendered_partition: places.rendered?.partition ?? null },
        rendered_offset: Number(places.rendered?.offset),
      })
      .execute();
    await sql`insert into counters (request_id, chunk_id, state, count)
      values (${requestId}, ${ids.chunk_id}, 'sent', 1)`.execute(db);
  }
  const nowhere = { topic: '', partition: -1, offset: '' };
  return {
    requestId,
    chunkId: ids.chunk_id,
    notificationId: message.notification_id,
    userId,
    places: {
      requested: places.requested,
      planned: places.planned,
      enriched: places.enriched ?? nowhere,
      rendered: places.rendered ?? nowhere,
      ended: places.ended ?? nowhere,
    },
  };
}
