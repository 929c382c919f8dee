// /u/<token>, the address that promotional mail carries. GET only shows a page, for programs that look for bad links
// follow every one; POST acts: for the page's button, and for the one click of a mail program (RFC 8058).
import type { IncomingMessage } from 'node:http';
import { type Context, Hono } from 'hono';
import { readRequestOfLink, readUnsubscribeToken, type Subscription, testToken } from '../../content/unsubscribe.ts';
import { DependencyError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import { readForm } from './form-body.ts';
import type { IngestMetrics } from './metrics.ts';
import { Problem } from './problem.ts';
import { createRateLimiter } from './rate-limit.ts';
import type { Env } from './routes.ts';
import { readWithinLimit, retryAfterSeconds } from './time-limit.ts';
import { createPages, type PageName } from './unsubscribe-pages.ts';
import type { UnsubscribeStore } from './unsubscribe-store.ts';

interface Parts {
  secret: string;
  /** Its path may begin the address, where the proxy in front of ingest does not take it away. */
  publicUrl: string;
  store: UnsubscribeStore;
  metrics: IngestMetrics;
  logger: Logger;
  /** What is not there yet; empty when calls can be served. */
  waitingFor: () => readonly string[];
}

/** Calls a second with a link that is one, in this process, and for one link; what is none costs no statement. */
const perSecond = 500;
const perLinkAndSecond = 5;

interface Call {
  token: string;
  /** What the link says of the request it came with. */
  request: string;
  incoming: IncomingMessage;
}

type Answer = { page: PageName } | { oneClick: true };

export function createUnsubscribeRoutes(parts: Parts): Hono<Env> {
  const { secret, store, metrics, logger } = parts;
  const pages = createPages();
  const all = createRateLimiter(perSecond);
  const links = createRateLimiter(perLinkAndSecond, 10_000);
  const app = new Hono<Env>();

  const answer = async (method: 'GET' | 'POST', { token, request, incoming }: Call): Promise<Response> => {
    const retryAfter = { 'retry-after': String(retryAfterSeconds) };
    try {
      if (token === testToken) return toResponse(await answerTest(method, incoming));
      const subscription = readUnsubscribeToken(secret, token);
      if (!subscription) return pages.toResponse('unknown');
      if (parts.waitingFor().length > 0) return pages.toResponse('down', retryAfter);
      const waitSeconds = links.take(token, performance.now()) || all.take('', performance.now());
      if (waitSeconds > 0) return pages.toResponse('busy', { 'retry-after': String(waitSeconds) });
      return toResponse(
        method === 'GET'
          ? { page: (await readWithinLimit(store.has(subscription))) ? 'unsubscribed' : 'ask' }
          : await act(store, { subscription, requestId: readRequestOfLink(secret, token, request) }, incoming),
      );
    } catch (error) {
      if (error instanceof DependencyError) return pages.toResponse('down', retryAfter);
      if (error instanceof Problem && error.code === 'unavailable') return pages.toResponse('down', retryAfter);
      if (error instanceof Problem && error.code === 'malformed') return pages.toResponse('unclear');
      if (error instanceof Problem) return error.toResponse();
      logger.error({ err: error }, 'a page to unsubscribe failed');
      return pages.toResponse('failed');
    }
  };

  const toResponse = (result: Answer): Response =>
    'page' in result
      ? pages.toResponse(result.page)
      : new Response('unsubscribed\n', { headers: { 'content-type': 'text/plain', 'cache-control': 'no-store' } });

  const serve = (method: 'GET' | 'POST') => async (c: Context<Env>) => {
    const beganMs = performance.now();
    const call = { token: c.req.param('token') ?? '', request: c.req.query('r') ?? '', incoming: c.env.incoming };
    const response = await answer(method, call);
    metrics.answered(`${method} /u/:token`, response.status, (performance.now() - beganMs) / 1000);
    return response;
  };
  for (const prefix of new Set(['', new URL(parts.publicUrl).pathname.replace(/\/$/, '')])) {
    // Some programs write a slash behind the address.
    for (const path of [`${prefix}/u/:token`, `${prefix}/u/:token/`]) {
      app.get(path, serve('GET'));
      app.post(path, serve('POST'));
      app.all(path, () => {
        const allow = 'GET, HEAD, POST';
        return new Problem('method_not_allowed', `Use ${allow} here.`, { headers: { allow } }).toResponse();
      });
    }
  }
  return app;
}

async function act(
  store: UnsubscribeStore,
  { subscription, requestId }: { subscription: Subscription; requestId: string | undefined },
  incoming: IncomingMessage,
): Promise<Answer> {
  const wish = await readWish(incoming);
  if (wish === 'resubscribe') {
    await readWithinLimit(store.remove(subscription));
    return { page: 'resubscribed' };
  }
  if (wish === undefined) return { page: 'unclear' };
  await readWithinLimit(store.add(subscription, wish === 'one_click' ? 'one_click' : 'page', requestId));
  return wish === 'one_click' ? { oneClick: true } : { page: 'unsubscribed' };
}

async function answerTest(method: 'GET' | 'POST', incoming: IncomingMessage): Promise<Answer> {
  const wish = method === 'POST' ? await readWish(incoming) : undefined;
  return wish === 'one_click' ? { oneClick: true } : { page: 'test' };
}

/**
 * The page's buttons send a form with an action. Whatever else is posted here comes of the one click of a mail program,
 * which RFC 8058 wants as a form too, and which some send without a type, as plain text, in other letters, or empty.
 */
async function readWish(incoming: IncomingMessage): Promise<'one_click' | 'unsubscribe' | 'resubscribe' | undefined> {
  const { text, fields } = await readForm(incoming);
  const action = fields.get('action');
  if (action === 'unsubscribe' || action === 'resubscribe') return action;
  const isOneClick = text.trim() === '' || /^list-unsubscribe\s*=\s*one-click$/i.test(text.trim());
  const named = [...fields].find(([name]) => name.toLowerCase() === 'list-unsubscribe')?.[1];
  return isOneClick || named?.trim().toLowerCase() === 'one-click' ? 'one_click' : undefined;
}
