// What the pages of templates read. There are hundreds of templates and dozens of versions of each, never millions.
import { sql } from 'kysely';
import type { TemplateVersion } from '../../../content/template.ts';
import type { Channel } from '../../../domain/ids.ts';
import { type Db, withDatabase } from '../../../lib/db/database.ts';
import type { OnNoAnswer } from '../../../lib/db/tables.ts';

export interface TemplateRow {
  templateId: string;
  legacyNumber: number | null;
  title: string;
  kind: string;
  channel: Channel;
  isPromo: boolean;
  onNoAnswer: OnNoAnswer;
  confidential: boolean;
  activeVersion: number;
  archivedAt: Date | null;
  createdAt: Date;
  updatedAt: Date;
  updatedBy: string;
  revision: number;
}

export interface TemplateFilter {
  channel: Channel | undefined;
  archived: boolean;
  /** In the title or the short name. */
  search: string;
  /** The last row of the page before. */
  after: { updatedAt: string; templateId: string } | undefined;
  limit: number;
}

export type VersionRow = TemplateVersion & { createdAt: Date; createdBy: string };

/** Last changed first. `place` is what the next page goes on after. */
export async function listTemplates(db: Db, filter: TemplateFilter): Promise<(TemplateRow & { place: string })[]> {
  const { channel = null, archived, search, after, limit } = filter;
  const like = `%${search.replace(/[\\%_]/g, '\\$&')}%`;
  const { rows } = await withDatabase(() =>
    sql<TemplateRow & { place: string }>`
      select ${columns}, to_char(updated_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as place
      from templates
      where (archived_at is not null) = ${archived}
        and (${channel}::text is null or channel = ${channel})
        and (title ilike ${like} or template_id ilike ${like} or legacy_number::text = ${search})
        and (${after?.updatedAt ?? null}::timestamptz is null
          or (updated_at, template_id) < (${after?.updatedAt ?? null}::timestamptz, ${after?.templateId ?? null}::text))
      order by updated_at desc, template_id desc
      limit ${limit}`.execute(db),
  );
  return rows;
}

export async function findTemplate(db: Db, templateId: string): Promise<TemplateRow | undefined> {
  const { rows } = await withDatabase(() =>
    sql<TemplateRow>`select ${columns} from templates where template_id = ${templateId}`.execute(db),
  );
  return rows[0];
}

/** Newest first, without their texts. */
export async function listVersions(
  db: Db,
  templateId: string,
): Promise<{ version: number; createdAt: Date; createdBy: string }[]> {
  const { rows } = await withDatabase(() =>
    sql<{ version: number; createdAt: Date; createdBy: string }>`
      select version, created_at as "createdAt", created_by as "createdBy"
      from template_versions where template_id = ${templateId} order by version desc`.execute(db),
  );
  return rows;
}

/** @param version undefined for the newest */
export async function findVersion(db: Db, templateId: string, version?: number): Promise<VersionRow | undefined> {
  const { rows } = await withDatabase(() =>
    sql<VersionRow>`
      select v.template_id as "templateId", v.version, t.channel, v.subject, v.html, v.text,
        v.from_name as "fromName", v.reply_to as "replyTo", v.created_at as "createdAt", v.created_by as "createdBy"
      from template_versions v join templates t using (template_id)
      where v.template_id = ${templateId} and (${version ?? null}::int is null or v.version = ${version ?? null}::int)
      order by v.version desc limit 1`.execute(db),
  );
  return rows[0];
}

export interface TemplateUse {
  /** Mailings that are confirmed and have not begun. */
  mailings: number;
  /** Recurring mailings. */
  series: number;
  /** Requests of producers that wait for their time. */
  requests: number;
}

/** What is still to come with this template: those who archive it are told. */
export async function countUses(db: Db, templateId: string): Promise<TemplateUse> {
  const { rows } = await withDatabase(() =>
    sql<TemplateUse>`
      select
        (select count(*) from mailings m left join requests r on r.request_id = m.mailing_id
          where m.template_id = ${templateId} and m.status = 'confirmed' and m.recurrence is null
            and (r.request_id is null or r.state = 'scheduled')) as mailings,
        (select count(*) from mailings m
          where m.template_id = ${templateId} and m.status = 'confirmed' and m.recurrence is not null) as series,
        (select count(*) from requests
          where template_id = ${templateId} and state = 'scheduled' and origin = 'request') as requests`.execute(db),
  );
  return rows[0] ?? { mailings: 0, series: 0, requests: 0 };
}

const columns = sql.raw(`template_id as "templateId", legacy_number as "legacyNumber", title, kind, channel,
  is_promo as "isPromo", on_no_answer as "onNoAnswer", confidential, active_version as "activeVersion",
  archived_at as "archivedAt", created_at as "createdAt", updated_at as "updatedAt", updated_by as "updatedBy", revision`);
