// What moves on a page: the server renders a part of it again and sends it when it has changed (server-sent events, WHATWG
// HTML 9.2); public/live.js puts it in place.
import { setTimeout as sleep } from 'node:timers/promises';
import { streamSSE } from 'hono/streaming';
import { describeError } from '../../lib/errors.ts';
import type { AdminContext, Parts } from './parts.ts';
import { readSessionToken } from './security.ts';
import { isStillOpen } from './sessions.ts';

/** The browser comes again by itself. */
const endsAfterMs = 5 * 60_000;
/** Whether its session is still open. */
const lookEveryMs = 1_000;

/**
 * Ends with its session: after a log-out, a new password, a change of rights, or when its time is over.
 * @param make the part of the page, as HTML; what it throws is told to the page, and tried again
 * @param left called when the reader has gone
 */
export function streamPart(
  c: AdminContext,
  parts: Pick<Parts, 'db' | 'stopping'>,
  everyMs: number,
  make: () => Promise<string>,
  left: () => void = () => {},
): Response {
  const { session } = c.var;
  const token = readSessionToken(c) ?? '';
  return streamSSE(c, async (stream) => {
    const gone = new AbortController();
    stream.onAbort(() => gone.abort());
    const signal = AbortSignal.any([gone.signal, parts.stopping, AbortSignal.timeout(endsAfterMs)]);
    let shown: string | undefined;
    let dueAtMs = 0;

    /** @returns undefined while there is nothing to send */
    async function look(): Promise<{ event: 'message' | 'ended'; data: string } | undefined> {
      if (!(await isStillOpen(parts.db, token, session))) return { event: 'ended', data: '' };
      if (performance.now() < dueAtMs) return undefined;
      dueAtMs = performance.now() + everyMs;
      return { event: 'message', data: await make() };
    }

    try {
      while (!signal.aborted) {
        const event = await look().catch((error: unknown) => ({ event: 'fault', data: describeError(error) }));
        // An unchanged part is a comment line, which tells both ends that the other is there.
        if (event && event.event !== 'ended' && event.data === shown) await stream.write(':\n\n');
        else if (event) await stream.writeSSE(event);
        if (event?.event === 'ended') break;
        shown = event?.data ?? shown;
        await sleep(Math.min(everyMs, lookEveryMs), undefined, { signal }).catch(() => undefined);
      }
    } finally {
      left();
    }
  });
}
