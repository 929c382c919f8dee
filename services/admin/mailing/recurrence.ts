// How often a recurring mailing goes: presets that people pick, the cron expression that is stored, in plain words, and
// the next times. The planner fires by the same library (services/planner/runner/firing-times.ts). Pure.
import { Cron } from 'croner';
import { toString as toWords } from 'cronstrue';

export type Preset = 'daily' | 'weekdays' | 'weekly' | 'monthly' | 'custom';

/** What the form holds; the fields that a preset does not need are kept as they are. */
export interface RecurrenceFields {
  preset: Preset;
  /** `HH:MM` */
  time: string;
  /** 0 is Sunday, as in cron. */
  weekday: string;
  /** 1 to 31; a month without that day is passed over. */
  monthDay: string;
  /** Of the preset `custom`. */
  cron: string;
}

export type Recurrence = { cron: string } | { fault: string };

export const minMinutesBetween = 5;
/** Every minute of an hour, one by one, has 169. */
const maxCronChars = 400;
const minuteMs = 60_000;
/** In one hour, and over the ends of hours and days, a pattern shows its shortest gap soon. */
const sampledTimes = 300;
const fields = /^[\dA-Za-z*,/-]+( [\dA-Za-z*,/-]+){4}$/;

export function toRecurrence(wanted: RecurrenceFields, nowMs: number): Recurrence {
  if (wanted.preset === 'custom') return checkCron(wanted.cron, nowMs);
  const [, hour, minute] = /^([01]\d|2[0-3]):([0-5]\d)$/.exec(wanted.time) ?? [];
  if (hour === undefined || minute === undefined) return { fault: 'This is not a time of day, such as 09:30.' };
  const clock = `${Number(minute)} ${Number(hour)}`;
  if (wanted.preset === 'daily') return { cron: `${clock} * * *` };
  if (wanted.preset === 'weekdays') return { cron: `${clock} * * 1-5` };
  if (wanted.preset === 'weekly') {
    return /^[0-6]$/.test(wanted.weekday) ? { cron: `${clock} * * ${wanted.weekday}` } : { fault: 'Choose a day.' };
  }
  const day = Number(wanted.monthDay);
  if (!Number.isInteger(day) || day < 1 || day > 31) return { fault: 'The day of the month is 1 to 31.' };
  return { cron: `${clock} ${day} * *` };
}

/** The form that would give this expression. */
export function toFields(cron: string): RecurrenceFields {
  const [minute = '', hour = '', day = '', month = '', weekday = ''] = cron.split(' ');
  const time = `${hour.padStart(2, '0')}:${minute.padStart(2, '0')}`;
  const isPlain = /^\d+$/.test(minute) && /^\d+$/.test(hour) && month === '*';
  const known = { preset: 'custom' as Preset, time: isPlain ? time : '09:00', weekday: '1', monthDay: '1', cron };
  if (!isPlain) return known;
  if (day === '*' && weekday === '*') return { ...known, preset: 'daily' };
  if (day === '*' && weekday === '1-5') return { ...known, preset: 'weekdays' };
  if (day === '*' && /^[0-6]$/.test(weekday)) return { ...known, preset: 'weekly', weekday };
  if (/^\d+$/.test(day) && weekday === '*') return { ...known, preset: 'monthly', monthDay: day };
  return known;
}

export function describeCron(cron: string): string {
  try {
    return toWords(cron, { use24HourTimeFormat: true, verbose: true });
  } catch {
    return cron;
  }
}

/**
 * @param cron one that `toRecurrence` has accepted
 * @param timeZone as domain/time-zone.ts writes it
 * @returns milliseconds since 1970 UTC, ascending
 */
export function nextTimes(cron: string, timeZone: string, afterMs: number, count: number): number[] {
  return new Cron(cron, { timezone: timeZone, mode: '5-part', paused: true })
    .nextRuns(count, new Date(afterMs))
    .map((time) => time.getTime());
}

function checkCron(text: string, nowMs: number): Recurrence {
  if (text.length > maxCronChars) return { fault: `A cron expression has at most ${maxCronChars} characters.` };
  const cron = text.trim().replace(/\s+/g, ' ');
  if (!fields.test(cron)) {
    return { fault: 'A cron expression has five fields: minute, hour, day of the month, month, day of the week.' };
  }
  let times: number[];
  try {
    times = nextTimes(cron, 'UTC', nowMs, sampledTimes);
  } catch (error) {
    return { fault: `This is not a cron expression: ${describeFault(error)}` };
  }
  if (times.length === 0) return { fault: 'There is no such day: it would never go.' };
  const gaps = times.slice(1).map((time, index) => (time - (times[index] ?? 0)) / minuteMs);
  const shortest = Math.min(...gaps);
  if (shortest < minMinutesBetween) {
    return { fault: `This goes every ${shortest} min at times; ${minMinutesBetween} min is as often as it may.` };
  }
  return { cron };
}

function describeFault(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replace(/^CronPattern: /, '');
}
