// /templates/<id>: the texts in the editor, their preview, and saving them as the next version.
import { writeAudit } from '../audit.ts';
import { type FormFaults, type FormFields, readForm, readNumber } from '../forms.ts';
import { done } from '../page.ts';
import type { AdminApp, AdminContext } from '../parts.ts';
import type { TemplateRow } from '../queries/templates.ts';
import { findVersion } from '../queries/templates.ts';
import { activateVersion, saveVersion, type TemplateTexts } from '../queries/templates-write.ts';
import { readQuery } from '../query.ts';
import { requireAbility } from '../roles.ts';
import { changedParts } from '../template/compare.ts';
import { loadTemplate, loadVersion, notePreview, readVersionText, type TemplateDesk } from '../template/desk.ts';
import { findSaveFault, showEditor, toFormFields } from '../template/editor-page.ts';
import { readTexts } from '../template/read-form.ts';
import { type TryOut, tryOut } from '../template/try-out.ts';
import { showVersion } from './templates-versions.ts';

export function editTemplates(app: AdminApp, desk: TemplateDesk): void {
  const { parts } = desk;

  app.get('/templates/:id', async (c) => {
    requireAbility(c, 'view');
    const template = await loadTemplate(c, parts);
    // Who may not write reads what is in use.
    if (!c.var.session.abilities.has('edit')) return showVersion(c, desk, template, template.activeVersion, 'write');
    const newest = await loadVersion(parts, template.templateId);
    const opened = await loadVersion(parts, template.templateId, readQuery(c, 'version', readVersionText));
    const form = { ...toFormFields(opened), base: String(newest.version), activate: 'on' };
    return show(c, desk, template, form, { opened: opened.version, newest: newest.version });
  });

  app.post('/templates/:id/preview', async (c) => {
    requireAbility(c, 'edit');
    const template = await loadTemplate(c, parts);
    const { fields } = await readForm(c);
    const tried = await tryForm(c, desk, template, fields);
    if (c.req.header('accept')?.includes('application/json')) return c.json(tried);
    const newest = await loadVersion(parts, template.templateId);
    return show(c, desk, template, fields, { tried, newest: newest.version });
  });

  app.post('/templates/:id', async (c) => {
    requireAbility(c, 'edit');
    return save(c, desk, await loadTemplate(c, parts));
  });
}

async function save(c: AdminContext, desk: TemplateDesk, template: TemplateRow): Promise<Response> {
  const { db } = desk.parts;
  const { templateId, channel } = template;
  const who = c.var.session.name;
  const { fields } = await readForm(c);
  const { texts, faults } = readTexts(channel, fields);
  const newest = await loadVersion(desk.parts, templateId);
  const base = readNumber(fields.base) ?? 0;
  if (Object.keys(faults).length > 0) return show(c, desk, template, fields, { faults, newest: newest.version });
  const tried = await tryForm(c, desk, template, fields);
  const fault = findSaveFault(tried);
  if (fault) return show(c, desk, template, fields, { faults: { form: fault }, tried, newest: newest.version });

  const parts = changedParts(newest, texts);
  const activate = fields.activate !== undefined;
  if (base === newest.version && parts.length === 0) return keepNewest(c, desk, template, newest.version, activate);
  const version = await saveVersion(db, { templateId, base, texts, activate, who });
  if (version === undefined) return showConflict(c, desk, template, fields, base, texts);
  const changed = parts.map(([name]) => name);
  await writeAudit(db, c, 'template.saved', `template ${templateId}`, { version, base, changed, activated: activate });
  const then = activate ? 'New requests get it from now on.' : `Version ${template.activeVersion} stays in use.`;
  return done(c, `/templates/${templateId}`, `Saved as version ${version}. ${then}`);
}

/** Nothing was typed that is not there already: a version like the one before would only be in the way. */
async function keepNewest(
  c: AdminContext,
  { parts: { db } }: TemplateDesk,
  { templateId, activeVersion: from }: TemplateRow,
  to: number,
  activate: boolean,
): Promise<Response> {
  if (!activate || from === to) return done(c, `/templates/${templateId}`, `Nothing was changed since version ${to}.`);
  const isActivated = await activateVersion(db, { templateId, from, to, who: c.var.session.name });
  if (isActivated) await writeAudit(db, c, 'template.activated', `template ${templateId}`, { from, to });
  return done(c, `/templates/${templateId}`, `Nothing was changed since version ${to}; it is in use from now on.`);
}

/** Somebody else has saved in between: what was typed stays, and saving once more is a choice made with open eyes. */
async function showConflict(
  c: AdminContext,
  desk: TemplateDesk,
  template: TemplateRow,
  fields: FormFields,
  base: number,
  typed: TemplateTexts,
): Promise<Response> {
  const theirs = await loadVersion(desk.parts, template.templateId);
  const known = await findVersion(desk.parts.db, template.templateId, base);
  const conflict = {
    by: theirs.createdBy,
    at: theirs.createdAt,
    version: theirs.version,
    base: known && base < theirs.version ? base : undefined,
    difference: await desk.parts.previewer.compare(theirs, typed),
  };
  const form = { ...fields, base: String(theirs.version) };
  return show(c, desk, template, form, { conflict, newest: theirs.version, status: 409 });
}

/** As it stands in the form, finished or not. */
async function tryForm(
  c: AdminContext,
  desk: TemplateDesk,
  template: TemplateRow,
  fields: FormFields,
): Promise<TryOut> {
  const { parts, people } = desk;
  const { templateId, channel, kind, isPromo } = template;
  const { texts } = readTexts(channel, fields);
  const draft = { templateId, channel, kind, isPromo, texts };
  const mayUsePeople = c.var.session.abilities.has('people');
  const tried = await tryOut(
    { previewer: parts.previewer, people, publicUrl: parts.config.publicUrl },
    { ...draft, userId: (fields.user_id ?? '').trim(), mayUsePeople, context: fields.context ?? '' },
  );
  await notePreview(c, desk, templateId, tried.person);
  return tried;
}

interface Shown {
  faults?: FormFaults;
  tried?: TryOut;
  /** The version whose texts the form began with. */
  opened?: number;
  newest: number;
  conflict?: Record<string, unknown>;
  status?: 409;
}

function show(
  c: AdminContext,
  desk: TemplateDesk,
  template: TemplateRow,
  form: FormFields,
  shown: Shown,
): Promise<Response> {
  const { faults = {}, tried, conflict, opened, newest } = shown;
  const status = shown.status ?? (Object.keys(faults).length > 0 ? 422 : 200);
  const { title, channel, kind, templateId } = template;
  const previewPath = `/templates/${templateId}/preview`;
  const editor = { title, channel, kind, previewPath, form, faults, tried, status } as const;
  return showEditor(c, desk, 'templates/edit', editor, { template, conflict, opened, newest, tab: 'write' });
}
