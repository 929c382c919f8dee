// A chunk as the record that is published, without people who were erased: they have their ends. One person's chunks have the person for a key, so that they keep their order.

import { isErasedId } from '../../domain/ids.ts';
import type { ChunkPlanned } from '../../lib/events.ts';
import type { Outgoing } from '../../lib/kafka/stage.ts';
import type { Topics } from '../../lib/topics.ts';

export function toPlannedRecord(chunk: ChunkPlanned, topics: Topics, traceparent?: string): Outgoing<'ChunkPlanned'> {
  const event = { ...chunk, user_ids: chunk.user_ids.filter((id) => !isErasedId(id)) };
  const person = event.user_ids.length === 1 ? event.user_ids[0] : undefined;
  return { topic: topics.planned[event.priority], key: person ?? event.chunk_id, event, traceparent };
}
