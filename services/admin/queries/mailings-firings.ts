// The firings of a recurring mailing, newest first, with their numbers.
import { sql } from 'kysely';
import { type Db, withDatabase } from '../../../lib/db/database.ts';
import { requestHold } from '../../../lib/holds/covers.ts';
import { type ShownState, type StateFacts, toShownState } from '../mailing/live-view.ts';

export interface Firing {
  id: string;
  scheduledAt: Date;
  state: ShownState;
  planned: number;
  sent: number;
  failed: number;
  skipped: number;
  unknown: number;
}

export const maxFirings = 20;

export async function listFirings(db: Db, seriesId: string): Promise<Firing[]> {
  const { rows } = await withDatabase(() =>
    sql<Omit<Firing, 'state'> & StateFacts & { planningComplete: boolean }>`
      select r.request_id as id, r.scheduled_at as "scheduledAt", r.planned,
        r.planning_complete as "planningComplete", r.state, r.detail, r.driven, ${requestHold} as hold,
        coalesce(c.sent, 0) as sent, coalesce(c.failed, 0) as failed, coalesce(c.skipped, 0) as skipped,
        coalesce(c.unknown, 0) as unknown
      from (
        select * from requests where series_id = ${seriesId} order by scheduled_at desc limit ${maxFirings}
      ) r
      left join holds h on h.request_id = r.request_id
      left join lateral (
        select sum(count) filter (where state = 'sent')::int as sent, sum(count) filter (where state = 'failed')::int as failed,
          sum(count) filter (where state = 'skipped')::int as skipped, sum(count) filter (where state = 'unknown')::int as unknown
        from counters where request_id = r.request_id
      ) c on true
      order by r.scheduled_at desc`.execute(db),
  );
  return rows.map((row) => {
    const ended = row.sent + row.failed + row.skipped + row.unknown;
    const isBalanced = row.planningComplete && ended === row.planned;
    return { ...row, state: toShownState(row, { status: 'confirmed', isSeries: false }, isBalanced) };
  });
}
