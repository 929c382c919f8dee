// When a recurring mailing fires. Pure. Times without a place on the clock are the rules of croner: one that falls into the
// gap of daylight saving fires at the first moment after it, one that comes twice fires once (a wildcard for the hour or
// minute: it follows the clock, so it skips the gap and fires in both).
import { Cron } from 'croner';

export interface Recurrence {
  /** Five fields: minute, hour, day of month, month, day of week. */
  recurrence: string;
  /** IANA name. */
  timeZone: string;
}

export interface Firing {
  plannedAtMs: number;
  /** Times before it in the same span; counted up to a thousand. */
  passedOver: number;
}

const maxCounted = 1_000;

/**
 * The last time after one moment, up to and including another: of several that were missed only the last one counts.
 * @throws Error (croner's) when the expression or the time zone is wrong
 */
export function findLatestFiring(
  { recurrence, timeZone }: Recurrence,
  afterMs: number,
  untilMs: number,
): Firing | undefined {
  const cron = new Cron(recurrence, { timezone: timeZone, mode: '5-part', paused: true });
  const first = cron.nextRun(new Date(afterMs));
  if (!first || first.getTime() > untilMs) return undefined;
  let passedOver = 0;
  let latest = first;
  for (let next = cron.nextRun(latest); next && next.getTime() <= untilMs; next = cron.nextRun(latest)) {
    if (passedOver === maxCounted) {
      const [last] = cron.previousRuns(1, new Date(untilMs + 1));
      return { plannedAtMs: (last ?? latest).getTime(), passedOver };
    }
    latest = next;
    passedOver++;
  }
  return { plannedAtMs: latest.getTime(), passedOver };
}
