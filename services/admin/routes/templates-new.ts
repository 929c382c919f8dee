// /templates/new: a template and its first version, made in one go, so that there is never one without a text.
import { common } from '../../../content/collectors/common.ts';
import { kinds } from '../../../content/kinds.ts';
import type { Channel } from '../../../domain/ids.ts';
import { writeAudit } from '../audit.ts';
import { type FormFaults, type FormFields, readForm } from '../forms.ts';
import { done } from '../page.ts';
import type { AdminApp, AdminContext } from '../parts.ts';
import { insertTemplate } from '../queries/templates-write.ts';
import { queryChoice } from '../query.ts';
import { requireAbility } from '../roles.ts';
import { notePreview, type TemplateDesk } from '../template/desk.ts';
import { findSaveFault, showEditor } from '../template/editor-page.ts';
import { readChannel, readNewTemplate, readTexts } from '../template/read-form.ts';
import { type TryOut, tryOut } from '../template/try-out.ts';

/** What one begins with. */
const beginnings: Readonly<Record<Channel, FormFields>> = {
  email: {
    html: '<!doctype html>\n<html lang="en">\n<body style="font-family: Helvetica, Arial, sans-serif">\n  <p>Hello {{ first_name }},</p>\n  <p></p>\n</body>\n</html>\n',
  },
  sms: { text: 'Hello {{ first_name }}, ' },
};

export function newTemplates(app: AdminApp, desk: TemplateDesk): void {
  app.get('/templates/new', (c) => {
    requireAbility(c, 'edit');
    const channel = queryChoice(c, 'channel', ['email', 'sms']) ?? 'email';
    return show(c, desk, { ...beginnings[channel], channel, kind: common.kind });
  });

  app.post('/templates/new', (c) => create(c, desk));

  app.post('/templates/preview', async (c) => {
    requireAbility(c, 'edit');
    const { fields } = await readForm(c);
    const tried = await tryForm(c, desk, fields);
    if (c.req.header('accept')?.includes('application/json')) return c.json(tried);
    return show(c, desk, fields, {}, tried);
  });
}

async function create(c: AdminContext, desk: TemplateDesk): Promise<Response> {
  requireAbility(c, 'edit');
  const { db } = desk.parts;
  const { fields } = await readForm(c);
  const { wanted, faults } = readNewTemplate(fields);
  const { texts, faults: textFaults } = readTexts(readChannel(fields.channel), fields);
  Object.assign(faults, textFaults);
  if (!wanted || Object.keys(faults).length > 0) return show(c, desk, fields, faults);
  const tried = await tryForm(c, desk, fields);
  const fault = findSaveFault(tried);
  if (fault) return show(c, desk, fields, { form: fault }, tried);
  if (!(await insertTemplate(db, wanted, texts, c.var.session.name))) {
    const taken = `There is a template called “${wanted.templateId}” already: choose another short name.`;
    return show(c, desk, fields, { template_id: taken }, tried);
  }
  const { templateId, title, kind, channel, isPromo, onNoAnswer, confidential } = wanted;
  const detail = { title, kind, channel, isPromo, onNoAnswer, confidential };
  await writeAudit(db, c, 'template.created', `template ${templateId}`, detail);
  return done(c, `/templates/${templateId}`, `The template “${title}” is made. Requests can use it from now on.`);
}

/** As it stands in the form, finished or not. */
async function tryForm(c: AdminContext, desk: TemplateDesk, fields: FormFields): Promise<TryOut> {
  const { parts, people } = desk;
  const channel = readChannel(fields.channel);
  const tried = await tryOut(
    { previewer: parts.previewer, people, publicUrl: parts.config.publicUrl },
    {
      templateId: 'new',
      channel,
      kind: kinds.has(fields.kind ?? '') ? (fields.kind ?? '') : common.kind,
      isPromo: fields.is_promo !== undefined,
      texts: readTexts(channel, fields).texts,
      userId: (fields.user_id ?? '').trim(),
      mayUsePeople: c.var.session.abilities.has('people'),
      context: fields.context ?? '',
    },
  );
  await notePreview(c, desk, 'new', tried.person);
  return tried;
}

function show(
  c: AdminContext,
  desk: TemplateDesk,
  form: FormFields,
  faults: FormFaults = {},
  tried?: TryOut,
): Promise<Response> {
  const channel = readChannel(form.channel);
  const kind = kinds.has(form.kind ?? '') ? (form.kind ?? '') : common.kind;
  const status = Object.keys(faults).length > 0 ? 422 : 200;
  const editor = {
    title: 'New template',
    channel,
    kind,
    previewPath: '/templates/preview',
    form,
    faults,
    tried,
    status,
  } as const;
  return showEditor(c, desk, 'templates/new', editor, { kinds: [...kinds.values()] });
}
