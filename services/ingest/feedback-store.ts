// The tables `feedback` and `suppressions`, as reports change them: one statement for a whole call.
import { sql } from 'kysely';
import { type Db, withDatabase } from '../../lib/db/database.ts';
import { type ApiKey, toWho } from './api-keys.ts';
import type { Report } from './feedback.ts';

const outranks = sql`(excluded.reason = 'complaint' and s.reason not in ('complaint', 'manual'))`;

/**
 * All of it or nothing, and a report that comes again changes nothing: once a person has lifted a suppression, a retry of
 * the report that made it must not bring it back. One by notification id that the ledger did not know yet is completed
 * when it comes again. The address is suppressed in the same statement, so that no report stands without it.
 * A suppression that is there stays, but for two things: a complaint outranks what mail servers said, for whoever lifts it
 * must see it; and one of promotional messages grows to one of everything.
 *
 * @param key whose reports these are; the audit log says so
 * @throws DependencyError('postgres')
 */
export async function storeFeedback(db: Db, reports: readonly Report[], key: ApiKey): Promise<void> {
  const { apiKeyId, name } = key;
  const unique = [...new Map(reports.map((report) => [report.feedbackId, report])).values()];
  await withDatabase(() =>
    sql`
      with given as (
        select g.feedback_id, g.type, g.notification_id, g.status, g.at_ms, g.suppresses,
          coalesce(g.address, d.address) as address, coalesce(g.channel, d.channel, 'email') as channel
        from unnest(
          ${unique.map((one) => one.feedbackId)}::uuid[],
          ${unique.map((one) => one.type)}::text[],
          ${unique.map((one) => one.notificationId)}::uuid[],
          ${unique.map((one) => one.channel)}::text[],
          ${unique.map((one) => one.address)}::text[],
          ${unique.map((one) => one.status)}::text[],
          ${unique.map((one) => one.atMs)}::double precision[],
          ${unique.map((one) => one.suppresses)}::text[]
        ) as g(feedback_id, type, notification_id, channel, address, status, at_ms, suppresses)
        left join lateral (
          select address, channel from deliveries where notification_id = g.notification_id limit 1
        ) d on true
      ),
      noted as (
        insert into feedback as f (feedback_id, type, notification_id, channel, address, status, happened_at, api_key_id)
        select feedback_id, type, notification_id, channel, address, status, to_timestamp(at_ms / 1000), ${apiKeyId}::uuid
        from given
        order by feedback_id
        on conflict (feedback_id) do update set address = excluded.address, channel = excluded.channel
          where f.address is null and excluded.address is not null
        returning feedback_id
      ),
      suppressed as (
      insert into suppressions as s (channel, address, scope, reason, detail, api_key_id)
      select distinct on (channel, lower(address)) channel, lower(address),
        min(suppresses) over (partition by channel, lower(address)), type,
        case type when 'bounce' then 'it bounced' else 'the recipient complained' end
          || case when status = '' then '' else ': ' || status end, ${apiKeyId}::uuid
      from given join noted using (feedback_id)
      where suppresses is not null and address is not null
      order by channel, lower(address), type desc
      on conflict (channel, address) do update set
        -- 'all' is before 'promotional'.
        scope = least(s.scope, excluded.scope),
        reason = case when ${outranks} then excluded.reason else s.reason end,
        detail = case when ${outranks} then excluded.detail else concat_ws('; ', nullif(s.detail, ''), excluded.detail) end,
        api_key_id = excluded.api_key_id
      where ${outranks} or excluded.scope < s.scope
      returning channel, address, scope, reason
      )
      insert into audit (who, action, subject, detail)
      select ${toWho(name)}, 'feedback.reported', 'key ' || ${apiKeyId}::text, json_build_object('reports', count(*))::jsonb
      from noted having count(*) > 0
      union all
      select ${toWho(name)}, 'suppression.added', 'address ' || address,
        json_build_object('channel', channel, 'scope', scope, 'reason', reason, 'key', ${apiKeyId}::text)::jsonb
      from suppressed
    `.execute(db),
  );
}
