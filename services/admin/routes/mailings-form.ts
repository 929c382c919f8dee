// /mailings/new and /mailings/<id>/edit: the form of a draft. Whatever is wrong is told beside its field, and what was typed
// stays.
import { randomUUID } from 'node:crypto';
import { isUuid } from '../../../domain/ids.ts';
import { toOneLine } from '../../../domain/one-line.ts';
import { readTimeZone, timeZoneNames, toTimeZone } from '../../../domain/time-zone.ts';
import { writeAudit } from '../audit.ts';
import { type Form, type FormFaults, type FormFields, readForm } from '../forms.ts';
import type { RowFault } from '../mailing/audience-rows.ts';
import { AudienceFileError } from '../mailing/audience-text.ts';
import { toContextForm, toSentContextForm } from '../mailing/context-form.ts';
import { describeUnknown, readPasted } from '../mailing/pasted-people.ts';
import { maxTitleChars, readDraft, toFormFields } from '../mailing/read-draft.ts';
import type { FindNeeds } from '../mailing/template-needs.ts';
import { done, page } from '../page.ts';
import type { AdminApp, AdminContext, Parts } from '../parts.ts';
import { createDraft, saveDraft } from '../queries/mailings-draft.ts';
import { findMailing, type Mailing } from '../queries/mailings-one.ts';
import { listPeople } from '../queries/mailings-people.ts';
import { listChoices } from '../queries/mailings-templates.ts';
import { queryText } from '../query.ts';
import { requireAbility } from '../roles.ts';
import { fetchCategories, toCategoryChoices, toTemplateSection, toTimeSection } from './mailings-form-data.ts';
import { requireDraft, requireRevision } from './mailings-of.ts';

export function mailingsForm(app: AdminApp, parts: Parts, findNeeds: FindNeeds): void {
  app.get('/mailings/new', (c) => showNew(c, parts));
  app.post('/mailings', (c) => create(c, parts));
  app.get('/mailings/:id/edit', async (c) => {
    requireAbility(c, 'edit');
    return showForm(c, parts, findNeeds, await requireDraft(c, parts));
  });
  app.post('/mailings/:id/edit', (c) => save(c, parts, findNeeds));
  app.get('/mailings/:id/context', (c) => showContext(c, parts, findNeeds));
  app.post('/mailings/:id/times', (c) => showTimes(c, parts));
}

async function showNew(c: AdminContext, parts: Parts, sent: FormFields = {}, faults: FormFaults = {}) {
  requireAbility(c, 'edit');
  const data = {
    title: 'New mailing',
    templates: await listChoices(parts.db),
    // Drawn with the page: a form that is sent twice makes one draft.
    id: sent.mailing_id || randomUUID(),
    sent: { title: sent.title ?? '', template_id: sent.template_id ?? queryText(c, 'template') },
    faults,
  };
  return page(c, parts, 'mailings/new', data, Object.keys(faults).length > 0 ? 422 : 200);
}

async function create(c: AdminContext, parts: Parts): Promise<Response> {
  requireAbility(c, 'edit');
  const { fields } = await readForm(c);
  const faults: FormFaults = {};
  const title = toOneLine(fields.title ?? '');
  if (title === '') faults.title = 'Give it a title, so that others know what it is.';
  if (title.length > maxTitleChars) faults.title = `At most ${maxTitleChars} characters.`;
  const templateId = fields.template_id || null;
  const template = (await listChoices(parts.db)).find((choice) => choice.templateId === templateId);
  if (templateId !== null && !template) faults.template_id = `The template ${templateId} was archived. Choose another.`;
  const mailingId = fields.mailing_id ?? '';
  if (!isUuid(mailingId)) faults.form = 'The form is not complete. Load the page again.';
  if (Object.keys(faults).length > 0) return showNew(c, parts, fields, faults);
  // The browser's own, where the page's script has filled it in.
  const timeZone = toTimeZone(fields.time_zone ?? '') ?? 'UTC';
  const who = c.var.session.name;
  const isNew = await createDraft(parts.db, {
    mailingId,
    title,
    templateId,
    isPromo: template?.isPromo ?? false,
    timeZone,
    who,
  });
  if (isNew) await writeAudit(parts.db, c, 'mailing.created', `mailing ${mailingId}`, { title, template: templateId });
  return c.redirect(`/mailings/${mailingId}/edit`, 303);
}

interface Sent {
  form: Form;
  faults: FormFaults;
  rowFaults: readonly RowFault[];
  /** Somebody else saved meanwhile. */
  newer?: { revision: number; by: string; at: Date } | undefined;
}

async function showForm(c: AdminContext, parts: Parts, findNeeds: FindNeeds, mailing: Mailing, sent?: Sent) {
  const fields = sent?.form.fields ?? toFormFields(mailing);
  const chosen = sent ? (sent.form.lists.categories ?? []) : mailing.user_categories;
  const [templates, categories, people, template] = await Promise.all([
    listChoices(parts.db),
    fetchCategories(parts),
    listPeople(parts.db, mailing.mailing_id, 3),
    toTemplateSection(parts, findNeeds, fields.template_id, (names) =>
      sent ? toSentContextForm(names, fields) : toContextForm(names, mailing.context),
    ),
  ]);
  const data = {
    title: mailing.title,
    mailing,
    f: { ...fields },
    revision: fields.revision ?? mailing.revision,
    templates,
    template,
    isTemplateGone: fields.template_id ? !templates.some(({ templateId }) => templateId === fields.template_id) : false,
    categories: toCategoryChoices(categories, chosen),
    isServiceDown: categories === undefined,
    unreadableCount: categories?.unreadableCount ?? 0,
    people,
    time: toTimeSection(fields, parts.now()),
    timeZones: timeZoneNames,
    faults: sent?.faults ?? findStoredFaults(mailing),
    faultCount: Object.keys(sent?.faults ?? {}).length,
    rowFaults: sent?.rowFaults ?? [],
    newer: sent?.newer,
  };
  const isFaulty = sent && (Object.keys(sent.faults).length > 0 || sent.newer);
  return page(c, parts, 'mailings/form', data, sent?.newer ? 409 : isFaulty ? 422 : 200);
}

/** Of a time zone that the release before took. */
function findStoredFaults({ time_zone: stored }: Mailing): FormFaults {
  const zone = readTimeZone(stored);
  return 'fault' in zone ? { time_zone: `${zone.fault} Until you choose one, times are shown in UTC.` } : {};
}

async function save(c: AdminContext, parts: Parts, findNeeds: FindNeeds): Promise<Response> {
  requireAbility(c, 'edit');
  const mailing = await requireDraft(c, parts);
  const form = await readForm(c);
  const [templates, categories] = await Promise.all([listChoices(parts.db), fetchCategories(parts)]);
  const known = {
    context: mailing.context,
    templates: new Map(templates.map((template) => [template.templateId, template])),
    categories: categories?.unreadableCount === 0 ? new Set(categories.readable.map(({ name }) => name)) : undefined,
  };
  const { values, faults, notes } = readDraft(form, known, parts.now());
  const people = readPasted(form.fields.people ?? '');
  if (people.fault !== undefined) faults.people = people.fault;
  const show = (more: Partial<Sent> = {}) =>
    showForm(c, parts, findNeeds, mailing, { form, faults, rowFaults: people.rowFaults, ...more });
  if (Object.keys(faults).length > 0) return show();

  const { mailing_id: mailingId } = mailing;
  const who = c.var.session.name;
  const revision = requireRevision(form.fields.overwrite || form.fields.revision);
  const mode = form.fields.people_mode === 'replace' ? 'replace' : 'add';
  let saved: number | undefined;
  try {
    const pasted = people.ids.length > 0 ? ({ mode, ids: people.ids } as const) : undefined;
    saved = await saveDraft(parts.db, { mailingId, revision, who }, values, pasted);
  } catch (error) {
    if (!(error instanceof AudienceFileError)) throw error;
    faults.people = error.message;
    return show();
  }
  if (saved === undefined) {
    const now = await findMailing(parts.db, mailingId);
    if (now?.status !== 'draft') await requireDraft(c, parts);
    return show({ newer: now && { revision: now.revision, by: now.updated_by, at: now.updated_at } });
  }
  await writeAudit(parts.db, c, 'mailing.saved', `mailing ${mailingId}`, {
    title: values.title,
    template: values.templateId,
    categories: values.userCategories,
    pasted: people.ids.length > 0 ? `${mode} ${people.ids.length}` : undefined,
    revision: saved,
  });
  const next = form.fields.then === 'check' ? 'check' : 'edit';
  if (people.ids.length > 0) notes.push(...(await describeUnknown(categories && parts.users, people)));
  if (people.header !== undefined) notes.push(`The first line, “${people.header}”, was taken for a header.`);
  return done(c, `/mailings/${mailingId}/${next}`, ['The draft is saved.', ...notes].join(' '));
}

/** The part of the form that the chosen template makes. */
async function showContext(c: AdminContext, parts: Parts, findNeeds: FindNeeds): Promise<Response> {
  requireAbility(c, 'edit');
  const mailing = await requireDraft(c, parts);
  const template = await toTemplateSection(parts, findNeeds, queryText(c, 'template_id'), (names) =>
    toContextForm(names, mailing.context),
  );
  const f = { is_promo: mailing.is_promo ? 'on' : '' };
  return c.html(await parts.views.render('mailings/template-section', { template, f, faults: {} }));
}

/** What the fields of the time mean, while they are being filled in. */
async function showTimes(c: AdminContext, parts: Parts): Promise<Response> {
  requireAbility(c, 'edit');
  const { fields } = await readForm(c);
  return c.html(await parts.views.render('mailings/times', { time: toTimeSection(fields, parts.now()) }));
}
