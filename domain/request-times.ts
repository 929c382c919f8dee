// Which times a request may name. One rule for every door: HTTP, topics and pages. Times are compared with the moment at
// which the request was made, never with the clock of whoever reads it, so that a record means the same whenever it is read.

/** What a request says of time, in milliseconds since 1970 UTC. */
export interface RequestTimes {
  requestedAt: number;
  scheduledAt: number | null;
  expiresAt: number | null;
}

export interface TimeFault {
  field: 'scheduled_at' | 'expires_at';
  /** For people, to be put behind the name of the field. */
  detail: string;
  /** A request made at another moment might not have this fault. */
  dependsOnNow: boolean;
}

const dayMs = 24 * 60 * 60 * 1000;
const daysBack = 7;
export const yearsAhead = 5;

/** Times given in seconds, in the wrong century or with a slip of the keyboard fall outside of these bounds. */
export function findTimeFaults({ requestedAt, scheduledAt, expiresAt }: RequestTimes): TimeFault[] {
  const faults: TimeFault[] = [];
  const judge = (field: TimeFault['field'], time: number | null) => {
    if (time === null) return;
    const detail = isTooFarAhead(time, requestedAt)
      ? `is more than ${yearsAhead} years after the request was made`
      : time < requestedAt - daysBack * dayMs || !Number.isFinite(time)
        ? `is more than ${daysBack} days before the request was made`
        : undefined;
    if (detail !== undefined) faults.push({ field, detail, dependsOnNow: true });
  };
  judge('scheduled_at', scheduledAt);
  judge('expires_at', expiresAt);
  if (scheduledAt !== null && expiresAt !== null && expiresAt <= scheduledAt) {
    faults.push({ field: 'expires_at', detail: 'must be later than scheduled_at', dependsOnNow: false });
  }
  return faults;
}

/** By the calendar (UTC): the same day five years on is still taken. */
export function isTooFarAhead(timeMs: number, fromMs: number): boolean {
  const latest = new Date(fromMs);
  latest.setUTCFullYear(latest.getUTCFullYear() + yearsAhead);
  return !(timeMs <= latest.getTime());
}
