// The way back for people whose record cannot simply be published again: a planned chunk of exactly these people, under
// the id of the chunk they were planned in, made from what the planner stored.
import { type Selectable, sql } from 'kysely';
import { chunkId } from '../../../domain/ids.ts';
import { type Db, withDatabase } from '../../../lib/db/database.ts';
import type { PinnedColumns, RequestsTable } from '../../../lib/db/tables.ts';
import type { ChunkPlanned } from '../../../lib/events.ts';

export type TemplateChoice = 'pinned' | 'active';

export interface PersonToPlan {
  requestId: string;
  chunkId: string;
  userId: string;
  /** When the chunk was stored, where that is known. */
  plannedAtMs: number | null;
}

export interface Replanned {
  chunks: ChunkPlanned[];
  /** Of those who are in no chunk: why, by request. */
  faults: Map<string, string>;
}

interface RequestRow extends PinnedColumns, Pick<Selectable<RequestsTable>, 'chunk_count'> {
  active_version: number | null;
  requested_at_ms: number;
  expires_at_ms: number | null;
}

/** @param people at most some hundreds: a chunk holds 500 */
export async function replan(db: Db, people: readonly PersonToPlan[], template: TemplateChoice): Promise<Replanned> {
  const byRequest = Map.groupBy(people, (person) => person.requestId);
  const rows = await findRequests(db, [...byRequest.keys()]);
  const chunks: ChunkPlanned[] = [];
  const faults = new Map<string, string>();
  for (const [requestId, own] of byRequest) {
    const row = rows.get(requestId);
    const fault = findFault(row, template);
    if (!row || fault !== undefined) faults.set(requestId, fault ?? '');
    else
      for (const some of Map.groupBy(own, (person) => person.chunkId).values())
        chunks.push(toChunk(row, some, template));
  }
  return { chunks, faults };
}

function findFault(row: RequestRow | undefined, template: TemplateChoice): string | undefined {
  if (!row || row.template_version === null || row.channel === null) return 'its request is not stored any more';
  if (template === 'active' && row.active_version === null) return 'its template is archived or gone';
  return undefined;
}

async function findRequests(db: Db, ids: readonly string[]): Promise<Map<string, RequestRow>> {
  const { rows } = await withDatabase(() =>
    sql<RequestRow>`
      select r.request_id, r.template_id, r.template_version, t.active_version, r.template_kind, r.channel,
        r.on_no_answer, r.priority, r.is_promo, r.context, r.chunk_count, r.test_address,
        floor(extract(epoch from r.requested_at) * 1000)::double precision as requested_at_ms,
        floor(extract(epoch from r.expires_at) * 1000)::double precision as expires_at_ms
      from requests r
      left join templates t on t.template_id = r.template_id and t.archived_at is null
      where r.request_id = any(${ids}::uuid[]) and r.state <> 'rejected'`.execute(db),
  );
  return new Map(rows.map((row) => [row.request_id, row]));
}

function toChunk(row: RequestRow, people: readonly PersonToPlan[], template: TemplateChoice): ChunkPlanned {
  const [first] = people;
  const id = first?.chunkId ?? '';
  return {
    chunk_id: id,
    request_id: row.request_id,
    sequence: findSequence(row, id),
    priority: row.priority,
    is_promo: row.is_promo,
    template_id: row.template_id,
    template_version: (template === 'active' ? row.active_version : row.template_version) ?? 0,
    template_kind: row.template_kind ?? '',
    channel: row.channel ?? 'email',
    on_no_answer: row.on_no_answer ?? 'resend',
    context: row.context,
    // Its month is where the row of the ledger stands.
    requested_at: row.requested_at_ms,
    planned_at: first?.plannedAtMs ?? row.requested_at_ms,
    expires_at: row.expires_at_ms,
    user_ids: [...new Set(people.map((person) => person.userId))],
    test_address: row.test_address,
  };
}

/** A chunk's id is computed from its number, so the number is found by trying; 2,000 of them for a million people. */
function findSequence({ request_id: requestId, chunk_count: count }: RequestRow, id: string): number {
  for (let sequence = 0; sequence < count; sequence++) if (chunkId(requestId, sequence) === id) return sequence;
  return 0;
}
