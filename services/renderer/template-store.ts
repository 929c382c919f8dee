// Versions of templates, from Postgres. A stored version never changes, so what was read once is kept.
import { sql } from 'kysely';
import type { TemplateVersion } from '../../content/template.ts';
import type { Channel } from '../../domain/ids.ts';
import { type Db, withDatabase } from '../../lib/db/database.ts';
import { toTemplateKey } from './work.ts';

export interface TemplateRef {
  templateId: string;
  version: number;
}

export interface TemplateStore {
  /**
   * @returns by `toTemplateKey`; what the database does not have is missing
   * @throws DependencyError('postgres')
   */
  load(refs: readonly TemplateRef[]): Promise<ReadonlyMap<string, TemplateVersion>>;
}

const maxKeptChars = 8 * 1024 * 1024;

export function createTemplateStore(db: Db): TemplateStore {
  const kept = new Map<string, TemplateVersion>();
  let keptChars = 0;

  function keep(key: string, template: TemplateVersion): void {
    if (kept.has(key)) return;
    kept.set(key, template);
    keptChars += sizeOf(template);
    for (const [oldestKey, oldest] of kept) {
      if (keptChars <= maxKeptChars || oldestKey === key) return;
      kept.delete(oldestKey);
      keptChars -= sizeOf(oldest);
    }
  }

  return {
    async load(refs) {
      const found = new Map<string, TemplateVersion>();
      const missing = new Map<string, TemplateRef>();
      for (const ref of refs) {
        const key = toTemplateKey(ref);
        const template = kept.get(key);
        if (!template) {
          missing.set(key, ref);
        } else if (!found.has(key)) {
          found.set(key, template);
          // To the end: the one needed longest ago leaves first.
          kept.delete(key);
          kept.set(key, template);
        }
      }
      if (missing.size === 0) return found;
      for (const template of await withDatabase(() => selectVersions(db, [...missing.values()]))) {
        const key = toTemplateKey(template);
        found.set(key, template);
        keep(key, template);
      }
      return found;
    },
  };
}

/** All versions that a slice needs, in one statement. */
async function selectVersions(db: Db, refs: readonly TemplateRef[]): Promise<TemplateVersion[]> {
  const { rows } = await sql<{
    template_id: string;
    version: number;
    channel: Channel;
    subject: string;
    html: string | null;
    text: string | null;
    from_name: string | null;
    reply_to: string | null;
  }>`
    select v.template_id, v.version, t.channel, v.subject, v.html, v.text, v.from_name, v.reply_to
      from unnest(${refs.map((ref) => ref.templateId)}::text[], ${refs.map((ref) => ref.version)}::int[])
             as wanted (template_id, version)
      join template_versions v using (template_id, version)
      join templates t using (template_id)`.execute(db);
  return rows.map((row) => ({
    templateId: row.template_id,
    version: row.version,
    channel: row.channel,
    subject: row.subject,
    html: row.html,
    text: row.text,
    fromName: row.from_name,
    replyTo: row.reply_to,
  }));
}

function sizeOf(template: TemplateVersion): number {
  return template.subject.length + (template.html?.length ?? 0) + (template.text?.length ?? 0);
}
