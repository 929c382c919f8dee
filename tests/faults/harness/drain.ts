// Waits until the pipeline has nothing left to do, and looks whether all its numbers agree with each other.

import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { measureLag } from '../../../lib/kafka/lag.ts';
import type { LedgerRow } from './count.ts';
import type { Load } from './load.ts';
import type { World } from './world.ts';

/**
 * Everybody has an end, nothing waits, no lane has lag.
 * @returns what was still open when the time was over; undefined when nothing was
 */
export async function drain(
  world: World,
  options: { withinMs: number; log(line: string): void },
): Promise<string | undefined> {
  const deadline = performance.now() + options.withinMs;
  let shownAtMs = performance.now();
  for (;;) {
    const plannedCount = world.loads.reduce((sum, { planned }) => sum + planned.size, 0);
    const open = await describeOpen(world, plannedCount);
    if (open === undefined) return undefined;
    if (performance.now() > deadline) return open;
    if (performance.now() - shownAtMs > 10_000) {
      options.log(open);
      shownAtMs = performance.now();
    }
    await sleep(500);
  }
}

async function describeOpen({ db, kafka, topics }: World, plannedCount: number): Promise<string | undefined> {
  const { rows } = await sql<{ ended: number; open: number; waiting: number }>`
    select count(*) filter (where ended_at is not null) as ended, count(*) filter (where ended_at is null) as open,
      (select count(*) from waiting) as waiting
    from deliveries`.execute(db);
  const { ended = 0, open = 0, waiting = 0 } = rows[0] ?? {};
  if (ended < plannedCount || open > 0 || waiting > 0) {
    return `${ended} of ${plannedCount} have an end, ${open} are open, ${waiting} wait`;
  }
  const { planner, enricher, renderer, dispatcher, outcomes } = topics.lanes;
  const lag = await measureLag(kafka, [...planner, ...enricher, ...renderer, ...dispatcher, outcomes]);
  return lag > 0 ? `all have an end, ${lag} records are still to be read` : undefined;
}

export async function readLedger({ db }: World): Promise<Map<string, LedgerRow>> {
  const { rows } = await sql<LedgerRow & { notification_id: string }>`
    select notification_id, state, reason from deliveries`.execute(db);
  return new Map(rows.map(({ notification_id, state, reason }) => [notification_id, { state, reason }]));
}

/** What does not balance: planned, the counters and the rows of each request must say the same. */
export async function findImbalances({ db, ingest }: World, loads: readonly Load[]): Promise<string[]> {
  const { rows } = await sql<{ request_id: string; planned: number; counted: number; ended: number }>`
    with counted as (
      select request_id, sum(count) as count from counters
      where state in ('sent', 'failed', 'skipped', 'unknown') group by request_id
    ), ended as (select request_id, count(*) as count from deliveries where ended_at is not null group by request_id)
    select r.request_id, r.planned, coalesce(c.count, 0)::int as counted, coalesce(e.count, 0)::int as ended
    from requests r left join counted c using (request_id) left join ended e using (request_id)
    where r.planned <> coalesce(c.count, 0) or r.planned <> coalesce(e.count, 0) or not r.planning_complete
    limit 20`.execute(db);
  const found = rows.map(
    ({ request_id, planned, counted, ended }) =>
      `request ${request_id}: ${planned} planned, ${counted} counted, ${ended} rows with an end`,
  );
  for (const id of loads.flatMap(({ mailingIds }) => mailingIds)) {
    const { state } = await ingest.findRequest(id);
    if (state !== 'done') found.push(`the mailing ${id} is ${state}, not done`);
  }
  return found;
}
