// A chunk as the record that is published. One person's chunks have the person for a key, so that they keep their order.
import type { ChunkPlanned } from '../../lib/events.ts';
import type { Outgoing } from '../../lib/kafka/stage.ts';
import type { Topics } from '../../lib/topics.ts';

export function toPlannedRecord(event: ChunkPlanned, topics: Topics, traceparent?: string): Outgoing<'ChunkPlanned'> {
  const person = event.user_ids.length === 1 ? event.user_ids[0] : undefined;
  return { topic: topics.planned[event.priority], key: person ?? event.chunk_id, event, traceparent };
}
