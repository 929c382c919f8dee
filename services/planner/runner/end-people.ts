// Outcomes that the planner itself gives: people of a cancelled request, and people who were lost for good.

import { chunkId, notificationId } from '../../../domain/ids.ts';
import type { Reason } from '../../../domain/reasons.ts';
import type { NotificationOutcome } from '../../../lib/events.ts';
import type { Publisher } from '../../../lib/kafka/publisher.ts';
import type { Outgoing } from '../../../lib/kafka/stage.ts';
import type { Topics } from '../../../lib/topics.ts';
import type { Driven, Portion, StoredChunk } from './driven.ts';

export type PlannerEnd =
  | { state: 'skipped'; reason: Extract<Reason<'skipped'>, 'cancelled'>; detail: string }
  | { state: 'failed'; reason: Extract<Reason<'failed'>, 'lost'>; detail: string };

/** The ledger takes these only for people it does not know yet. */
export async function endPeople(
  parts: { publisher: Pick<Publisher, 'publish'>; topics: Topics },
  portions: readonly Portion[],
  end: PlannerEnd,
  now: number,
): Promise<void> {
  const records = portions.flatMap(({ request, chunks }) =>
    chunks.flatMap((chunk) =>
      chunk.userIds.map((userId): Outgoing<'NotificationOutcome'> => {
        const event = toOutcome(request, chunk, userId, end, now);
        return { topic: parts.topics.outcomes, key: userId, event };
      }),
    ),
  );
  await parts.publisher.publish(records);
}

export function toOutcome(
  request: Driven,
  chunk: StoredChunk,
  userId: string,
  end: PlannerEnd,
  now: number,
): NotificationOutcome {
  return {
    notification_id: notificationId(request.requestId, userId, request.channel),
    request_id: request.requestId,
    chunk_id: chunkId(request.requestId, chunk.sequence),
    user_id: userId,
    priority: request.priority,
    channel: request.channel,
    template_id: request.templateId,
    template_version: request.version,
    state: end.state,
    reason: end.reason,
    detail: end.detail,
    stage: 'planner',
    attempt: 0,
    requested_at: request.requestedAtMs,
    planned_at: chunk.storedAtMs,
    enriched_at: null,
    ended_at: now,
    is_test: request.testAddress !== null,
  };
}
