// What a stored record says: its Avro value decoded, or why that cannot be done. Dead letters are decoded as records of
// the topic they were put aside from.
import { DependencyError, PermanentError } from '../../../lib/errors.ts';
import type { Codec } from '../../../lib/kafka/codec.ts';
import { type DeadLetterCause, headerNames, readDeadLetterCause } from '../../../lib/kafka/headers.ts';
import type { Topic, Topics } from '../../../lib/topics.ts';
import type { StoredRecord } from './stored-record.ts';
import { findTopic } from './topic-directory.ts';

export type Content =
  /** No value at all. */
  | { kind: 'tombstone' }
  /** Larger than a list reads. */
  | { kind: 'large' }
  | { kind: 'event'; topic: Topic; event: Readonly<Record<string, unknown>>; schemaId: number }
  | { kind: 'undecodable'; code: string; reason: string; schemaId: number | null };

export interface OpenedRecord {
  stored: StoredRecord;
  content: Content;
  /** Of a dead letter. */
  cause: DeadLetterCause | undefined;
}

export async function openRecord(parts: { codec: Codec; topics: Topics }, stored: StoredRecord): Promise<OpenedRecord> {
  const known = findTopic(parts.topics, stored.topic);
  const cause = known?.stage ? readDeadLetterCause(stored.headers) : undefined;
  const source = known?.carries ?? (cause && findTopic(parts.topics, cause.originalTopic)?.carries);
  return { stored, cause, content: await readContent(parts.codec, stored, source) };
}

async function readContent(
  codec: Codec,
  { value, isLeftOut, batchFault }: StoredRecord,
  topic: Topic | undefined,
): Promise<Content> {
  if (batchFault) return { kind: 'undecodable', code: batchFault.code, reason: batchFault.message, schemaId: null };
  if (isLeftOut) return { kind: 'large' };
  if (value === null) return { kind: 'tombstone' };
  const schemaId = value.length >= 5 && value[0] === 0 ? value.readUInt32BE(1) : null;
  const refuse = (code: string, reason: string): Content => ({ kind: 'undecodable', code, reason, schemaId });
  if (!topic) {
    const reason = `its header ${headerNames.originalTopic} names none of our topics, so nobody knows what it should be`;
    return refuse('no_origin', reason);
  }
  try {
    const event = await codec.decode(topic, value);
    return { kind: 'event', topic, event: { ...event }, schemaId: schemaId ?? 0 };
  } catch (error) {
    if (error instanceof PermanentError || error instanceof DependencyError) return refuse(error.code, error.message);
    throw error;
  }
}
