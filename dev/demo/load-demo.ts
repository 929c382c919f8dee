// Puts the demo templates into the database, for `npm start` on embedded parts and for tests.
import type { Db } from '../../lib/db/database.ts';
import { type DemoTemplate, readDemoTemplates } from './templates.ts';

export interface LoadedDemo {
  /** Ids of the templates that were written now. */
  added: string[];
  /** Ids of the templates that were there already; they are left as they are, for somebody may have edited them. */
  kept: string[];
}

/** Inserts each demo template with its version 1, all in one transaction. Run again, it changes nothing. */
export async function loadDemoTemplates(db: Db): Promise<LoadedDemo> {
  const templates = await readDemoTemplates();
  return db.transaction().execute(async (transaction) => {
    const loaded: LoadedDemo = { added: [], kept: [] };
    for (const template of templates) {
      const isNew = await insertTemplate(transaction, template);
      (isNew ? loaded.added : loaded.kept).push(template.templateId);
    }
    return loaded;
  });
}

async function insertTemplate(db: Db, template: DemoTemplate): Promise<boolean> {
  const inserted = await db
    .insertInto('templates')
    .values({
      template_id: template.templateId,
      title: template.title,
      kind: template.kind,
      channel: template.channel,
      is_promo: template.isPromo,
      on_no_answer: template.onNoAnswer,
      active_version: 1,
    })
    .onConflict((conflict) => conflict.doNothing())
    .returning('template_id')
    .executeTakeFirst();
  if (!inserted) return false;
  await db
    .insertInto('template_versions')
    .values({
      template_id: template.templateId,
      version: 1,
      subject: template.subject,
      html: template.html,
      text: template.text,
      from_name: template.fromName,
      created_by: 'demo',
    })
    .execute();
  return true;
}
