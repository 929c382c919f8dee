// What moves on a page: the server renders a part of it again and sends it when it has changed (server-sent events, WHATWG
// HTML 9.2); public/live.js puts it in place.
import { setTimeout as sleep } from 'node:timers/promises';
import { streamSSE } from 'hono/streaming';
import { describeError } from '../../lib/errors.ts';
import type { AdminContext, Parts } from './parts.ts';

/** The browser comes again by itself, and its session is looked at anew. */
const endsAfterMs = 5 * 60_000;

/**
 * @param make the part of the page, as HTML; what it throws is told to the page, and tried again
 * @param left called when the reader has gone
 */
export function streamPart(
  c: AdminContext,
  parts: Pick<Parts, 'stopping'>,
  everyMs: number,
  make: () => Promise<string>,
  left: () => void = () => {},
): Response {
  return streamSSE(c, async (stream) => {
    const gone = new AbortController();
    stream.onAbort(() => gone.abort());
    const signal = AbortSignal.any([gone.signal, parts.stopping, AbortSignal.timeout(endsAfterMs)]);
    let shown: string | undefined;
    try {
      while (!signal.aborted) {
        const event = await make().then(
          (html) => ({ event: 'message', data: html }),
          (error: unknown) => ({ event: 'fault', data: describeError(error) }),
        );
        // An unchanged part is a comment line, which tells both ends that the other is there.
        if (event.data === shown) await stream.write(':\n\n');
        else await stream.writeSSE(event);
        shown = event.data;
        await sleep(everyMs, undefined, { signal }).catch(() => undefined);
      }
    } finally {
      left();
    }
  });
}
