// Good records of every topic, each of a request of its own: what poison is made from.
import { randomUUID } from 'node:crypto';
import { chunkId, notificationId } from '../../../domain/ids.ts';
import type {
  ChunkPlanned,
  NotificationEnriched,
  NotificationOutcome,
  NotificationRendered,
  NotificationRequested,
} from '../../../lib/events.ts';
import type { Priority } from '../../../lib/topics.ts';
import { toRequestRecord } from '../../support/request-record.ts';
import { templates } from '../harness/world.ts';

/** Nobody else of a fault run is called so. */
const userId = 'poisoned';
const times = () => ({ requested_at: Date.now(), planned_at: Date.now() });

export const sampleRequest = (): NotificationRequested =>
  toRequestRecord({ template_id: templates.resend, user_ids: [userId] });

export function sampleChunk(priority: Priority): ChunkPlanned {
  const request_id = randomUUID();
  return {
    chunk_id: chunkId(request_id, 0),
    request_id,
    sequence: 0,
    priority,
    is_promo: false,
    template_id: templates.resend,
    template_version: 1,
    template_kind: 'common',
    channel: 'email',
    on_no_answer: 'resend',
    context: '{}',
    ...times(),
    expires_at: null,
    user_ids: [userId],
    test_address: null,
  };
}

export function sampleEnriched(priority: Priority): NotificationEnriched {
  const { sequence: _, template_kind: __, user_ids: ___, test_address: ____, ...shared } = sampleChunk(priority);
  return {
    ...shared,
    notification_id: notificationId(shared.request_id, userId, 'email'),
    user_id: userId,
    address: 'poisoned@example.com',
    first_name: 'Poisoned',
    last_name: 'Record',
    collected: '{}',
    enriched_at: Date.now(),
    is_test: false,
  };
}

export function sampleRendered(priority: Priority): NotificationRendered {
  const { first_name: _, last_name: __, collected: ___, context: ____, ...shared } = sampleEnriched(priority);
  return {
    ...shared,
    from_name: null,
    reply_to: null,
    subject: 'Poison',
    text: 'Poison',
    html: null,
    rendered_at: Date.now(),
    unsubscribe_url: null,
  };
}

export function sampleOutcome(): NotificationOutcome {
  const { notification_id, request_id, chunk_id, user_id, template_id, requested_at } = sampleEnriched('low');
  return {
    ...{ notification_id, request_id, chunk_id, user_id, template_id, requested_at },
    priority: 'low',
    channel: 'email',
    template_version: 1,
    state: 'skipped',
    reason: 'no_consent',
    detail: '',
    stage: 'enricher',
    attempt: 0,
    planned_at: null,
    enriched_at: null,
    ended_at: Date.now(),
    is_test: false,
  };
}
