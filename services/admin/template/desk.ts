// What the pages of templates share: whose data previews use, and how a template is found by its address.
import type { Channel } from '../../../domain/ids.ts';
import { writeAudit } from '../audit.ts';
import { readNumber } from '../forms.ts';
import { PageError } from '../page-error.ts';
import type { AdminContext, Parts } from '../parts.ts';
import { listHoldsOnTemplate } from '../queries/holds.ts';
import { findTemplate, findVersion, type TemplateRow, type VersionRow } from '../queries/templates.ts';
import { type ShownHold, toShownHold } from '../shown-holds.ts';
import type { PreviewPeople, PreviewPerson } from './preview-people.ts';
import { isShortName } from './read-form.ts';

export interface TemplateDesk {
  parts: Parts;
  people: PreviewPeople;
  /** Previews with a person's data that stand in the audit log, until when each counts as one. */
  noted: Map<string, number>;
}

const previewNotedForMs = 10 * 60_000;

/** A preview follows every key: whoever's data is used is written down once in ten minutes for each person, template and viewer. */
export async function notePreview(
  c: AdminContext,
  { parts, noted }: TemplateDesk,
  templateId: string,
  { userId, from }: { userId: string; from: PreviewPerson['from'] },
): Promise<void> {
  if (from === 'examples') return;
  const nowMs = parts.now();
  for (const [key, untilMs] of noted) if (untilMs <= nowMs) noted.delete(key);
  const key = `${c.var.session.adminUserId} ${templateId} ${userId}`;
  if (noted.has(key)) return;
  noted.set(key, nowMs + previewNotedForMs);
  await writeAudit(parts.db, c, 'person.previewed', `person ${userId}`, { template: templateId });
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

/** Of a number of a version, as it stands in an address. */
export function readVersionText(text: string): string | undefined {
  return readNumber(text) === undefined ? undefined : text;
}
