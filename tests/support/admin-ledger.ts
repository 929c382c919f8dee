// Rows of the ledger and rendered records, for the pages that show them: written as the dispatcher and the renderer do.
import { randomUUID } from 'node:crypto';
import type { Db } from '../../lib/db/database.ts';
import { toMonth } from '../../lib/db/database.ts';
import type { DeliveryState } from '../../lib/db/tables.ts';
import type { NotificationRendered } from '../../lib/events.ts';
import { partitioner } from '../../lib/kafka/client.ts';
import type { AdminLab } from './admin-lab.ts';
import { rendered } from './ledger-lab.ts';

export interface TestDelivery {
  state?: DeliveryState;
  reason?: string;
  detail?: string;
  stage?: 'planner' | 'enricher' | 'renderer' | 'dispatcher';
  attempt?: number;
  leaseUntil?: Date;
  endedAt?: Date | null;
  /** Null: it ended before it was rendered. */
  renderedAt?: { partition: number; offset: number } | null;
  address?: string | null;
}

/** One row. It ended a second after it was rendered, or goes on when its state says so. */
export async function addDelivery(
  db: Db,
  event: NotificationRendered,
  delivery: TestDelivery = {},
): Promise<NotificationRendered> {
  const { state = 'sent', reason = '', detail = '', stage = 'dispatcher', attempt = 1, leaseUntil } = delivery;
  const isOpen = state === 'claimed' || state === 'sending' || state === 'deferred';
  const place = delivery.renderedAt === undefined ? { partition: 0, offset: 0 } : delivery.renderedAt;
  const endedAt = isOpen ? null : new Date(event.rendered_at + 1_000);
  await db
    .insertInto('deliveries')
    .values({
      month: toMonth(event.requested_at),
      notification_id: event.notification_id,
      request_id: event.request_id,
      chunk_id: event.chunk_id,
      user_id: event.user_id,
      channel: event.channel,
      address: delivery.address === undefined ? event.address : delivery.address,
      template_id: event.template_id,
      template_version: event.template_version,
      priority: event.priority,
      state,
      reason,
      detail,
      stage,
      attempt,
      lease_until: leaseUntil ?? null,
      requested_at: new Date(event.requested_at),
      planned_at: new Date(event.planned_at),
      enriched_at: place === null ? null : new Date(event.enriched_at),
      rendered_at: place === null ? null : new Date(event.rendered_at),
      claimed_at: place === null ? null : new Date(event.rendered_at + 100),
      ended_at: delivery.endedAt === undefined ? endedAt : delivery.endedAt,
      rendered_partition: place?.partition ?? null,
      rendered_offset: place?.offset ?? null,
      is_test: event.is_test,
    })
    .execute();
  return event;
}

/** Publishes the message as the renderer does, and notes where it lies, as the claim does. */
export async function addMessage(
  lab: AdminLab,
  changes: Partial<NotificationRendered>,
  delivery: TestDelivery = {},
): Promise<NotificationRendered> {
  const event = rendered(changes);
  const topic = lab.topics.rendered[event.priority];
  const producer = lab.kafka.producer({ createPartitioner: partitioner, allowAutoTopicCreation: false });
  await producer.connect();
  try {
    const messages = [{ key: event.user_id, value: lab.codec.encode(topic, event), partition: 1 }];
    const [sent] = await producer.send({ topic: topic.name, messages });
    const place = { partition: 1, offset: Number(sent?.baseOffset) };
    return await addDelivery(lab.db, event, { renderedAt: place, ...delivery });
  } finally {
    await producer.disconnect();
  }
}

export interface TestRequest {
  requestId?: string;
  state?: 'scheduled' | 'planning' | 'running' | 'paused' | 'done' | 'cancelled' | 'rejected';
  detail?: string;
  templateId?: string;
  userIds?: string[];
  scheduledAt?: Date;
  planned?: number;
  planningComplete?: boolean;
  origin?: 'request' | 'mailing';
  channel?: 'email' | 'sms' | null;
}

/** One row of `requests`. @returns its id */
export async function addRequest(db: Db, request: TestRequest = {}): Promise<string> {
  const { requestId = randomUUID(), state = 'running', userIds = [], channel = 'email' } = request;
  await db
    .insertInto('requests')
    .values({
      request_id: requestId,
      body_hash: Buffer.from('x'),
      state,
      detail: request.detail ?? '',
      template_id: request.templateId ?? 'welcome',
      template_version: 1,
      template_kind: 'common',
      channel,
      on_no_answer: 'resend',
      priority: 'high',
      is_promo: false,
      context: '{}',
      user_ids: userIds,
      planned: request.planned ?? 0,
      planning_complete: request.planningComplete ?? true,
      requested_at: new Date(),
      scheduled_at: request.scheduledAt ?? null,
      expires_at: null,
      origin: request.origin ?? 'request',
    })
    .execute();
  return requestId;
}

/** What the audit log says about a subject, oldest first: `who action`. */
export async function auditOf(db: Db, subject: string): Promise<string[]> {
  const rows = await db
    .selectFrom('audit')
    .select(['who', 'action'])
    .where('subject', '=', subject)
    .orderBy('audit_id')
    .execute();
  return rows.map(({ who, action }) => `${who} ${action}`);
}
