// Which holds keep back what a page shows.
import { type RawBuilder, sql } from 'kysely';
import type { Channel } from '../../../domain/ids.ts';
import { type Db, withDatabase } from '../../../lib/db/database.ts';
import { coversSql } from '../../../lib/holds/covers.ts';
import { type ActiveHold, pauseColumns, sharedColumns } from '../../../lib/holds/list-holds.ts';

const coversIt = coversSql({
  templateId: sql`it.template_id`,
  channel: sql`it.channel`,
  priority: sql`it.priority`,
  isPromo: sql`it.is_promo`,
  isTest: sql`it.is_test`,
});

/** All that keep back a request, or a mailing that is none yet: a pause of its own with a reason first. */
function holdsOnRequest(requestId: string): RawBuilder<ActiveHold> {
  return sql<ActiveHold>`
    select ${pauseColumns} from holds h
    where h.request_id = ${requestId} and h.state = 'paused' and h.reason is not null
    union all
    (
      select ${sharedColumns}
      from (
        select template_id, channel, priority, is_promo, test_address is not null as is_test from requests
        where request_id = ${requestId} and ended_at is null and state not in ('cancelled', 'rejected')
        union all
        select m.template_id, t.channel, m.priority, m.is_promo, false
        from mailings m join templates t on t.template_id = m.template_id
        where m.mailing_id = ${requestId} and m.status in ('draft', 'confirmed')
          and not exists (select from requests where request_id = ${requestId})
      ) it
      join sending_holds s on s.lifted_at is null and ${coversIt}
      order by s.hold_id
    )`;
}

export async function listHoldsOnRequest(db: Db, requestId: string): Promise<ActiveHold[]> {
  const { rows } = await withDatabase(() => holdsOnRequest(requestId).execute(db));
  return rows;
}

/** All that keep back messages of a template: of every priority, so lanes count when they carry its channel. */
export async function listHoldsOnTemplate(
  db: Db,
  { templateId, channel, isPromo }: { templateId: string; channel: Channel; isPromo: boolean },
): Promise<ActiveHold[]> {
  const { rows } = await withDatabase(() =>
    sql<ActiveHold>`
      select ${sharedColumns} from sending_holds s
      where s.lifted_at is null and case s.scope
        when 'template' then s.subject = ${templateId}
        when 'channel' then s.subject = ${channel}
        when 'promotional' then ${isPromo}
        when 'lane' then split_part(s.subject, '/', 2) = ${channel}
      end
      order by s.hold_id`.execute(db),
  );
  return rows;
}
