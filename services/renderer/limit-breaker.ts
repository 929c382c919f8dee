// Remembers what ran into its limits, so that ten thousand messages of one hostile template do not take ten thousand
// times the limit: after a few failures the rest fails at once, for a minute. Pure: time comes in.
//
// Two counts. A request whose messages failed twice is refused: its context may be the harmful part, and the template's
// other requests must not pay for it. A template that failed five times in a row, for whichever requests, is refused as
// a whole; one message that can be rendered sets that count back.

const failuresPerRequest = 2;
const failuresPerTemplate = 5;
const closedForMs = 60_000;
const maxEntries = 2_000;

interface Entry {
  failures: number;
  lastFailedAt: number;
  detail: string;
}

export interface LimitBreaker {
  /** @returns the detail of the refusal; undefined when it may be tried */
  refuse(templateKey: string, requestId: string, now: number): string | undefined;
  succeed(templateKey: string): void;
  fail(templateKey: string, requestId: string, detail: string, now: number): void;
}

export function createLimitBreaker(): LimitBreaker {
  const templates = new Map<string, Entry>();
  const requests = new Map<string, Entry>();

  return {
    refuse(templateKey, requestId, now) {
      if (requests.size === 0) return undefined;
      const template = findClosed(templates, templateKey, failuresPerTemplate, now);
      if (template) return toDetail(template, 'this template');
      const request = findClosed(requests, `${templateKey} ${requestId}`, failuresPerRequest, now);
      return request && toDetail(request, 'this request');
    },
    succeed(templateKey) {
      templates.delete(templateKey);
    },
    fail(templateKey, requestId, detail, now) {
      count(templates, templateKey, detail, now);
      count(requests, `${templateKey} ${requestId}`, detail, now);
    },
  };
}

/** Once the minute is over, one more failure closes it again: the count stays, only its time has run out. */
function findClosed(entries: Map<string, Entry>, key: string, limit: number, now: number): Entry | undefined {
  const entry = entries.get(key);
  return entry && entry.failures >= limit && now - entry.lastFailedAt < closedForMs ? entry : undefined;
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
