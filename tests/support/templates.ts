// Writes templates into the database as the admin pages will.

import type { Channel } from '../../domain/ids.ts';
import type { Db } from '../../lib/db/database.ts';
import type { OnNoAnswer } from '../../lib/db/tables.ts';

export interface TestTemplate {
  templateId: string;
  channel?: Channel;
  kind?: string;
  legacyNumber?: number;
  onNoAnswer?: OnNoAnswer;
  subject?: string;
  html?: string | null;
  text?: string | null;
}

export async function addTemplate(db: Db, template: TestTemplate): Promise<void> {
  const { templateId, channel = 'email', kind = 'common', legacyNumber = null, onNoAnswer = 'resend' } = template;
  await db.transaction().execute(async (transaction) => {
    await transaction
      .insertInto('templates')
      .values({
        template_id: templateId,
        title: templateId,
        kind,
        channel,
        on_no_answer: onNoAnswer,
        legacy_number: legacyNumber,
        active_version: 1,
      })
      .execute();
    await addVersion(transaction, template, 1);
  });
}

/** A new version, active from now on. */
export async function changeTemplate(db: Db, template: TestTemplate, version: number): Promise<void> {
  await db.transaction().execute(async (transaction) => {
    await addVersion(transaction, template, version);
    await transaction
      .updateTable('templates')
      .set({ active_version: version })
      .where('template_id', '=', template.templateId)
      .execute();
  });
}

async function addVersion(db: Db, { templateId, subject, html, text }: TestTemplate, version: number): Promise<void> {
  await db
    .insertInto('template_versions')
    .values({
      template_id: templateId,
      version,
      subject: subject ?? templateId,
      html: html ?? null,
      text: text ?? null,
    })
    .execute();
}
