// When a mailing goes, as a person says it (a date and time in a time zone), and as the planner needs it (one moment).
// Daylight saving makes some times come twice and others never. Pure.
import { Temporal } from 'temporal-polyfill';
import { isTooFarAhead, yearsAhead } from '../../../domain/request-times.ts';
import { readTimeZone, toTimeZone } from '../../../domain/time-zone.ts';

export type Schedule = { atMs: number; note?: string } | { fault: string };

/**
 * @param local `YYYY-MM-DDTHH:MM`, as `<input type="datetime-local">` sends it
 * @param timeZone a name of domain/time-zone.ts
 * @param nowMs milliseconds since 1970 UTC
 */
export function toMoment(local: string, timeZone: string, nowMs: number): Schedule {
  const zone = readTimeZone(timeZone);
  if ('fault' in zone) return { fault: zone.fault };
  const plain = parseLocal(local);
  if (!plain) return { fault: 'This is not a date and a time, such as 2026-12-01 09:00.' };
  const [earlier, later] = [at(plain, timeZone, 'earlier'), at(plain, timeZone, 'later')];
  if (earlier.epochMilliseconds < nowMs)
    return { fault: `This is in the past: it is ${nowIn(timeZone, nowMs)} there.` };
  if (isTooFarAhead(later.epochMilliseconds, nowMs)) return { fault: `This is more than ${yearsAhead} years ahead.` };
  if (!earlier.toPlainDateTime().equals(plain)) return { fault: describeGap(plain, earlier, later) };
  const atMs = earlier.epochMilliseconds;
  if (earlier.equals(later)) return { atMs };
  return {
    atMs,
    note: `${toWords(plain)} comes twice that day (the clocks go back): the first one is taken, ${earlier.offset}.`,
  };
}

/** A moment as `<input type="datetime-local">` shows it. */
export function toLocal(at: Date, timeZone: string): string {
  const zoned = Temporal.Instant.fromEpochMilliseconds(at.getTime()).toZonedDateTimeISO(timeZone);
  return zoned.toPlainDateTime().toString({ smallestUnit: 'minute' });
}

/** A moment as people in a time zone read it: `Tue, 1 Dec 2026, 09:00`. */
export function toZoneWords(at: Date, timeZone: string): string {
  return new Intl.DateTimeFormat('en-GB', {
    timeZone,
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
  }).format(at);
}

/** With the zone behind it. @param stored a name that releases before took may be none: the moment is shown in UTC then */
export function toMomentWords(at: Date, stored: string): string {
  const timeZone = toTimeZone(stored) ?? 'UTC';
  return `${toZoneWords(at, timeZone)} (${timeZone})`;
}

function parseLocal(local: string): Temporal.PlainDateTime | undefined {
  if (!/^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:00)?$/.test(local)) return undefined;
  try {
    return Temporal.PlainDateTime.from(local.replace(' ', 'T'), { overflow: 'reject' });
  } catch {
    return undefined;
  }
}

function at(
  plain: Temporal.PlainDateTime,
  timeZone: string,
  disambiguation: 'earlier' | 'later',
): Temporal.ZonedDateTime {
  return plain.toZonedDateTime(timeZone, { disambiguation });
}

/** The last minute before the clocks jump and the first one after. */
function describeGap(
  plain: Temporal.PlainDateTime,
  earlier: Temporal.ZonedDateTime,
  later: Temporal.ZonedDateTime,
): string {
  const after = earlier.getTimeZoneTransition('next') ?? later;
  const jump = after.epochMilliseconds <= later.epochMilliseconds ? after : later;
  const before = jump.subtract({ minutes: 1 });
  return (
    `${toWords(plain)} does not exist in ${earlier.timeZoneId}: the clocks go forward then. ` +
    `Take ${toWords(before.toPlainDateTime())} or ${toWords(jump.toPlainDateTime())}.`
  );
}

function nowIn(timeZone: string, nowMs: number): string {
  return toWords(Temporal.Instant.fromEpochMilliseconds(nowMs).toZonedDateTimeISO(timeZone).toPlainDateTime());
}

function toWords(plain: Temporal.PlainDateTime): string {
  return plain.toString({ smallestUnit: 'minute' }).replace('T', ' ');
}
