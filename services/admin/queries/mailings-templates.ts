// The templates that a mailing can take, and the version that it would take now.
import { sql } from 'kysely';
import type { TemplateVersion } from '../../../content/template.ts';
import { type Db, withDatabase } from '../../../lib/db/database.ts';
import { isConfidentialSql } from './confidential-templates.ts';

export interface TemplateChoice {
  templateId: string;
  title: string;
  kind: string;
  channel: 'email' | 'sms';
  isPromo: boolean;
  isArchived: boolean;
  activeVersion: number;
}

export interface ChosenTemplate extends TemplateChoice {
  /** The active one, or the one it was confirmed with. */
  version: TemplateVersion;
  /** Nobody is shown what messages of this version were made of. */
  isConfidential: boolean;
}

const columns = sql`t.template_id as "templateId", t.title, t.kind, t.channel, t.is_promo as "isPromo",
  t.archived_at is not null as "isArchived", t.active_version as "activeVersion"`;

export async function listChoices(db: Db): Promise<TemplateChoice[]> {
  const { rows } = await withDatabase(() =>
    sql<TemplateChoice>`
      select ${columns} from templates t where t.archived_at is null order by lower(t.title), t.template_id`.execute(
      db,
    ),
  );
  return rows;
}

/** @param version the active one when it is null */
export async function findTemplate(
  db: Db,
  templateId: string,
  version: number | null,
): Promise<ChosenTemplate | undefined> {
  const { rows } = await withDatabase(() =>
    sql<ChosenTemplate>`
      select ${columns}, ${isConfidentialSql} as "isConfidential", json_build_object('templateId', t.template_id, 'version', v.version, 'channel', t.channel,
        'subject', v.subject, 'html', v.html, 'text', v.text, 'fromName', v.from_name, 'replyTo', v.reply_to) as version
      from templates t
      join template_versions v on v.template_id = t.template_id and v.version = coalesce(${version}::int, t.active_version)
      where t.template_id = ${templateId}`.execute(db),
  );
  return rows[0];
}
