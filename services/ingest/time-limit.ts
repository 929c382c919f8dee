// A part that hangs looks like one that is down: callers get an honest 503 within seconds, whatever is still being tried.
import { type Problem, unavailable } from './problem.ts';

export const callLimitMs = 4_000;
export const retryAfterSeconds = 2;

/** The work itself goes on; only nobody waits for it any more. @throws Problem unavailable after `limitMs` */
export async function withinLimit<T>(work: Promise<T>, detail: string, limitMs: number = callLimitMs): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(unavailable(detail, retryAfterSeconds) satisfies Problem), limitMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** For what only reads. */
export function readWithinLimit<T>(work: Promise<T>): Promise<T> {
  return withinLimit(work, 'Postgres does not answer in time. Nothing was accepted.');
}
