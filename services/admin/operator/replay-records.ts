// The records that a replay publishes: of each found one only the people who are to get it, under the ids they always had.

import { chunkId } from '../../../domain/ids.ts';
import type { ChunkPlanned } from '../../../lib/events.ts';
import { headerNames } from '../../../lib/kafka/headers.ts';
import type { Publisher, RawRecord } from '../../../lib/kafka/publisher.ts';
import type { Topics } from '../../../lib/topics.ts';
import type { RequestFacts } from './replay-ledger.ts';
import type { Subject } from './replay-subject.ts';

interface Parts {
  publisher: Pick<Publisher, 'encode'>;
  topics: Topics;
}

export interface ReplayRecord {
  raw: RawRecord;
  /** How many people get something by it, as far as known: what the rate counts. */
  peopleCount: number;
  /** Who they are: notification ids; the request's id where nobody was planned yet. */
  ids: string[];
}

/**
 * @param userIds of the subject's people those who are to get it
 * @param request of a stored chunk: the request it belongs to
 * @param maxPeople a record of ours is for at most so many
 */
export function toReplayRecords(
  parts: Parts,
  replayId: string,
  subject: Subject,
  userIds: readonly string[],
  request: RequestFacts | undefined,
  maxPeople: number,
): ReplayRecord[] {
  const { stored, decoded, topic } = subject.record;
  const mark = { [headerNames.replay]: replayId };
  const isWhole = subject.kind === 'whole' || subject.kind === 'unplanned';
  if (isWhole || (decoded.name === 'ChunkPlanned' && isAll(decoded.event, userIds, maxPeople))) {
    const headers = { ...stored.headers, ...mark };
    const raw = { topic: stored.topic, key: stored.key, value: stored.value, headers };
    return [{ raw, peopleCount: Math.max(1, userIds.length), ids: idsOf(subject, userIds) }];
  }
  const event = decoded.name === 'ChunkPlanned' ? decoded.event : toChunk(subject, request);
  if (!event) return [];
  const target = decoded.name === 'ChunkPlanned' ? topic : parts.topics.planned[event.priority];
  const traceparent = stored.headers[headerNames.traceparent];
  const records: ReplayRecord[] = [];
  for (let start = 0; start < userIds.length; start += maxPeople) {
    const people = userIds.slice(start, start + maxPeople);
    // The key as the planner chooses it: one person's records keep their order.
    const key = (people.length === 1 ? people[0] : undefined) ?? event.chunk_id;
    const raw = parts.publisher.encode({ topic: target, key, event: { ...event, user_ids: people }, traceparent });
    records.push({
      raw: { ...raw, headers: { ...raw.headers, ...mark } },
      peopleCount: people.length,
      ids: idsOf(subject, people),
    });
  }
  return records;
}

function idsOf({ kind, requestId, people }: Subject, userIds: readonly string[]): string[] {
  if (kind === 'unplanned') return [requestId];
  const wanted = new Set(userIds);
  return people.flatMap(({ userId, notificationId }) => (wanted.has(userId) ? [notificationId] : []));
}

function isAll({ user_ids: userIds }: ChunkPlanned, wanted: readonly string[], maxPeople: number): boolean {
  return wanted.length <= maxPeople && wanted.length === userIds.length;
}

/** As the planner makes it of the same rows. @returns undefined for a request that was never bound to a template */
function toChunk({ chunk }: Subject, request: RequestFacts | undefined): ChunkPlanned | undefined {
  if (!chunk || !request) return undefined;
  const { templateVersion, templateKind, channel, onNoAnswer } = request;
  if (templateVersion === null || templateKind === null || channel === null || onNoAnswer === null) return undefined;
  return {
    chunk_id: chunkId(request.requestId, chunk.sequence),
    request_id: request.requestId,
    sequence: chunk.sequence,
    priority: request.priority,
    is_promo: request.isPromo,
    template_id: request.templateId,
    template_version: templateVersion,
    template_kind: templateKind,
    channel,
    on_no_answer: onNoAnswer,
    context: request.context,
    requested_at: request.requestedAtMs,
    planned_at: chunk.storedAtMs,
    expires_at: request.expiresAtMs,
    user_ids: chunk.userIds,
    test_address: null,
  };
}
