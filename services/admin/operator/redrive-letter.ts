// One dead letter on its way back: which record is published, and whose deliveries it opens again.

import { type Channel, isUuid, notificationId } from '../../../domain/ids.ts';
import { PermanentError } from '../../../lib/errors.ts';
import type { ChunkPlanned, NotificationEnriched, NotificationRendered } from '../../../lib/events.ts';
import type { IHeaders } from '../../../lib/kafka/client.ts';
import type { Codec } from '../../../lib/kafka/codec.ts';
import { headerNames } from '../../../lib/kafka/headers.ts';
import type { RawRecord } from '../../../lib/kafka/publisher.ts';
import type { Topics } from '../../../lib/topics.ts';
import type { OpenedRecord } from '../kafka/open-record.ts';
import { findTopic } from '../kafka/topic-directory.ts';
import type { PersonToPlan, Replanned, TemplateChoice } from './redrive-chunks.ts';

export interface Returning {
  records: RawRecord[];
  /** The deliveries that may be claimed again; empty where nobody was planned yet, or nobody is known. */
  notificationIds: string[];
  /** For people, where something is to be said of it. */
  note: string;
}

export interface ReturnParts {
  topics: Topics;
  codec: Pick<Codec, 'encode'>;
  /** Of a template that is not archived. */
  activeVersion(templateId: string): Promise<number | undefined>;
  replan(people: readonly PersonToPlan[], template: TemplateChoice): Promise<Replanned>;
}

/** @throws PermanentError that says why it cannot go back */
export async function returnLetter(
  parts: ReturnParts,
  { stored, content, cause }: OpenedRecord,
  { template, who }: { template: TemplateChoice; who: string },
): Promise<Returning> {
  const { topics, codec } = parts;
  const source = cause && findTopic(topics, cause.originalTopic)?.carries;
  if (!source) throw new PermanentError('no_origin', 'it does not say from which of our topics it came');
  const headers = toHeaders(stored.rawHeaders ?? stored.headers, who);
  const back = (value: Buffer | null): RawRecord => ({ topic: source.name, key: stored.key, value, headers });
  const asItIs = { records: [back(stored.value)], notificationIds: [], note: '' };
  if (content.kind === 'undecodable') {
    return { ...asItIs, note: `it went back as it is, and cannot be read now either: ${content.reason}` };
  }
  if (content.kind !== 'event') return asItIs;

  const active = async (templateId: string) => {
    const version = await parts.activeVersion(templateId);
    if (version === undefined) throw new PermanentError('template_gone', 'its template is archived or gone');
    return version;
  };
  switch (source.record) {
    // A request is planned with the active version anyway; an outcome has ended whom it is about.
    case 'NotificationRequested':
    case 'NotificationOutcome':
      return asItIs;
    case 'ChunkPlanned': {
      const event = content.event as unknown as ChunkPlanned;
      const notificationIds = idsOf(event);
      if (template === 'pinned') return { ...asItIs, notificationIds };
      const mended = { ...event, template_version: await active(event.template_id) };
      return { ...asItIs, records: [back(codec.encode(source, mended))], notificationIds };
    }
    case 'NotificationEnriched': {
      const event = content.event as unknown as NotificationEnriched;
      const notificationIds = [event.notification_id].filter(isUuid);
      if (template === 'pinned') return { ...asItIs, notificationIds };
      const mended = { ...event, template_version: await active(event.template_id) };
      return { ...asItIs, records: [back(codec.encode(source, mended))], notificationIds };
    }
    case 'NotificationRendered': {
      const event = content.event as unknown as NotificationRendered;
      const notificationIds = [event.notification_id].filter(isUuid);
      if (template === 'pinned') return { ...asItIs, notificationIds };
      return {
        records: await renderAnew(parts, event, headers),
        notificationIds,
        note: 'it is planned and rendered anew',
      };
    }
  }
}

/** What is written already can only be written with another version from the beginning. */
async function renderAnew(parts: ReturnParts, event: NotificationRendered, headers: IHeaders): Promise<RawRecord[]> {
  const { request_id: requestId, chunk_id, user_id: userId, planned_at: plannedAtMs } = event;
  if (!isUuid(requestId)) throw new PermanentError('record_invalid', 'its request_id is not a UUID');
  const { chunks, faults } = await parts.replan([{ requestId, chunkId: chunk_id, userId, plannedAtMs }], 'active');
  const fault = faults.get(requestId);
  if (fault !== undefined) throw new PermanentError('cannot_replan', fault);
  return chunks.map((chunk) => toChunkRecord(parts, chunk, headers));
}

/** As the planner keys them: one person's keep their order. */
export function toChunkRecord(
  { topics, codec }: Pick<ReturnParts, 'topics' | 'codec'>,
  chunk: ChunkPlanned,
  headers: IHeaders,
): RawRecord {
  const topic = topics.planned[chunk.priority];
  const [only, ...others] = chunk.user_ids;
  const key = only !== undefined && others.length === 0 ? only : chunk.chunk_id;
  return { topic: topic.name, key, value: codec.encode(topic, chunk), headers };
}

/** Without what was written about its failure; with who sent it back. */
export function toHeaders(headers: IHeaders, who: string): IHeaders {
  const kept = Object.entries(headers).filter(([name]) => !name.startsWith('dlt-'));
  return { ...Object.fromEntries(kept), [headerNames.redrive]: who };
}

function idsOf({ request_id: requestId, user_ids: userIds, channel }: ChunkPlanned): string[] {
  return userIds.map((userId) => notificationId(requestId, userId, channel as Channel));
}
