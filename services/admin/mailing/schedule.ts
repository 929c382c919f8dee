// When a mailing goes, as a person says it (a date and time in a time zone), and as the planner needs it (one moment).
// Daylight saving makes some times come twice and others never. Pure.
import { Temporal } from 'temporal-polyfill';
import { isTooFarAhead, yearsAhead } from '../../../domain/request-times.ts';

export type Schedule = { atMs: number; note?: string } | { fault: string };

/** Offsets such as +02:00 know no daylight saving: people mean a place. */
const zoneName = /^[A-Za-z][A-Za-z0-9_+-]*(\/[A-Za-z0-9_+-]+)*$/;

/**
 * @param local `YYYY-MM-DDTHH:MM`, as `<input type="datetime-local">` sends it
 * @param timeZone IANA name
 * @param nowMs milliseconds since 1970 UTC
 */
export function toMoment(local: string, timeZone: string, nowMs: number): Schedule {
  if (!isTimeZone(timeZone)) return { fault: `There is no time zone '${timeZone}'.` };
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
  const zoned = Temporal.Instant.fromEpochMilliseconds(at.getTime()).toZonedDateTimeISO(
    isTimeZone(timeZone) ? timeZone : 'UTC',
  );
  return zoned.toPlainDateTime().toString({ smallestUnit: 'minute' });
}

/** A moment as people in a time zone read it: `Tue, 1 Dec 2026, 09:00`. */
export function toZoneWords(at: Date, timeZone: string): string {
  const zone = isTimeZone(timeZone) ? timeZone : 'UTC';
  return new Intl.DateTimeFormat('en-GB', {
    timeZone: zone,
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
  }).format(at);
}

export function isTimeZone(name: string): boolean {
  if (!zoneName.test(name)) return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
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
