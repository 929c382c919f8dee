// What the pages of templates share: whose data previews use, and how a template is found by its address.
import type { Channel } from '../../../domain/ids.ts';
import { readNumber } from '../forms.ts';
import { PageError } from '../page-error.ts';
import type { AdminContext, Parts } from '../parts.ts';
import { listHoldsOnTemplate } from '../queries/holds.ts';
import { findTemplate, findVersion, type TemplateRow, type VersionRow } from '../queries/templates.ts';
import { type ShownHold, toShownHold } from '../shown-holds.ts';
import type { PreviewPeople } from './preview-people.ts';
import { isShortName } from './read-form.ts';

export interface TemplateDesk {
  parts: Parts;
  people: PreviewPeople;
}

export const channelTitles: Readonly<Record<Channel, string>> = { email: 'E-mail', sms: 'SMS' };

/** With what keeps back its messages. */
export type ShownTemplate = TemplateRow & { holds: ShownHold[] };

/** @throws PageError 404 */
export async function loadTemplate(c: AdminContext, { db }: Pick<Parts, 'db'>): Promise<ShownTemplate> {
  const templateId = c.req.param('id') ?? '';
  const template = isShortName(templateId) ? await findTemplate(db, templateId) : undefined;
  if (!template) throw new PageError(404, `There is no template called “${templateId.slice(0, 64)}”.`);
  return { ...template, holds: (await listHoldsOnTemplate(db, template)).map(toShownHold) };
}

/** @param text of an address or form; empty for the newest version @throws PageError 404 */
export async function loadVersion({ db }: Pick<Parts, 'db'>, templateId: string, text = ''): Promise<VersionRow> {
  const number = readNumber(text);
  const version = text !== '' && number === undefined ? undefined : await findVersion(db, templateId, number);
  if (!version) throw new PageError(404, `The template “${templateId}” has no version ${text.slice(0, 12)}.`);
  return version;
}
