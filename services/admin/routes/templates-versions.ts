// /templates/<id>/versions: which there are, one of them, the difference between two, and which is in use.
import { writeAudit } from '../audit.ts';
import { readForm, readNumber } from '../forms.ts';
import { done, page } from '../page.ts';
import { PageError } from '../page-error.ts';
import type { AdminApp, AdminContext } from '../parts.ts';
import { listVersions, type TemplateRow } from '../queries/templates.ts';
import { activateVersion } from '../queries/templates-write.ts';
import { readQuery } from '../query.ts';
import { requireAbility } from '../roles.ts';
import { channelTitles, loadTemplate, loadVersion, readVersionText, type TemplateDesk } from '../template/desk.ts';

export function templateVersions(app: AdminApp, desk: TemplateDesk): void {
  const { parts } = desk;

  app.get('/templates/:id/versions', async (c) => {
    requireAbility(c, 'view');
    const template = await loadTemplate(c, parts);
    const versions = await listVersions(parts.db, template.templateId);
    const data = { template, versions, channelTitle: channelTitles[template.channel], tab: 'versions' };
    return page(c, parts, 'templates/versions', { title: `Versions of ${template.title}`, ...data });
  });

  app.get('/templates/:id/versions/:version', async (c) => {
    requireAbility(c, 'view');
    const template = await loadTemplate(c, parts);
    return showVersion(c, desk, template, c.req.param('version'));
  });

  app.get('/templates/:id/difference', async (c) => {
    requireAbility(c, 'view');
    const template = await loadTemplate(c, parts);
    const [from, to] = await Promise.all([
      loadVersion(parts, template.templateId, readQuery(c, 'from', readVersionText)),
      loadVersion(parts, template.templateId, readQuery(c, 'to', readVersionText)),
    ]);
    const versions = await listVersions(parts.db, template.templateId);
    const data = { template, versions, from, to, difference: await parts.previewer.compare(from, to), tab: 'versions' };
    const title = `Version ${from.version} and version ${to.version} of ${template.title}`;
    return page(c, parts, 'templates/difference', { title, ...data, channelTitle: channelTitles[template.channel] });
  });

  app.post('/templates/:id/activate', async (c) => {
    requireAbility(c, 'edit');
    return activate(c, desk, await loadTemplate(c, parts));
  });
}

export async function showVersion(
  c: AdminContext,
  { parts }: TemplateDesk,
  template: TemplateRow,
  version: number | string,
  tab: 'versions' | 'write' = 'versions',
): Promise<Response> {
  const shown = await loadVersion(parts, template.templateId, String(version));
  const data = { template, shown, channelTitle: channelTitles[template.channel], tab };
  return page(c, parts, 'templates/version', { title: `${template.title}, version ${shown.version}`, ...data });
}

/** Also the way back: an older version is in use again, and the newer ones stay where they are. */
async function activate(c: AdminContext, { parts }: TemplateDesk, template: TemplateRow): Promise<Response> {
  const { templateId } = template;
  const { fields } = await readForm(c);
  const from = readNumber(fields.from) ?? 0;
  const { version: to } = await loadVersion(parts, templateId, fields.version || '0');
  const path = `/templates/${templateId}/versions`;
  if (template.activeVersion === to) return done(c, path, `Version ${to} is in use already.`);
  if (!(await activateVersion(parts.db, { templateId, from, to, who: c.var.session.name }))) {
    const { activeVersion, updatedBy } = await loadTemplate(c, parts);
    const who = updatedBy === '' ? 'Somebody else' : updatedBy;
    throw new PageError(
      409,
      `${who} has put version ${activeVersion} in use while you were looking at version ${from}. Nothing was changed: look at the versions again.`,
    );
  }
  await writeAudit(parts.db, c, 'template.activated', `template ${templateId}`, { from, to });
  return done(c, path, `Version ${to} is in use: new requests get it from now on. What is planned keeps its version.`);
}
