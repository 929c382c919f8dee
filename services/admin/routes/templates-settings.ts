// /templates/<id>/settings: what holds for all versions, and putting a template away.
import { writeAudit } from '../audit.ts';
import { type FormFaults, type FormFields, readForm, readNumber } from '../forms.ts';
import { done, page } from '../page.ts';
import type { AdminApp, AdminContext } from '../parts.ts';
import { countUses, type TemplateRow } from '../queries/templates.ts';
import { changeSettings, setArchived, type TemplateSettings } from '../queries/templates-write.ts';
import { requireAbility } from '../roles.ts';
import { channelTitles, loadTemplate, type TemplateDesk } from '../template/desk.ts';
import { readSettings } from '../template/read-form.ts';

export function templateSettings(app: AdminApp, desk: TemplateDesk): void {
  const { parts } = desk;

  app.get('/templates/:id/settings', async (c) => {
    requireAbility(c, 'edit');
    const template = await loadTemplate(c, parts);
    return show(c, desk, template, toFields(template));
  });

  app.post('/templates/:id/settings', async (c) => {
    requireAbility(c, 'edit');
    return change(c, desk, await loadTemplate(c, parts));
  });

  for (const archived of [true, false]) {
    app.post(`/templates/:id/${archived ? 'archive' : 'restore'}`, async (c) => {
      requireAbility(c, 'edit');
      const { templateId, title } = await loadTemplate(c, parts);
      const isChanged = await setArchived(parts.db, templateId, archived, c.var.session.name);
      const action = archived ? 'template.archived' : 'template.restored';
      if (isChanged) await writeAudit(parts.db, c, action, `template ${templateId}`);
      const said = archived ? 'is archived: new requests with it are refused' : 'is back: requests can use it';
      return done(c, `/templates/${templateId}/settings`, `“${title}” ${said}.`);
    });
  }
}

async function change(c: AdminContext, desk: TemplateDesk, template: TemplateRow): Promise<Response> {
  const { db } = desk.parts;
  const { templateId } = template;
  const { fields } = await readForm(c);
  const { settings, faults } = readSettings(fields);
  if (!settings) return show(c, desk, template, fields, faults);
  if (template.confidential && !settings.confidential && !c.var.session.abilities.has('access')) {
    return show(c, desk, template, fields, { confidential: 'Only an admin takes this mark off.' });
  }
  const changed = findChanges(template, settings);
  if (Object.keys(changed).length === 0) return done(c, `/templates/${templateId}/settings`, 'Nothing was changed.');
  const revision = readNumber(fields.revision) ?? 0;
  if (!(await changeSettings(db, templateId, revision, settings, c.var.session.name))) {
    const theirs = await loadTemplate(c, desk.parts);
    const conflict = { by: theirs.updatedBy, at: theirs.updatedAt, theirs: toWords(theirs) };
    return show(c, desk, theirs, { ...fields, revision: String(theirs.revision) }, {}, conflict);
  }
  await writeAudit(db, c, 'template.changed', `template ${templateId}`, changed);
  return done(c, `/templates/${templateId}/settings`, 'The settings are changed. They hold for requests from now on.');
}

async function show(
  c: AdminContext,
  { parts }: TemplateDesk,
  template: TemplateRow,
  form: FormFields,
  faults: FormFaults = {},
  conflict?: Record<string, unknown>,
): Promise<Response> {
  const uses = await countUses(parts.db, template.templateId);
  const status = conflict ? 409 : Object.keys(faults).length > 0 ? 422 : 200;
  const data = {
    template,
    form,
    faults,
    conflict,
    uses,
    channelTitle: channelTitles[template.channel],
    tab: 'settings',
  };
  return page(c, parts, 'templates/settings', { title: `Settings of ${template.title}`, ...data }, status);
}

function toFields(template: TemplateRow): FormFields {
  return {
    title: template.title,
    on_no_answer: template.onNoAnswer,
    revision: String(template.revision),
    ...(template.isPromo ? { is_promo: 'on' } : {}),
    ...(template.confidential ? { confidential: 'on' } : {}),
  };
}

/** What was and what is, for the audit log. */
function findChanges(template: TemplateRow, settings: TemplateSettings): Record<string, [unknown, unknown]> {
  const names = ['title', 'isPromo', 'onNoAnswer', 'confidential'] as const;
  const changed = names.filter((name) => template[name] !== settings[name]);
  return Object.fromEntries(changed.map((name) => [name, [template[name], settings[name]]]));
}

function toWords({ title, isPromo, onNoAnswer, confidential }: TemplateSettings): string {
  const answers = onNoAnswer === 'park' ? 'put aside when no answer comes' : 'sent once more when no answer comes';
  return `“${title}”, ${isPromo ? 'promotional' : 'not promotional'}, ${answers}, ${confidential ? 'confidential' : 'not confidential'}`;
}
