// The lag of every lane by the minute, kept 30 days for the charts.
import { sql } from 'kysely';
import { type Db, withDatabase } from '../../../lib/db/database.ts';

const keptForDays = 30;

/** Several admin processes note the same minute: the first one counts. */
export async function noteLag(db: Db, minuteMs: number, lanes: readonly { id: string; lag: number }[]): Promise<void> {
  const minute = new Date(minuteMs);
  const ids = lanes.map(({ id }) => id);
  const lags = lanes.map(({ lag }) => lag);
  await withDatabase(async () => {
    await sql`insert into lag_minutes (minute, lane, lag)
      select ${minute}::timestamptz, lane, lag from unnest(${ids}::text[], ${lags}::bigint[]) as noted (lane, lag)
      on conflict do nothing`.execute(db);
    await sql`delete from lag_minutes where minute < ${minute}::timestamptz - make_interval(days => ${keptForDays}::int)`.execute(
      db,
    );
  });
}
