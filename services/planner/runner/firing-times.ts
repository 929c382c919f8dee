// When a recurring mailing fires. Pure. Times without a place on the clock are the rules of croner: one that falls into the
// gap of daylight saving fires at the first moment after it, one that comes twice fires once (a wildcard for the hour or
// minute: it follows the clock, so it skips the gap and fires in both).
import { Cron } from 'croner';
import { readTimeZone } from '../../../domain/time-zone.ts';
import { PermanentError } from '../../../lib/errors.ts';

export interface Recurrence {
  /** Five fields: minute, hour, day of month, month, day of week. */
  recurrence: string;
  /** As it is stored. */
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
 * @throws PermanentError('time_zone_invalid') for a time zone that the release before took and that is none (domain/time-zone.ts):
 *   ICU reads `BST` as Dhaka; Error (croner's) when the expression is wrong
 */
export function findLatestFiring(
  { recurrence, timeZone: stored }: Recurrence,
  afterMs: number,
  untilMs: number,
): Firing | undefined {
  const zone = readTimeZone(stored);
  if ('fault' in zone) throw new PermanentError('time_zone_invalid', zone.fault);
  const { timeZone } = zone;
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
