// A mailing's form: from its fields to what is stored, or what is wrong beside each field; and back. Pure.

import { toOneLine } from '../../../domain/one-line.ts';
import { readTimeZone, toTimeZone } from '../../../domain/time-zone.ts';
import type { Priority } from '../../../lib/topics.ts';
import type { Form, FormFaults, FormFields } from '../forms.ts';
import { fromContextForm } from './context-form.ts';
import { toFields, toRecurrence } from './recurrence.ts';
import { toLocal, toMoment } from './schedule.ts';

export interface DraftValues {
  title: string;
  templateId: string | null;
  priority: Priority;
  isPromo: boolean;
  /** A JSON object. */
  context: string;
  userCategories: string[];
  scheduledAtMs: number | null;
  timeZone: string;
  recurrence: string | null;
  expiresAtMs: number | null;
  expiresAfterMinutes: number | null;
}

/** What the form is judged by besides itself. */
export interface Known {
  /** Of the draft as it is stored. */
  context: string;
  /** Templates that can be taken, and whether each makes a mailing promotional. */
  templates: ReadonlyMap<string, { isPromo: boolean }>;
  /** Undefined when the user service cannot be asked. */
  categories: ReadonlySet<string> | undefined;
}

export interface ReadDraft {
  values: DraftValues;
  faults: FormFaults;
  /** What was decided for the person, such as which of two equal times. */
  notes: string[];
}

/** What of a stored mailing stands in the form. */
export interface StoredDraft {
  title: string;
  template_id: string | null;
  priority: Priority;
  is_promo: boolean;
  scheduled_at: Date | null;
  time_zone: string;
  recurrence: string | null;
  expires_at: Date | null;
  expires_after_minutes: number | null;
}

export const maxTitleChars = 200;
const maxExpiryHours = 24 * 90;
const minuteMs = 60_000;
const priorities: readonly string[] = ['high', 'medium', 'low'];

export function readDraft({ fields, lists }: Form, known: Known, nowMs: number): ReadDraft {
  const faults: FormFaults = {};
  const notes: string[] = [];
  const title = toOneLine(fields.title ?? '');
  if (title === '') faults.title = 'Give it a title, so that others know what it is.';
  if (title.length > maxTitleChars) faults.title = `At most ${maxTitleChars} characters.`;
  const templateId = fields.template_id || null;
  const template = templateId === null ? undefined : known.templates.get(templateId);
  if (templateId !== null && !template) faults.template_id = `The template ${templateId} was archived. Choose another.`;
  const context = fromContextForm(fields, known.context);
  if ('faults' in context) Object.assign(faults, context.faults);
  const userCategories = [...new Set(lists.categories ?? [])];
  const gone = userCategories.filter((name) => known.categories?.has(name) === false);
  if (gone.length > 0) faults.categories = `There is no category ${gone.join(', ')} any more. Take it out, then save.`;
  const time = readTime(fields, faults, notes, nowMs);
  const values: DraftValues = {
    title,
    templateId,
    priority: priorities.includes(fields.priority ?? '') ? (fields.priority as Priority) : 'low',
    isPromo: fields.is_promo === 'on' || template?.isPromo === true,
    context: 'context' in context ? context.context : known.context,
    userCategories,
    ...time,
    ...readExpiry(fields, time, faults, notes, nowMs),
  };
  return { values, faults, notes };
}

type Time = Pick<DraftValues, 'scheduledAtMs' | 'timeZone' | 'recurrence'>;

function readTime(fields: FormFields, faults: FormFaults, notes: string[], nowMs: number): Time {
  const zone = readTimeZone((fields.time_zone ?? '').trim() || 'UTC');
  if ('fault' in zone) faults.time_zone = zone.fault;
  const timeZone = 'fault' in zone ? 'UTC' : zone.timeZone;
  if (fields.when === 'repeat') {
    const recurrence = toRecurrence(readRecurrence(fields), nowMs);
    if ('cron' in recurrence) return { scheduledAtMs: null, timeZone, recurrence: recurrence.cron };
    faults.recurrence = recurrence.fault;
  } else if (fields.when === 'at' && !faults.time_zone) {
    const moment = toMoment(fields.scheduled_local ?? '', timeZone, nowMs);
    if ('note' in moment && moment.note) notes.push(moment.note);
    if ('atMs' in moment) return { scheduledAtMs: moment.atMs, timeZone, recurrence: null };
    faults.scheduled_local = moment.fault;
  }
  return { scheduledAtMs: null, timeZone, recurrence: null };
}

export function readRecurrence(fields: FormFields) {
  const preset = fields.preset;
  return {
    preset:
      preset === 'weekdays' || preset === 'weekly' || preset === 'monthly' || preset === 'custom' ? preset : 'daily',
    time: fields.preset_time ?? '',
    weekday: fields.weekday ?? '',
    monthDay: fields.month_day ?? '',
    cron: fields.cron ?? '',
  } as const;
}

function readExpiry(fields: FormFields, time: Time, faults: FormFaults, notes: string[], nowMs: number) {
  const none = { expiresAtMs: null, expiresAfterMinutes: null };
  if (fields.expires === 'after') {
    const hours = Number(fields.expires_hours);
    if (Number.isFinite(hours) && hours > 0 && hours <= maxExpiryHours) {
      return { expiresAtMs: null, expiresAfterMinutes: Math.max(1, Math.round(hours * 60)) };
    }
    faults.expires_hours = `A number of hours, at most ${maxExpiryHours}.`;
  }
  if (fields.expires === 'at' && fields.when === 'repeat') {
    faults.expires_local = 'A mailing that repeats ends each time some hours after it began: choose that.';
  } else if (fields.expires === 'at' && !faults.time_zone) {
    const moment = toMoment(fields.expires_local ?? '', time.timeZone, nowMs);
    if ('fault' in moment) faults.expires_local = moment.fault;
    else if (moment.atMs <= (time.scheduledAtMs ?? nowMs) + minuteMs) faults.expires_local = 'This is before it goes.';
    else {
      if (moment.note) notes.push(moment.note);
      return { expiresAtMs: moment.atMs, expiresAfterMinutes: null };
    }
  }
  return none;
}

/**
 * The fields that would give what is stored; those of the context are toContextForm's. Of a time zone that the release before
 * took and that is none, the times are shown in UTC: so they stay the same moments.
 */
export function toFormFields(draft: StoredDraft): FormFields {
  const { recurrence, scheduled_at: at, expires_at: expires, expires_after_minutes: after } = draft;
  const zone = toTimeZone(draft.time_zone) ?? 'UTC';
  const repeat = toFields(recurrence ?? '0 9 * * *');
  return {
    title: draft.title,
    template_id: draft.template_id ?? '',
    priority: draft.priority,
    is_promo: draft.is_promo ? 'on' : '',
    when: recurrence !== null ? 'repeat' : at ? 'at' : 'now',
    scheduled_local: at ? toLocal(at, zone) : '',
    time_zone: zone,
    preset: repeat.preset,
    preset_time: repeat.time,
    weekday: repeat.weekday,
    month_day: repeat.monthDay,
    cron: recurrence ?? '',
    expires: expires ? 'at' : after !== null ? 'after' : 'never',
    expires_local: expires ? toLocal(expires, zone) : '',
    expires_hours: after === null ? '' : String(Math.round((after / 60) * 100) / 100),
  };
}
