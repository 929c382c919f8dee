// Reads the fields of one entry strictly: each fault is collected with its place, so that all of a dump are seen at once.
import { Temporal } from 'temporal-polyfill';
import type { Entry } from './dump.ts';

export interface Faults {
  /** At most `maxKept`, in the order of the dump. */
  kept: string[];
  count: number;
}

const maxKept = 50;

export function addFault(faults: Faults, entry: Entry, place: string, message: string): void {
  faults.count += 1;
  if (faults.kept.length >= maxKept) return;
  faults.kept.push(`/${entry.index}/${place} (${entry.model}, pk ${quote(entry.pk)}): ${message}`);
}

export interface FieldReader {
  /** A whole number from 1 to `max`: the entry's own number. */
  pk(max: number): number;
  text(name: string): string;
  /** '' for null, or when it is not there. */
  optionalText(name: string): string;
  oneOf<T extends string>(name: string, known: readonly T[], fold?: (text: string) => string): T;
  boolean(name: string): boolean;
  /** Null for null; what is not there is a fault. */
  reference(name: string): number | null;
  /** Null for null, or when it is not there. */
  time(name: string): Date | null;
  fault(name: string, message: string): void;
  /** Whether this entry has had a fault; what was read from it then means nothing. */
  hasFault(): boolean;
}

/** @param timeZone IANA name for times that carry none (USE_TZ = False); undefined: such a time is a fault */
export function createFieldReader(entry: Entry, faults: Faults, timeZone: string | undefined): FieldReader {
  const countBefore = faults.count;
  const fault = (name: string, message: string) => addFault(faults, entry, `fields/${name}`, message);

  function text(name: string): string {
    const value = entry.fields[name];
    if (typeof value !== 'string') fault(name, `must be a text, and is ${quote(value)}`);
    else if (value.includes('\0')) fault(name, 'holds the character NUL, which no mail and no database takes');
    else if (!value.isWellFormed()) fault(name, 'holds half of a character (a lone surrogate)');
    else return value.replace(/\r\n?/g, '\n');
    return '';
  }

  return {
    pk(max) {
      if (isNumberUpTo(entry.pk, max)) return entry.pk;
      addFault(faults, entry, 'pk', `must be a whole number from 1 to ${max}`);
      return 0;
    },
    text,
    optionalText: (name) => (entry.fields[name] === null || entry.fields[name] === undefined ? '' : text(name)),
    oneOf(name, known, fold = (same) => same) {
      const value = entry.fields[name];
      const found = typeof value === 'string' ? known.find((one) => one === fold(value)) : undefined;
      if (found === undefined) fault(name, `must be one of ${known.join(', ')}, and is ${quote(value)}`);
      return found ?? (known[0] as (typeof known)[number]);
    },
    boolean(name) {
      const value = entry.fields[name];
      if (typeof value !== 'boolean') fault(name, `must be true or false, and is ${quote(value)}`);
      return value === true;
    },
    reference(name) {
      const value = entry.fields[name];
      if (value === null || isNumberUpTo(value, maxInteger)) return value;
      fault(name, `must be the pk of another entry, a whole number, and is ${quote(value)}`);
      return null;
    },
    time(name) {
      const value = entry.fields[name];
      if (value === null || value === undefined) return null;
      const found = typeof value === 'string' ? parseTime(value, timeZone) : undefined;
      if (found instanceof Date) return found;
      fault(name, found ?? `must be a time such as "2022-05-10T20:28:16Z", and is ${quote(value)}`);
      return null;
    },
    fault,
    hasFault: () => faults.count > countBefore,
  };
}

/** What an `integer` column holds. */
export const maxInteger = 2_147_483_647;

function isNumberUpTo(value: unknown, max: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= max;
}

const newestMs = Date.UTC(9999, 11, 31);

/** @returns undefined for what is no time, a text for what is wrong with one */
function parseTime(text: string, timeZone: string | undefined): Date | string | undefined {
  let epochMs: number;
  try {
    if (/(Z|[+-]\d\d:?\d\d)$/i.test(text)) {
      epochMs = Temporal.Instant.from(text).epochMilliseconds;
    } else {
      const local = Temporal.PlainDateTime.from(text);
      if (!/\d:\d/.test(text)) return undefined;
      if (timeZone === undefined) return `${quote(text)} says no time zone; say --time-zone, such as Europe/Moscow`;
      epochMs = local.toZonedDateTime(timeZone).epochMilliseconds;
    }
  } catch {
    return undefined;
  }
  return epochMs >= 0 && epochMs <= newestMs ? new Date(epochMs) : `${quote(text)} is not between 1970 and 9999`;
}

/** A value as JSON, short enough for one line. */
export function quote(value: unknown): string {
  if (value === undefined) return 'missing';
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
