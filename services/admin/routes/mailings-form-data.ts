// What the form of a mailing shows besides its own fields: templates, the variables of the chosen one, categories with
// their counts, time zones, the next times.

import { findCollector } from '../../../content/kinds.ts';
import { readTimeZone, toTimeZone } from '../../../domain/time-zone.ts';
import { DependencyError } from '../../../lib/errors.ts';
import type { Categories } from '../../../lib/user-service.ts';
import type { FormFields } from '../forms.ts';
import type { ContextForm } from '../mailing/context-form.ts';
import { readRecurrence } from '../mailing/read-draft.ts';
import { describeCron, nextTimes, toRecurrence } from '../mailing/recurrence.ts';
import { toMoment, toZoneWords } from '../mailing/schedule.ts';
import type { FindNeeds } from '../mailing/template-needs.ts';
import type { Parts } from '../parts.ts';
import type { Mailing } from '../queries/mailings-one.ts';
import { findTemplate } from '../queries/mailings-templates.ts';

/** @returns undefined when the user service cannot be asked */
export async function fetchCategories(parts: Pick<Parts, 'users' | 'logger'>): Promise<Categories | undefined> {
  try {
    return await parts.users.fetchCategories();
  } catch (error) {
    if (!(error instanceof DependencyError)) throw error;
    parts.logger.warn({ err: error }, 'categories cannot be shown');
    return undefined;
  }
}

/** Those that there are, and those that were chosen and are no more. */
export function toCategoryChoices(known: Categories | undefined, chosen: readonly string[]) {
  const names = new Set(known?.readable.map(({ name }) => name));
  return [
    ...(known?.readable ?? []).map(({ name, count }) => ({
      name,
      count,
      isChosen: chosen.includes(name),
      isGone: false,
    })),
    ...chosen
      .filter((name) => !names.has(name))
      .map((name) => ({ name, count: null, isChosen: true, isGone: known?.unreadableCount === 0 })),
  ];
}

export interface TemplateSection {
  isPromo: boolean;
  channel: string;
  kindTitle: string;
  version: number;
  templateId: string;
  faults: string[];
  form: ContextForm;
}

/** @param toForm given the names of the variables that the mailing has to give */
export async function toTemplateSection(
  parts: Pick<Parts, 'db'>,
  findNeeds: FindNeeds,
  templateId: string | null | undefined,
  toForm: (names: readonly string[]) => ContextForm,
): Promise<TemplateSection | { form: ContextForm }> {
  const template = templateId ? await findTemplate(parts.db, templateId, null) : undefined;
  if (!template) return { form: toForm([]) };
  const needs = await findNeeds(template);
  return {
    isPromo: template.isPromo,
    channel: template.channel,
    kindTitle: findCollector(template.kind)?.title ?? template.kind,
    version: template.version.version,
    templateId: template.templateId,
    faults: needs.faults,
    form: toForm(needs.names),
  };
}

export interface TimeSection {
  fault?: string;
  note?: string;
  words?: string;
  /** In the mailing's own time zone. */
  next?: string[];
  timeZone: string;
  atMs?: number;
}

/** What the fields of the time mean, in words. */
export function toTimeSection(fields: FormFields, nowMs: number): TimeSection {
  const given = (fields.time_zone ?? '').trim() || 'UTC';
  if (fields.when !== 'at' && fields.when !== 'repeat') {
    return { timeZone: given, words: 'As soon as it is confirmed.' };
  }
  const zone = readTimeZone(given);
  if ('fault' in zone) return { timeZone: given, fault: zone.fault };
  const { timeZone } = zone;
  if (fields.when === 'at') {
    if (!fields.scheduled_local) return { timeZone };
    const moment = toMoment(fields.scheduled_local, timeZone, nowMs);
    if ('fault' in moment) return { timeZone, fault: moment.fault };
    return {
      timeZone,
      words: toZoneWords(new Date(moment.atMs), timeZone),
      atMs: moment.atMs,
      ...(moment.note ? { note: moment.note } : {}),
    };
  }
  const recurrence = toRecurrence(readRecurrence(fields), nowMs);
  if ('fault' in recurrence) return { timeZone, fault: recurrence.fault };
  return { timeZone, words: `${describeCron(recurrence.cron)}.`, next: nextInWords(recurrence.cron, timeZone, nowMs) };
}

/** @returns none where the stored time zone is none: such a series does not go */
export function nextInWords(cron: string, stored: string, nowMs: number): string[] {
  const timeZone = toTimeZone(stored);
  if (timeZone === undefined) return [];
  return nextTimes(cron, timeZone, nowMs, 5).map((time) => toZoneWords(new Date(time), timeZone));
}

/** What keeps a recurring mailing from going, as a sentence: a time zone that the release before took. */
export function findSeriesFault({ recurrence, time_zone: stored }: Pick<Mailing, 'recurrence' | 'time_zone'>) {
  const zone = readTimeZone(stored);
  return recurrence !== null && 'fault' in zone ? zone.fault : undefined;
}
