// What a record of a topic is about, as a replay needs it: which request, which people, and what may be published for them.

import { type Channel, isUuid, notificationId } from '../../../domain/ids.ts';
import type {
  ChunkPlanned,
  NotificationEnriched,
  NotificationRendered,
  NotificationRequested,
} from '../../../lib/events.ts';
import type { Priority, Topic } from '../../../lib/topics.ts';
import type { StoredRecord } from '../kafka/stored-record.ts';
import type { StoredChunk } from './replay-ledger.ts';
import type { ReplayFilter } from './replay-types.ts';

/** A decoded record of a topic that can be replayed. */
export type Decoded =
  | { name: 'NotificationRequested'; event: NotificationRequested }
  | { name: 'ChunkPlanned'; event: ChunkPlanned }
  | { name: 'NotificationEnriched'; event: NotificationEnriched }
  | { name: 'NotificationRendered'; event: NotificationRendered };

export interface OpenRecord {
  stored: StoredRecord;
  topic: Topic;
  decoded: Decoded;
}

export interface Person {
  userId: string;
  notificationId: string;
}

/** Some people of one record, and what is published for those of them who have no row. */
export interface Subject {
  record: OpenRecord;
  /**
   * whole: the record as it is. chunk: the record with only these people. stored_chunk: a chunk of the request that the
   * record asks for. unplanned: a request that was never planned, as it is; its people have no rows.
   */
  kind: 'whole' | 'chunk' | 'stored_chunk' | 'unplanned';
  chunk?: StoredChunk;
  requestId: string;
  requestedAtMs: number;
  expiresAtMs: number | null;
  people: Person[];
}

export function isTest({ name, event }: Decoded): boolean {
  if (name === 'NotificationRequested') return event.test !== null;
  if (name === 'ChunkPlanned') return event.test_address !== null;
  return event.is_test;
}

/** All but the person; that is asked where the people are known. */
export function fitsFilter(
  filter: ReplayFilter,
  record: { requestId: string; templateId: string; priority: Priority },
): boolean {
  const { request_id: request, template_id: template, priority } = filter;
  return (
    (request === undefined || request === record.requestId) &&
    (template === undefined || template === record.templateId) &&
    (priority === undefined || priority === record.priority)
  );
}

/** Of records after planning. @returns undefined when its people are none that the filter names */
export function toPlannedSubject(record: OpenRecord, filter: ReplayFilter): Subject | undefined {
  const { name, event } = record.decoded;
  if (name === 'NotificationRequested' || !isUuid(event.request_id)) return undefined;
  const { request_id: requestId, requested_at: requestedAtMs, expires_at: expiresAtMs } = event;
  const facts = { record, requestId, requestedAtMs, expiresAtMs };
  if (name === 'ChunkPlanned') {
    const people = toPeople(requestId, event.channel, event.user_ids, filter);
    return people.length > 0 ? { ...facts, kind: 'chunk', people } : undefined;
  }
  const people = toPeople(requestId, event.channel, [event.user_id], filter);
  return people.length > 0 ? { ...facts, kind: 'whole', people } : undefined;
}

/** Each once. */
export function toPeople(
  requestId: string,
  channel: Channel,
  userIds: readonly string[],
  { user_id: user }: ReplayFilter,
): Person[] {
  return [...new Set(userIds)]
    .filter((userId) => user === undefined || userId === user)
    .map((userId) => ({ userId, notificationId: notificationId(requestId, userId, channel) }));
}
