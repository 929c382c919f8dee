// The firings of a recurring mailing, newest first, with their numbers.
import { sql } from 'kysely';
import type { RequestState } from '../../../domain/request-state.ts';
import { type Db, withDatabase } from '../../../lib/db/database.ts';

export interface Firing {
  id: string;
  scheduledAt: Date;
  state: RequestState | 'late';
  planned: number;
  sent: number;
  failed: number;
  skipped: number;
  unknown: number;
}

export const maxFirings = 20;

export async function listFirings(db: Db, seriesId: string): Promise<Firing[]> {
  const { rows } = await withDatabase(() =>
    sql<Firing>`
      select r.request_id as id, r.scheduled_at as "scheduledAt", r.planned,
        case when r.state = 'planning' then 'running'
          when r.state = 'paused' and r.detail = 'late' and h.state is null then 'late' else r.state end as state,
        coalesce(c.sent, 0) as sent, coalesce(c.failed, 0) as failed, coalesce(c.skipped, 0) as skipped,
        coalesce(c.unknown, 0) as unknown
      from (
        select * from requests where series_id = ${seriesId} order by scheduled_at desc limit ${maxFirings}
      ) r
      left join holds h on h.request_id = r.request_id
      left join lateral (
        select sum(count) filter (where state = 'sent') as sent, sum(count) filter (where state = 'failed') as failed,
          sum(count) filter (where state = 'skipped') as skipped, sum(count) filter (where state = 'unknown') as unknown
        from counters where request_id = r.request_id
      ) c on true
      order by r.scheduled_at desc`.execute(db),
  );
  return rows;
}
