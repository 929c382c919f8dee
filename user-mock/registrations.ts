// Plays people who register: posts one event a person to ingest, at a steady rate, and keeps count of what became of them.
import { setTimeout as wait } from 'node:timers/promises';
import { pageNumbers } from './categories.ts';
import { toUserId, USER_COUNT } from './user-ids.ts';

const REQUEST_LIMIT_MS = 15_000;
const RETRY_AFTER_LIMIT_MS = 300_000;
const ATTEMPT_LIMIT = 6;
// Beyond this many unanswered events the generator waits: it must never pile up what ingest cannot take.
const IN_FLIGHT_LIMIT = 50;

export interface RegistrationOptions {
  /** where ingest listens, without a path */
  url: string;
  key: string;
  ratePerSecond: number;
  count: number;
  /** people of the category "new" from this number on, beginning again at 0 when they run out */
  firstNumber: number;
  signal: AbortSignal;
  /** called after every change; failures carry a sentence */
  onProgress: (tally: Tally, trouble?: string) => void;
}

export interface Tally {
  accepted: number;
  failed: number;
  /** waits that 429, 503 or a lost connection made necessary */
  retries: number;
}

/** Ends when all are answered, when the signal aborts, or at the first refused key. */
export async function generateRegistrations(options: RegistrationOptions): Promise<Tally> {
  const tally: Tally = { accepted: 0, failed: 0, retries: 0 };
  const refused = new AbortController();
  const signal = AbortSignal.any([options.signal, refused.signal]);
  const inFlight = new Set<Promise<void>>();
  // When ingest asks for time, everybody waits, not only the event that was told so.
  const pace = { quietUntilMs: 0 };
  const intervalMs = 1_000 / options.ratePerSecond;
  let dueAtMs = performance.now();

  const people = newPeople(options.firstNumber);
  for (let index = 0; index < options.count && !signal.aborted; index++) {
    await pause(dueAtMs - performance.now(), signal);
    // After a quiet time the rate is as before: what was missed is not made up for in a burst.
    while (pace.quietUntilMs > performance.now() && !signal.aborted) {
      dueAtMs = pace.quietUntilMs;
      await pause(dueAtMs - performance.now(), signal);
    }
    dueAtMs += intervalMs;
    if (inFlight.size >= IN_FLIGHT_LIMIT) await Promise.race(inFlight);
    if (signal.aborted) break;
    const event = register(people.next().value, { ...options, signal }, tally, pace)
      .then((answer) => answer === 'key_refused' && refused.abort())
      .then(() => void inFlight.delete(event));
    inFlight.add(event);
  }
  await Promise.all(inFlight);
  return tally;
}

/** Posts one event until it is answered for good. The same key on every attempt: a lost answer makes no second welcome. */
async function register(
  userId: string,
  { url, key, signal, onProgress }: RegistrationOptions,
  tally: Tally,
  pace: { quietUntilMs: number },
): Promise<'done' | 'key_refused'> {
  for (let attempt = 1; ; attempt++) {
    const outcome = await post(url, key, userId, signal);
    if (signal.aborted && outcome.kind !== 'accepted') return 'done';
    if (outcome.kind === 'accepted') {
      tally.accepted++;
      onProgress(tally);
      return 'done';
    }
    if (outcome.kind === 'refused' || attempt === ATTEMPT_LIMIT) {
      tally.failed++;
      onProgress(tally, `${userId}: ${outcome.why}`);
      return outcome.kind === 'refused' && outcome.status === 401 ? 'key_refused' : 'done';
    }
    tally.retries++;
    const waitMs = outcome.retryAfterMs ?? 500 * 2 ** (attempt - 1);
    onProgress(tally, `${outcome.why}; trying again in ${(waitMs / 1_000).toFixed(1)} s`);
    pace.quietUntilMs = Math.max(pace.quietUntilMs, performance.now() + waitMs);
    await pause(waitMs, signal);
  }
}

type Outcome =
  | { kind: 'accepted' }
  | { kind: 'refused'; status: number; why: string }
  | { kind: 'later'; retryAfterMs: number | undefined; why: string };

async function post(url: string, key: string, userId: string, signal: AbortSignal): Promise<Outcome> {
  try {
    const answer = await fetch(new URL('/api/v1/user_registration', url), {
      method: 'POST',
      redirect: 'error',
      headers: {
        authorization: `Bearer ${key}`,
        'content-type': 'application/json',
        'idempotency-key': `registration-${userId}`,
      },
      body: JSON.stringify({ user_id: userId }),
      signal: AbortSignal.any([signal, AbortSignal.timeout(REQUEST_LIMIT_MS)]),
    });
    const body = (await answer.text()).slice(0, 300);
    if (answer.ok) return { kind: 'accepted' };
    const why = `${answer.status} ${answer.statusText} ${body}`.trim();
    // 409: ingest still works on an earlier attempt of the same event.
    if ([409, 429].includes(answer.status) || answer.status >= 500) {
      return { kind: 'later', retryAfterMs: readRetryAfter(answer.headers.get('retry-after')), why };
    }
    return { kind: 'refused', status: answer.status, why };
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    return { kind: 'later', retryAfterMs: undefined, why: `no answer from ${url} (${describeError(cause)})` };
  }
}

/** Seconds or a date (RFC 9110, 10.2.3); a wait of hours is cut to five minutes. */
export function readRetryAfter(header: string | null, nowMs: number = Date.now()): number | undefined {
  if (header === null) return undefined;
  const waitMs = /^\d+$/.test(header.trim()) ? Number(header) * 1_000 : Date.parse(header) - nowMs;
  return Number.isNaN(waitMs) ? undefined : Math.min(Math.max(waitMs, 0), RETRY_AFTER_LIMIT_MS);
}

function* newPeople(firstNumber: number): Generator<string, never> {
  let after = firstNumber - 1;
  while (true) {
    const { numbers, more } = pageNumbers(['new'], after, 100);
    for (const number of numbers) yield toUserId(number);
    after = more ? (numbers.at(-1) ?? USER_COUNT) : -1;
  }
}

function describeError(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : String(error);
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  // An abort ends the wait; the caller looks at the signal.
  if (ms > 0) await wait(ms, undefined, { signal }).catch(() => undefined);
}
