// Which day or moment a value of a template means. What could mean two days is not read at all: the filter `date` then
// writes it as it came.

export type ReadDate =
  | { kind: 'moment'; ms: number }
  /** A day without a time: the same day in every time zone. Midnight of it in UTC. */
  | { kind: 'day'; ms: number };

const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const time = '(?<hour>\\d{1,2}):(?<minute>\\d{2})(?::(?<second>\\d{2})(?:[.,](?<fraction>\\d{1,9}))?)?';
const zone = '\\s?(?<zone>Z|UTC|GMT|[+-]\\d{2}(?::?\\d{2})?)?';
const weekday = '(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]{0,6}\\.?,?\\s{1,3})?';
const month = '(?<name>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\\.?';
const year = '(?<year>\\d{4})';
const dayOfMonth = '(?<day>\\d{1,2})(?:st|nd|rd|th|\\.)?';
const shapes = [
  `${year}-(?<month>\\d{2})-(?<day>\\d{2})(?:(?:[T ]|\\s)${time}${zone})?`,
  `${year}(?<month>\\d{2})(?<day>\\d{2})`,
  `${year}/(?<month>\\d{1,2})/(?<day>\\d{1,2})(?:\\s${time}${zone})?`,
  `(?<day>\\d{1,2})\\.\\s?(?<month>\\d{1,2})\\.\\s?${year}(?:,?\\s{1,3}${time}${zone})?`,
  `(?<first>\\d{1,2})[/-](?<second_>\\d{1,2})[/-]${year}(?:,?\\s{1,3}${time}${zone})?`,
  `${weekday}${dayOfMonth}\\s{1,3}${month},?\\s{1,3}${year}(?:,?\\s{1,3}${time}${zone})?`,
  `${weekday}${month}\\s{1,3}${dayOfMonth},?\\s{1,3}${year}(?:,?\\s{1,3}${time}${zone})?`,
].map((shape) => new RegExp(`^${shape}$`, 'i'));

/** Unix seconds from here on are milliseconds: seconds would be in the year 5138. */
const firstMilliseconds = 1e11;
const maxChars = 60;

/** @returns undefined for what is no date, or is one that could be read in two ways */
export function readDate(value: unknown, nowMs: number): ReadDate | undefined {
  if (value === 'now' || value === 'today') return { kind: 'moment', ms: nowMs };
  if (typeof value === 'number') return readUnixTime(value);
  if (typeof value !== 'string' || value.length > maxChars) return undefined;
  const text = value.trim();
  if (/^\d{4}$/.test(text)) return readDay(Number(text), 1, 1);
  for (const shape of shapes) {
    const groups = shape.exec(text)?.groups;
    if (groups) return readGroups(groups);
  }
  return /^-?\d{9,14}$/.test(text) ? readUnixTime(Number(text)) : undefined;
}

function readUnixTime(value: number): ReadDate | undefined {
  const ms = Math.abs(value) < firstMilliseconds ? value * 1_000 : value;
  return Number.isFinite(ms) && Math.abs(ms) <= 8.64e15 ? { kind: 'moment', ms } : undefined;
}

function readGroups(groups: Record<string, string | undefined>): ReadDate | undefined {
  const order = findOrder(groups);
  const day = order && readDay(Number(groups.year), order.month, order.day);
  if (!day || groups.hour === undefined) return day;
  const [hour, minute, second] = [groups.hour, groups.minute, groups.second ?? '0'].map(Number) as [
    number,
    number,
    number,
  ];
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  const fractionMs = Number(`0.${groups.fraction ?? '0'}`) * 1_000;
  const ms = day.ms + ((hour * 60 + minute) * 60 + second) * 1_000 + Math.floor(fractionMs) - readOffset(groups.zone);
  return { kind: 'moment', ms };
}

function findOrder({ month: number, name, day, first, second_: second }: Record<string, string | undefined>) {
  if (name !== undefined) return { month: months.indexOf(name.toLowerCase()) + 1, day: Number(day) };
  if (number !== undefined) return { month: Number(number), day: Number(day) };
  const [one, two] = [Number(first), Number(second)];
  // Americans put the month first, others the day.
  if (one > 12 || one === two) return { month: two, day: one };
  return two > 12 ? { month: one, day: two } : undefined;
}

function readDay(yearNumber: number, monthNumber: number, day: number): ReadDate | undefined {
  const ms = Date.UTC(2000, monthNumber - 1, day);
  const date = new Date(new Date(ms).setUTCFullYear(yearNumber, monthNumber - 1, day));
  const isSame = date.getUTCMonth() === monthNumber - 1 && date.getUTCDate() === day;
  return isSame ? { kind: 'day', ms: date.getTime() } : undefined;
}

/** A time without a zone is in UTC, whatever machine reads it. */
function readOffset(text: string | undefined): number {
  const [, sign, hours, minutes] = /^([+-])(\d{2}):?(\d{2})?$/.exec(text ?? '') ?? [];
  if (sign === undefined) return 0;
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes ?? 0)) * 60_000;
}

/** `UTC`, `GMT` and names with a slash: short names such as BST stand for several zones. */
export function isZone(name: string): boolean {
  if (!/^(?:UTC|GMT|[A-Za-z_]+\/[\w+\-/]+)$/.test(name)) return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
