// /u/<token>, the address that promotional mail carries. GET only shows a page, for programs that look for bad links
// follow every one; POST acts: for the page's button, and for the one click of a mail program (RFC 8058).
import type { IncomingMessage } from 'node:http';
import { type Context, Hono } from 'hono';
import { readUnsubscribeToken, type Subscription, testToken } from '../../content/unsubscribe.ts';
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

type Answer = { page: PageName } | { oneClick: true };

export function createUnsubscribeRoutes(parts: Parts): Hono<Env> {
  const { secret, store, metrics, logger } = parts;
  const pages = createPages();
  const all = createRateLimiter(perSecond);
  const links = createRateLimiter(perLinkAndSecond, 10_000);
  const app = new Hono<Env>();

  const answer = async (method: 'GET' | 'POST', token: string, incoming: IncomingMessage): Promise<Response> => {
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
          : await act(store, subscription, incoming),
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
    const response = await answer(method, c.req.param('token') ?? '', c.env.incoming);
    metrics.answered(`${method} /u/:token`, response.status, (performance.now() - beganMs) / 1000);
    return response;
  };
  for (const prefix of new Set(['', new URL(parts.publicUrl).pathname.replace(/\/$/, '')])) {
    app.get(`${prefix}/u/:token`, serve('GET'));
    app.post(`${prefix}/u/:token`, serve('POST'));
    app.all(`${prefix}/u/:token`, () => {
      const allow = 'GET, HEAD, POST';
      return new Problem('method_not_allowed', `Use ${allow} here.`, { headers: { allow } }).toResponse();
    });
  }
  return app;
}

async function act(store: UnsubscribeStore, subscription: Subscription, incoming: IncomingMessage): Promise<Answer> {
  const wish = await readWish(incoming);
  if (wish === 'resubscribe') {
    await readWithinLimit(store.remove(subscription));
    return { page: 'resubscribed' };
  }
  if (wish === undefined) return { page: 'unclear' };
  await readWithinLimit(store.add(subscription, wish === 'one_click' ? 'one_click' : 'page'));
  return wish === 'one_click' ? { oneClick: true } : { page: 'unsubscribed' };
}

async function answerTest(method: 'GET' | 'POST', incoming: IncomingMessage): Promise<Answer> {
  const wish = method === 'POST' ? await readWish(incoming) : undefined;
  return wish === 'one_click' ? { oneClick: true } : { page: 'test' };
}

async function readWish(incoming: IncomingMessage): Promise<'one_click' | 'unsubscribe' | 'resubscribe' | undefined> {
  const form = await readForm(incoming);
  const action = form.get('action');
  if (action === 'unsubscribe' || action === 'resubscribe') return action;
  return form.get('List-Unsubscribe')?.toLowerCase() === 'one-click' ? 'one_click' : undefined;
}
