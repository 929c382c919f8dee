// Remembers what took much work and came to nothing, so that ten thousand messages of one hostile template do not take ten
// thousand times the limit: after a few such failures in a row the rest fails at once, for a while. Pure: time comes in.
//
// Two counts, each set back by one message that can be rendered. A request whose messages failed twice in a row is
// refused: its context may be the harmful part, and the template's other requests must not pay for it. A template that
// failed five times in a row, for whichever requests, is refused as a whole, and only for seconds: the requests that come
// next may be sound. What is merely too long is not counted here: one person's long name must not end a mailing.

const failuresPerRequest = 2;
const requestClosedForMs = 60_000;
const failuresPerTemplate = 5;
const templateClosedForMs = 5_000;
const maxEntries = 2_000;

interface Entry {
  failures: number;
  lastFailedAt: number;
  detail: string;
}

export interface LimitBreaker {
  /** @returns the detail of the refusal; undefined when it may be tried */
  refuse(templateKey: string, requestId: string, now: number): string | undefined;
  succeed(templateKey: string, requestId: string): void;
  fail(templateKey: string, requestId: string, detail: string, now: number): void;
}

export function createLimitBreaker(): LimitBreaker {
  const templates = new Map<string, Entry>();
  const requests = new Map<string, Entry>();

  return {
    refuse(templateKey, requestId, now) {
      if (requests.size === 0) return undefined;
      const template = findClosed(templates.get(templateKey), failuresPerTemplate, now - templateClosedForMs);
      if (template) return toDetail(template, 'this template');
      const ofRequest = requests.get(`${templateKey} ${requestId}`);
      const request = findClosed(ofRequest, failuresPerRequest, now - requestClosedForMs);
      return request && toDetail(request, 'this request');
    },
    succeed(templateKey, requestId) {
      if (requests.size === 0) return;
      templates.delete(templateKey);
      requests.delete(`${templateKey} ${requestId}`);
    },
    fail(templateKey, requestId, detail, now) {
      count(templates, templateKey, detail, now);
      count(requests, `${templateKey} ${requestId}`, detail, now);
    },
  };
}

/** Once the time is over, one more failure closes it again: the count stays. */
function findClosed(entry: Entry | undefined, limit: number, closedSince: number): Entry | undefined {
  return entry && entry.failures >= limit && entry.lastFailedAt > closedSince ? entry : undefined;
}

function count(entries: Map<string, Entry>, key: string, detail: string, now: number): void {
  const failures = (entries.get(key)?.failures ?? 0) + 1;
  // Written anew, so that the map stays in the order of failure and the oldest leaves first.
  entries.delete(key);
  entries.set(key, { failures, lastFailedAt: now, detail });
  const [oldest] = entries.keys();
  if (entries.size > maxEntries && oldest !== undefined) entries.delete(oldest);
}

function toDetail(entry: Entry, what: string): string {
  return `not tried, for ${what} ran into its limits ${entry.failures} times: ${entry.detail}`;
}
