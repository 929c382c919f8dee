// Which holds are in force, and what they cover, in SQL: the rule of domain/holds.ts. The claim, the planner and the pages use it.
import { type RawBuilder, sql } from 'kysely';

/** Columns of a message or request, or expressions that give them. None may be null but isPromo and isTest. */
export interface HoldableColumns {
  templateId: RawBuilder<unknown>;
  channel: RawBuilder<unknown>;
  priority: RawBuilder<unknown>;
  isPromo: RawBuilder<unknown>;
  isTest: RawBuilder<unknown>;
}

/** Of a row `s` with the columns scope and subject of sending_holds. */
export function coversSql({ templateId, channel, priority, isPromo, isTest }: HoldableColumns): RawBuilder<boolean> {
  return sql<boolean>`case s.scope
    when 'template' then s.subject = ${templateId} and not ${isTest}
    when 'channel' then s.subject = ${channel}
    when 'promotional' then ${isPromo} and not ${isTest}
    when 'lane' then s.subject = ${priority} || '/' || ${channel}
  end`;
}

/** Of a row `r` of requests. */
export const coversRequest = coversSql({
  templateId: sql`r.template_id`,
  channel: sql`r.channel`,
  priority: sql`r.priority`,
  isPromo: sql`r.is_promo`,
  isTest: sql`(r.test_address is not null)`,
});

/** Whether a shared hold covers a row `r` of requests; until the planner has let go on what it drives (resume-held.ts). */
export const requestIsCovered = sql<boolean>`exists (
  select from sending_holds s where s.released_at is null and ${coversRequest})`;

/**
 * What is wanted of a row `r` of requests, with the row `h` of holds that is joined to it: `cancelled`, `paused` (also by a
 * shared hold), or null. What waits for its time is not kept back by a shared hold before that.
 */
export const requestHold = sql<'paused' | 'cancelled' | null>`coalesce(h.state,
  case when (r.state <> 'scheduled' or r.scheduled_at <= now()) and ${requestIsCovered} then 'paused' end)`;
