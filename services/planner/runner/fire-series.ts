// Recurring mailings: each time of theirs becomes a request of its own, once, however many planners look.
import { sql } from 'kysely';
import { firingId } from '../../../domain/ids.ts';
import { type Db, withDatabase } from '../../../lib/db/database.ts';
import type { HoldsTable } from '../../../lib/db/tables.ts';
import { DependencyError, describeError } from '../../../lib/errors.ts';
import type { Logger } from '../../../lib/logger.ts';
import { insertWanted, mailingColumns } from './confirmed-mailings.ts';
import { type Firing, findLatestFiring } from './firing-times.ts';
import { type AsideParts, isNotAside, orAside } from './set-aside.ts';
import { type ConfirmedMailing, toWanted } from './to-wanted.ts';

interface Series extends ConfirmedMailing {
  recurrence: string;
  timeZone: string;
  expiresAfterMinutes: number | null;
  hold: HoldsTable['state'] | null;
  /** Times up to and including this one are over, in milliseconds since 1970 UTC. */
  overUntilMs: number;
}

/**
 * @param now of the planner, milliseconds since 1970 UTC
 * @param complained remembers which series cannot fire and why, so that each is told once
 */
export async function fireSeries(parts: AsideParts, now: number, complained: Set<string>): Promise<void> {
  const { db, logger } = parts;
  const all = await withDatabase(() => readSeries(db));
  for (const series of all) {
    try {
      if (!findDue(series, now)) continue;
      await orAside(parts, 'fire', series.mailingId, () => withDatabase(() => fire(db, series.mailingId, now, logger)));
    } catch (error) {
      if (error instanceof DependencyError) throw error;
      const complaint = `a series cannot fire: ${describeError(error)}`;
      const key = `${series.mailingId} ${complaint}`;
      if (!complained.has(key)) logger.error({ err: error, seriesId: series.mailingId }, complaint);
      complained.add(key);
    }
  }
}

function findDue(series: Series, now: number): Firing | undefined {
  return findLatestFiring(series, series.overUntilMs, now);
}

// The series' row is locked, its cursor moves with the firing it made: nobody else makes the same one, or one after it.
async function fire(db: Db, seriesId: string, now: number, logger: Logger): Promise<void> {
  await db.transaction().execute(async (transaction) => {
    const [series] = await readSeries(transaction, seriesId);
    const due = series && findDue(series, now);
    if (!series || !due) return;
    const { plannedAtMs, passedOver } = due;
    const plannedAt = new Date(plannedAtMs);
    await moveCursor(transaction, seriesId, plannedAt);
    const told = { seriesId, plannedAt: plannedAt.toISOString() };
    if (series.hold === 'paused') {
      logger.info({ ...told, count: passedOver + 1 }, 'a paused series passes over its times');
      return;
    }
    if (passedOver > 0)
      logger.warn({ ...told, count: passedOver }, 'times of a series were missed, they are passed over');
    const requestId = firingId(seriesId, plannedAtMs);
    const { expiresAfterMinutes } = series;
    const expiresAtMs = expiresAfterMinutes === null ? null : plannedAtMs + expiresAfterMinutes * 60_000;
    const wanted = toWanted(series, { requestId, plannedAtMs, expiresAtMs }, now);
    if (!(await insertWanted(transaction, wanted))) return;
    if (wanted.state === 'rejected') logger.warn({ ...told, requestId, detail: wanted.detail }, 'a firing is rejected');
    else
      logger.info(
        { ...told, requestId },
        wanted.state === 'paused' ? 'a series fires late, it waits' : 'a series fires',
      );
  });
}

/**
 * Series that may fire. What was before it was confirmed (or confirmed again), before its first moment, or up to its last
 * firing is over.
 * @param seriesId this one alone, and locked
 */
async function readSeries(db: Db, seriesId?: string): Promise<Series[]> {
  const { rows } = await sql<Series>`
    select ${mailingColumns()}, m.recurrence, m.time_zone as "timeZone", m.expires_after_minutes as "expiresAfterMinutes",
      h.state as hold,
      floor(extract(epoch from greatest(c.fired_until, coalesce(m.confirmed_at, m.created_at),
        m.scheduled_at - interval '1 millisecond')) * 1000)::double precision as "overUntilMs"
    from mailings m
    left join templates t using (template_id)
    left join holds h on h.request_id = m.mailing_id
    left join series_cursors c on c.series_id = m.mailing_id
    where m.status = 'confirmed' and m.recurrence is not null and h.state is distinct from 'cancelled'
      and ${isNotAside(sql`m.mailing_id`)}
    ${seriesId === undefined ? sql`` : sql`and m.mailing_id = ${seriesId} for update of m skip locked`}`.execute(db);
  return rows;
}

async function moveCursor(db: Db, seriesId: string, firedUntil: Date): Promise<void> {
  await sql`
    insert into series_cursors as c (series_id, fired_until) values (${seriesId}, ${firedUntil})
    on conflict (series_id) do update set fired_until = greatest(c.fired_until, excluded.fired_until)`.execute(db);
}
