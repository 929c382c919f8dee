// The table `accepted`: what was answered with 202, and which Idempotency-Key it came with. The row decides: whichever
// process inserts a request id first owns it. One statement for everybody who came within the same few milliseconds.
import { sql } from 'kysely';
import { type Db, withDatabase } from '../../lib/db/database.ts';

export interface AcceptedRow {
  requestId: string;
  apiKeyId: string;
  idempotencyKey: string | null;
  bodyHash: Buffer;
}

/** What the store says about a request that wants in. */
export type Admission =
  /** Publish it. A retry gets the time of the first try, so that both make the same record. */
  | { state: 'open'; acceptedAtMs: number }
  /** Kafka has it: the same answer as before. */
  | { state: 'answered' }
  /** Another call with this key is at it. */
  | { state: 'unanswered'; retryAfterMs: number; acceptedAtMs: number }
  | { state: 'other_body' };

export interface AcceptedStore {
  /** One admission for each row, in order. @throws DependencyError('postgres') */
  admit(rows: readonly AcceptedRow[]): Promise<Admission[]>;
  /** Kafka has acknowledged these. @throws DependencyError('postgres') */
  markPublished(requestIds: readonly string[]): Promise<void>;
  /** What is known of an id without asking to come in. @throws DependencyError('postgres') */
  find(requestId: string): Promise<{ bodyHash: Buffer; published: boolean } | undefined>;
  /** One small batch of what is older than the keys are kept. @returns how many rows went */
  deleteOld(maxCount: number): Promise<number>;
}

/** A crash between the row and Kafka's answer must not keep the retry out for longer. */
export const unansweredMs = 10_000;
const keptDays = 7;

export function createAcceptedStore(db: Db): AcceptedStore {
  return {
    async admit(rows) {
      // The first of an id in this batch stands for the others: they meet its row like anybody else's.
      const firsts = new Map<string, AcceptedRow>();
      for (const row of rows) if (!firsts.has(row.requestId)) firsts.set(row.requestId, row);
      const opened = await insert(db, [...firsts.values()]);
      const others = rows.filter((row) => !opened.has(row.requestId) || firsts.get(row.requestId) !== row);
      const present = others.length > 0 ? await readPresent(db, others) : new Map<string, Present>();
      return rows.map((row) => {
        const acceptedAtMs = opened.get(row.requestId);
        if (acceptedAtMs !== undefined && firsts.get(row.requestId) === row) return { state: 'open', acceptedAtMs };
        return judge(row, present.get(row.requestId));
      });
    },
    async markPublished(requestIds) {
      // Skips what another process is marking at this moment: it means the same, and nobody waits in a circle.
      await withDatabase(() =>
        sql`update accepted set published_at = now() where request_id in (
              select request_id from accepted where request_id = any(${[...requestIds]}::uuid[]) and published_at is null
              for update skip locked)`.execute(db),
      );
    },
    async find(requestId) {
      const row = await withDatabase(() =>
        db
          .selectFrom('accepted')
          .select(['body_hash', 'published_at'])
          .where('request_id', '=', requestId)
          .executeTakeFirst(),
      );
      return row && { bodyHash: row.body_hash, published: row.published_at !== null };
    },
    async deleteOld(maxCount) {
      const result = await withDatabase(() =>
        sql`delete from accepted where request_id in (
              select request_id from accepted where accepted_at < now() - make_interval(days => ${keptDays})
              order by accepted_at limit ${maxCount} for update skip locked)`.execute(db),
      );
      return Number(result.numAffectedRows ?? 0);
    },
  };
}

/**
 * Invariant: of all processes that insert one id, exactly one gets it back. Ordered by id, so that two batches that
 * share ids wait for each other in the same order.
 */
async function insert(db: Db, rows: readonly AcceptedRow[]): Promise<Map<string, number>> {
  const inserted = await withDatabase(() =>
    sql<{ request_id: string; accepted_at: Date }>`
      insert into accepted (request_id, api_key_id, idempotency_key, body_hash, accepted_at)
      select request_id, api_key_id, idempotency_key, decode(body_hash, 'hex'), date_trunc('milliseconds', now())
      from unnest(
        ${rows.map((row) => row.requestId)}::uuid[], ${rows.map((row) => row.apiKeyId)}::uuid[],
        ${rows.map((row) => row.idempotencyKey)}::text[], ${rows.map((row) => row.bodyHash.toString('hex'))}::text[]
      ) as wanted (request_id, api_key_id, idempotency_key, body_hash)
      order by request_id
      on conflict (request_id) do nothing
      returning request_id, accepted_at`.execute(db),
  );
  return new Map(inserted.rows.map((row) => [row.request_id, row.accepted_at.getTime()]));
}

interface Present {
  body_hash: Buffer;
  accepted_at: Date;
  published: boolean;
  age_ms: number;
}

/** A statement of its own: the insert's snapshot does not show rows that were committed while it waited for them. */
async function readPresent(db: Db, rows: readonly AcceptedRow[]): Promise<Map<string, Present>> {
  const found = await withDatabase(() =>
    sql<Present & { request_id: string }>`
      select request_id, body_hash, accepted_at, published_at is not null as published,
             (extract(epoch from now() - accepted_at) * 1000)::float8 as age_ms
      from accepted where request_id = any(${rows.map((row) => row.requestId)}::uuid[])`.execute(db),
  );
  return new Map(found.rows.map((row) => [row.request_id, row]));
}

function judge(row: AcceptedRow, present: Present | undefined): Admission {
  // Gone between the two statements: the housekeeping took a key of 7 days ago. The next try inserts it.
  if (!present) return { state: 'unanswered', retryAfterMs: 0, acceptedAtMs: Date.now() };
  if (!present.body_hash.equals(row.bodyHash)) return { state: 'other_body' };
  if (present.published) return { state: 'answered' };
  const acceptedAtMs = present.accepted_at.getTime();
  if (present.age_ms >= unansweredMs) return { state: 'open', acceptedAtMs };
  return { state: 'unanswered', retryAfterMs: unansweredMs - present.age_ms, acceptedAtMs };
}
