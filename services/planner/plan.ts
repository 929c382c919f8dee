// The planner's decision: what a request becomes. Pure; the store and the topics are service.ts's and request-store.ts's.
import { hash } from 'node:crypto';
import { isCategoryName, maxCategories, maxUserIds } from '../../domain/audience.ts';
import { findContextFault } from '../../domain/context.ts';
import { type Channel, chunkId, isUserId, isUuid } from '../../domain/ids.ts';
import type { RequestState } from '../../domain/request-state.ts';
import { findTimeFaults } from '../../domain/request-times.ts';
import type { OnNoAnswer, RequestOrigin } from '../../lib/db/tables.ts';
import { PermanentError } from '../../lib/errors.ts';
import type { ChunkPlanned, NotificationRequested } from '../../lib/events.ts';
import type { Priority } from '../../lib/topics.ts';

/** What planning needs to know of a template: its active version and what never changes with a version. */
export interface ActiveTemplate {
  templateId: string;
  version: number;
  kind: string;
  channel: Channel;
  onNoAnswer: OnNoAnswer;
  isPromo: boolean;
}

/** A request as it is stored: what it asks for, and the template version it is bound to from now on. */
export interface PlannedRequest {
  requestId: string;
  bodyHash: Buffer;
  state: Extract<RequestState, 'running' | 'planning' | 'scheduled' | 'rejected'>;
  /** Why, where the state is rejected. */
  detail: string;
  /** The mailing runner goes on with it. */
  driven: boolean;
  origin: Extract<RequestOrigin, 'request' | 'test'>;
  /** Of a test-send: where it goes, in place of the person's own address. */
  testAddress: string | null;
  template: ActiveTemplate | undefined;
  /** As the request named it; the template's own id where there is one. */
  templateId: string;
  priority: Priority;
  isPromo: boolean;
  context: string;
  /** Kept only for requests that the mailing runner will plan; direct ones are wholly in their chunks. */
  userIds: string[];
  userCategories: string[];
  requestedAtMs: number;
  scheduledAtMs: number | null;
  expiresAtMs: number | null;
  chunks: PlannedChunk[];
}

export interface PlannedChunk {
  /** From 0. */
  sequence: number;
  userIds: string[];
}

export const maxChunkPeople = 500;
const dayMs = 24 * 60 * 60 * 1000;
/** The ledger keeps 90 days and its months are made ahead: other times are a wrong clock. */
const oldestRequestMs = 89 * dayMs;
const newestRequestMs = 60 * 60 * 1000;

/**
 * @param requestedAtMs when it was made, as far as that is to be believed (toPlausibleTime)
 * @throws PermanentError when the request can never be planned, whatever templates there are
 */
export function checkRequest(request: NotificationRequested, requestedAtMs: number): void {
  if (!isUuid(request.request_id))
    throw new PermanentError('request_id_invalid', 'request_id is not a lower-case UUID');
  if (request.user_ids.length > maxUserIds) {
    throw new PermanentError('too_many_users', `${request.user_ids.length} user_ids; ${maxUserIds} are allowed`);
  }
  if (request.user_categories.length > maxCategories) {
    throw new PermanentError(
      'too_many_categories',
      `${request.user_categories.length} user_categories; ${maxCategories} are allowed`,
    );
  }
  if (request.user_ids.length === 0 && request.user_categories.length === 0) {
    throw new PermanentError('no_audience', 'there are neither user_ids nor user_categories');
  }
  const wrongId = request.user_ids.findIndex((id) => !isUserId(id));
  if (wrongId >= 0) {
    throw new PermanentError('user_id_invalid', `user_ids/${wrongId} is not 1 to 64 of A-Z a-z 0-9 . _ : -`);
  }
  const wrongCategory = request.user_categories.findIndex((name) => !isCategoryName(name));
  if (wrongCategory >= 0) {
    throw new PermanentError(
      'category_invalid',
      `user_categories/${wrongCategory} is not 1 to 64 letters, digits and . _ : -`,
    );
  }
  const [timeFault] = findTimeFaults({
    requestedAt: requestedAtMs,
    scheduledAt: request.scheduled_at,
    expiresAt: request.expires_at,
  });
  if (timeFault) {
    const { field, detail } = timeFault;
    const given = `${request[field]}, in milliseconds since 1970`;
    throw new PermanentError('time_invalid', `${field} ${detail} (${given}; the request is of ${requestedAtMs})`);
  }
  if (request.test && (request.user_ids.length !== 1 || request.user_categories.length > 0 || request.scheduled_at)) {
    throw new PermanentError('test_invalid', 'a test-send is for one person, without categories and at once');
  }
  const contextFault = findContextFault(request.context);
  if (contextFault) throw new PermanentError('context_invalid', `context ${contextFault}`);
}

/**
 * Every person once, in the order given; at most 500 a chunk.
 * @param firstSequence the number of the first one: how many chunks the request has already
 */
export function cutChunks(userIds: readonly string[], firstSequence = 0): PlannedChunk[] {
  const people = [...new Set(userIds)];
  const chunks: PlannedChunk[] = [];
  for (let start = 0; start < people.length; start += maxChunkPeople) {
    chunks.push({ sequence: firstSequence + chunks.length, userIds: people.slice(start, start + maxChunkPeople) });
  }
  return chunks;
}

/**
 * A request that names people and is due becomes chunks at once. One with categories or a later time is left to the
 * mailing runner, so that an audience of a million never stands before a password reset.
 * @param requestedAtMs as for checkRequest
 * @param rejection why it can never be planned; its row then says so to whoever asks
 */
export function plan(
  request: NotificationRequested,
  template: ActiveTemplate | undefined,
  now: number,
  requestedAtMs: number,
  rejection?: string,
): PlannedRequest {
  const later = request.scheduled_at !== null && request.scheduled_at > now;
  const direct = !later && request.user_categories.length === 0;
  const rejected = rejection !== undefined || template === undefined;
  return {
    requestId: request.request_id,
    bodyHash: hashBody(request),
    state: rejected ? 'rejected' : later ? 'scheduled' : direct ? 'running' : 'planning',
    detail: rejection ?? '',
    driven: !rejected && !direct,
    origin: request.test ? 'test' : 'request',
    testAddress: rejected ? null : (request.test?.address ?? null),
    template,
    templateId: template?.templateId ?? toPrintable(request.template_id),
    priority: request.priority,
    // A template marked promotional is promotional whatever the producer says; any other one is as the producer says.
    isPromo: request.is_promo || template?.isPromo === true,
    context: rejected ? '{}' : request.context,
    userIds: rejected || direct ? [] : [...new Set(request.user_ids)],
    userCategories: rejected ? [] : [...new Set(request.user_categories)],
    requestedAtMs,
    scheduledAtMs: rejected ? null : request.scheduled_at,
    expiresAtMs: rejected ? null : request.expires_at,
    chunks: !rejected && direct ? cutChunks(request.user_ids) : [],
  };
}

/** What all chunks of a request carry. */
export type ChunkFacts = Pick<
  PlannedRequest,
  'requestId' | 'priority' | 'isPromo' | 'context' | 'requestedAtMs' | 'expiresAtMs' | 'testAddress'
>;

/** The record of a stored chunk. The same row always gives the same record, whenever it is published. */
export function toChunkPlanned(
  request: ChunkFacts,
  template: Omit<ActiveTemplate, 'isPromo'>,
  chunk: PlannedChunk,
  plannedAtMs: number,
): ChunkPlanned {
  return {
    chunk_id: chunkId(request.requestId, chunk.sequence),
    request_id: request.requestId,
    sequence: chunk.sequence,
    priority: request.priority,
    is_promo: request.isPromo,
    template_id: template.templateId,
    template_version: template.version,
    template_kind: template.kind,
    channel: template.channel,
    on_no_answer: template.onNoAnswer,
    context: request.context,
    requested_at: request.requestedAtMs,
    planned_at: plannedAtMs,
    expires_at: request.expiresAtMs,
    user_ids: chunk.userIds,
    test_address: request.testAddress,
  };
}

/** Two records with one request_id are the same request only when they ask for the same; when they were made is not part of it. */
export function hashBody(request: NotificationRequested): Buffer {
  const { test } = request;
  const body = JSON.stringify([
    request.template_id,
    request.priority,
    request.is_promo,
    request.user_ids,
    request.user_categories,
    request.context,
    request.scheduled_at,
    request.expires_at,
    // Only where there is one: the hashes of all other requests are those of the releases before.
    ...(test ? [test.address, test.template_version] : []),
  ]);
  return hash('sha256', body, 'buffer');
}

/**
 * When a request was made: as it says itself, unless its clock is far off; then as the broker says, if that can be.
 * @param receivedAtMs the broker's time of the record, milliseconds since 1970 UTC like all of these
 */
export function toPlausibleTime(requestedAtMs: number, receivedAtMs: number, now: number): number {
  const isPlausible = (time: number) => time <= now + newestRequestMs && time >= now - oldestRequestMs;
  return [requestedAtMs, receivedAtMs].find(isPlausible) ?? now;
}

/** What Postgres can store and a page can show of a name that was refused. */
export function toPrintable(name: string): string {
  return name.replace(/[^\x20-\x7e]/g, '?').slice(0, 64);
}
