// /templates: the list of templates; its neighbours templates-*.ts make, change, compare and test one.
import { listSharedHolds } from '../../../lib/holds/list-holds.ts';
import { page } from '../page.ts';
import type { AdminApp, AdminContext, Parts } from '../parts.ts';
import { listTemplates, type TemplateFilter } from '../queries/templates.ts';
import { queryChoice, queryText, readQuery } from '../query.ts';
import { requireAbility } from '../roles.ts';
import { toShownHold } from '../shown-holds.ts';
import { channelTitles, type TemplateDesk } from '../template/desk.ts';
import { createPreviewPeople } from '../template/preview-people.ts';
import { isShortName } from '../template/read-form.ts';
import { editTemplates } from './templates-edit.ts';
import { newTemplates } from './templates-new.ts';
import { templateSettings } from './templates-settings.ts';
import { testTemplates } from './templates-test.ts';
import { templateVersions } from './templates-versions.ts';

const perPage = 50;

export function templates(app: AdminApp, parts: Parts): void {
  const desk: TemplateDesk = { parts, people: createPreviewPeople(parts.users, parts.now), noted: new Map() };
  app.get('/templates', (c) => showList(c, parts));
  newTemplates(app, desk);
  templateVersions(app, desk);
  templateSettings(app, desk);
  testTemplates(app, desk);
  editTemplates(app, desk);
}

async function showList(c: AdminContext, parts: Parts): Promise<Response> {
  requireAbility(c, 'view');
  const filter: TemplateFilter = {
    channel: queryChoice(c, 'channel', ['email', 'sms']),
    archived: queryChoice(c, 'archived', ['yes', 'no']) === 'yes',
    search: queryText(c, 'q', 120),
    after: readQuery(c, 'after', readPlace),
    limit: perPage + 1,
  };
  const found = await listTemplates(parts.db, filter);
  const rows = found.slice(0, perPage).map((row) => ({ ...row, channelTitle: channelTitles[row.channel] }));
  const last = rows.at(-1);
  const query = new URLSearchParams({
    channel: filter.channel ?? '',
    archived: filter.archived ? 'yes' : '',
    q: filter.search,
  });
  const next =
    found.length > perPage && last ? `/templates?${query}&after=${last.place}_${last.templateId}` : undefined;
  const isFiltered = filter.channel !== undefined || filter.archived || filter.search !== '';
  return page(c, parts, 'templates/list', {
    title: 'Templates',
    onHold: (await listSharedHolds(parts.db)).map(toShownHold),
    rows,
    filter,
    next,
    isFiltered,
    isLater: filter.after !== undefined,
  });
}

/** `<time>_<short name>` */
function readPlace(after: string): TemplateFilter['after'] {
  const [updatedAt = '', templateId = ''] = after.split('_');
  const isPlace = /^20\d\d-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-5]\d\.\d{6}Z$/.test(updatedAt) && isShortName(templateId);
  return isPlace && !Number.isNaN(Date.parse(updatedAt)) ? { updatedAt, templateId } : undefined;
}
