// A request that the mailing runner drives, as it is claimed; and its chunks as they are stored and published.
import { sql } from 'kysely';
import type { Channel } from '../../../domain/ids.ts';
import type { RequestState } from '../../../domain/request-state.ts';
import type { OnNoAnswer } from '../../../lib/db/tables.ts';
import type { ChunkPlanned } from '../../../lib/events.ts';
import type { Priority } from '../../../lib/topics.ts';
import { toChunkPlanned } from '../plan.ts';

export interface Driven {
  requestId: string;
  /** Of this claim: whatever is stored is stored only while the row still has it. */
  epoch: number;
  state: RequestState;
  /** When it was claimed. */
  chunkCount: number;
  templateId: string;
  version: number;
  kind: string;
  channel: Channel;
  onNoAnswer: OnNoAnswer;
  priority: Priority;
  isPromo: boolean;
  context: string;
  requestedAtMs: number;
  expiresAtMs: number | null;
  testAddress: string | null;
  userIds: string[];
  userCategories: string[];
  peopleFrom: string | null;
}

export interface StoredChunk {
  sequence: number;
  userIds: string[];
  storedAtMs: number;
}

/** Chunks of one request, or what is chosen of them. */
export interface Portion {
  request: Driven;
  chunks: readonly StoredChunk[];
}

export function countPeople(portions: readonly Portion[]): number {
  return portions.reduce((sum, { chunks }) => chunks.reduce((people, { userIds }) => people + userIds.length, sum), 0);
}

/** The columns of a Driven, of a table called r. */
export function drivenColumns() {
  return sql`r.request_id as "requestId", r.epoch, r.state, r.chunk_count as "chunkCount",
    r.template_id as "templateId", r.template_version as version, r.template_kind as kind, r.channel,
    r.on_no_answer as "onNoAnswer", r.priority, r.is_promo as "isPromo", r.context,
    floor(extract(epoch from r.requested_at) * 1000)::double precision as "requestedAtMs",
    floor(extract(epoch from r.expires_at) * 1000)::double precision as "expiresAtMs", r.test_address as "testAddress",
    r.user_ids as "userIds", r.user_categories as "userCategories", r.people_from as "peopleFrom"`;
}

/** The same row always gives the same record, whenever it is published. */
export function toChunkEvent(request: Driven, chunk: StoredChunk): ChunkPlanned {
  const { templateId, version, kind, channel, onNoAnswer } = request;
  return toChunkPlanned(request, { templateId, version, kind, channel, onNoAnswer }, chunk, chunk.storedAtMs);
}
