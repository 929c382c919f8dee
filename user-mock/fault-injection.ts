// Middleware that turns the knobs into trouble: stands before the users' routes and before POST /sms, never before the pages.
import type { MiddlewareHandler } from 'hono';
import type { KnobBoard, Knobs } from './knobs.ts';
import { refuse } from './refusal.ts';

type Fault = 'error' | 'busy' | 'garbage' | 'hang' | 'none';

export interface FaultInjectionOptions {
  board: KnobBoard;
  routes: 'users' | 'sms';
  /** 0 to below 1; drawn once for the fault and once for its form */
  random: () => number;
  /** aborts when the server stops */
  stopped: AbortSignal;
}

export function injectFaults({ board, routes, random, stopped }: FaultInjectionOptions): MiddlewareHandler {
  return async (c, next) => {
    const knobs = board.read();
    if (knobs.routes !== 'all' && knobs.routes !== routes) return next();
    const fault = drawFault(knobs, routes, random());
    if (knobs.delay_ms === 0 && fault === 'none') return next();

    const left = AbortSignal.any([c.req.raw.signal, stopped]);
    if (knobs.delay_ms > 0) await waitUntil(left, knobs.delay_ms);
    switch (fault) {
      case 'none':
        return next();
      case 'error':
        return answerError(random());
      case 'busy':
        c.header('Retry-After', '1');
        return refuse(c, 429, 'busy', 'Too many messages at once; try again in a second. (A knob did this.)');
      case 'hang':
        // The request takes effect first: the caller meets the hardest case, done but never told.
        await next();
        await waitUntil(left);
        return;
      case 'garbage':
        await next();
        c.res = await garble(c.res, random());
        return;
    }
  };
}

/** The faults share one draw, each owning a stretch of 0 to 1 as long as its rate: so the rates are exact. */
function drawFault(knobs: Knobs, routes: 'users' | 'sms', draw: number): Fault {
  const stretches: [Fault, number][] = [
    ['error', knobs.error_rate],
    ['busy', routes === 'sms' ? knobs.busy_rate : 0],
    ['garbage', knobs.garbage_rate],
    ['hang', knobs.hang_rate],
  ];
  let end = 0;
  for (const [fault, rate] of stretches) {
    end += rate;
    if (draw < end) return fault;
  }
  return 'none';
}

function answerError(draw: number): Response {
  const broken = draw < 0.5;
  const body = broken
    ? { code: 'internal_error', error: 'Something broke. (A knob did this.)' }
    : { code: 'unavailable', error: 'Not available just now. (A knob did this.)' };
  return Response.json(body, broken ? { status: 500 } : { status: 503, headers: { 'retry-after': '1' } });
}

/** Not JSON, half of the JSON, or JSON of another shape; always 200. */
async function garble(answer: Response, draw: number): Promise<Response> {
  const text = await answer.text();
  const forms = [
    '<!doctype html><title>502 Bad Gateway</title><h1>502 Bad Gateway</h1>',
    text.slice(0, Math.floor(text.length / 2)),
    '',
    'null',
    '[[]]',
    '{"ok":true}',
    '{"users":[{"id":42,"email":["x"]},null],"missing":"none","next":7}',
    '{"users":null,"missing":null,"id":null,"status":{}}',
  ];
  const form = forms[Math.floor(draw * forms.length)] ?? '';
  return new Response(form, {
    headers: { 'content-type': form.startsWith('<') ? 'text/html' : 'application/json' },
  });
}

/** Ends after `ms` (never, when not given) or when the signal aborts, whichever is first. */
function waitUntil(signal: AbortSignal, ms?: number): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = ms === undefined ? undefined : setTimeout(end, ms);
    function end(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    }
    signal.addEventListener('abort', end);
  });
}
