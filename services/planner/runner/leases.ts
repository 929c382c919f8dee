// Leases on driven requests, by Postgres's clock. One planner at a time works on a request; the epoch, which moves with
// every claim, makes void whatever an earlier holder still tries to write.
import { sql } from 'kysely';
import { type Db, withDatabase } from '../../../lib/db/database.ts';
import { requestIsCovered } from '../../../lib/holds/covers.ts';
import type { Priority } from '../../../lib/topics.ts';
import { type Driven, drivenColumns } from './driven.ts';
import { isNotAside } from './set-aside.ts';

/** Short, so that a mailing goes on soon after its planner was killed; a holder that only stalls loses nothing but its turn. */
export const leaseSeconds = 10;

export interface Claimable {
  requestId: string;
  priority: Priority;
}

/** When a request that seems at rest is looked after again, in milliseconds. */
export interface LookAfter {
  /** Running, and its numbers have not moved: heal it. */
  healAfterMs: number;
  /** Cancelled, and its numbers do not balance yet. */
  cancelAfterMs: number;
}

/**
 * What needs a holder now, the oldest first of each priority. A lease that has run out (and was not given back) tells that
 * its holder died: what it had begun is repeated.
 */
export async function findClaimable(db: Db, look: LookAfter, limit: number): Promise<Claimable[]> {
  const { rows } = await withDatabase(() =>
    sql<Claimable>`
      select request_id as "requestId", priority from (
        select r.request_id, r.priority,
          row_number() over (partition by r.priority order by coalesce(r.scheduled_at, r.stored_at), r.request_id) as place
        ${claimable(look)}
      ) found
      where place <= ${limit}
      order by place`.execute(db),
  );
  return rows;
}

/** @returns those that were still to be had, each under a new epoch */
export async function claimDriven(db: Db, requestIds: readonly string[], look: LookAfter): Promise<Driven[]> {
  const { rows } = await withDatabase(() =>
    sql<Driven>`
      with free as (
        select r.request_id ${claimable(look)} and r.request_id = any(${requestIds as string[]}::uuid[])
        for update of r skip locked
      )
      update requests r set epoch = r.epoch + 1, lease_until = now() + make_interval(secs => ${leaseSeconds})
      from free where r.request_id = free.request_id
      returning ${drivenColumns()}`.execute(db),
  );
  return rows;
}

// Those that wait for their time are `scheduled`, so that no number of them makes this slow. Requests that only name people
// leave by plan-due.ts; those of them that are here were held when they were under way.
function claimable({ healAfterMs, cancelAfterMs }: LookAfter) {
  return sql`
    from requests r left join holds h using (request_id)
    where r.driven and r.ended_at is null and r.state <> 'scheduled'
      and (r.lease_until is null or r.lease_until <= now()) and ${isNotAside(sql`r.request_id`)}
      and case
        when r.state = 'cancelled' then
          r.lease_until is not null or r.progress_at <= now() - make_interval(secs => ${cancelAfterMs / 1000})
        when h.state = 'cancelled' then r.chunk_count > 0
        when h.state is not null or ${requestIsCovered} then false
        when r.state = 'paused' then r.chunk_count > 0
        when not r.planning_complete then r.user_categories <> '{}' or r.people_from is not null
        when r.state = 'running' then
          r.lease_until is not null or r.progress_at <= now() - make_interval(secs => ${healAfterMs / 1000})
        else false
      end`;
}

/**
 * Renews what is held. A row that is locked at this moment keeps its lease as it is until the next time: one that somebody
 * keeps locked must not cost the others theirs.
 * @returns the ids that are still ours
 */
export async function renewLeases(db: Db, held: readonly Driven[]): Promise<Set<string>> {
  const { rows } = await withDatabase(() =>
    sql<{ request_id: string }>`
      with ours as materialized (
        select r.request_id
        from unnest(${held.map(({ requestId }) => requestId)}::uuid[], ${held.map(({ epoch }) => epoch)}::int[])
          as h (request_id, epoch)
        join requests r on r.request_id = h.request_id and r.epoch = h.epoch
        where r.ended_at is null
      ), free as (
        select r.request_id from requests r join ours using (request_id) for update of r skip locked
      ), renewed as (
        update requests r set lease_until = now() + make_interval(secs => ${leaseSeconds})
        from free where r.request_id = free.request_id
      )
      select request_id from ours`.execute(db),
  );
  return new Set(rows.map((row) => row.request_id));
}

/**
 * Gives a request back.
 * @param isWhole false when chunks may be stored that were not published: whoever takes it next begins with them
 */
export async function releaseLease(db: Db, { requestId, epoch }: Driven, isWhole: boolean): Promise<void> {
  await withDatabase(() =>
    sql`
      update requests set lease_until = case when ${isWhole}::boolean then null else now() end
      where request_id = ${requestId} and epoch = ${epoch}`.execute(db),
  );
}
