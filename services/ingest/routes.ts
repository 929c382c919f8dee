// What ingest answers, path by path: who may call, what is decided (accept.ts, feedback.ts), what is done about it
// (intake.ts, cancel-request.ts, feedback-store.ts).
import type { HttpBindings } from '@hono/node-server';
import { type Context, Hono } from 'hono';
import { isUuid } from '../../domain/ids.ts';
import type { ApiKeyScope } from '../../domain/key-rights.ts';
import type { Db } from '../../lib/db/database.ts';
import { DependencyError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import { findQueryFault } from '../../lib/query-fault.ts';
import type { ApiKey, ApiKeys } from './api-keys.ts';
import { cancelRequest } from './cancel-request.ts';
import { acceptFeedback } from './feedback.ts';
import { storeFeedback } from './feedback-store.ts';
import { dependencyProblem } from './intake.ts';
import type { IngestMetrics } from './metrics.ts';
import { findNotification, listNotifications } from './notification-queries.ts';
import { Problem, unavailable } from './problem.ts';
import { readPageQuery } from './query-parameters.ts';
import type { RateLimiter } from './rate-limit.ts';
import type { Readers } from './readers.ts';
import { readJsonBody } from './request-body.ts';
import { findRequest } from './request-queries.ts';
import { requireRight } from './request-rights.ts';
import type { Submitter } from './submitter.ts';
import { readWithinLimit, withinLimit } from './time-limit.ts';

export type Env = { Bindings: HttpBindings };

export interface Parts {
  db: Db;
  readers: Readers;
  keys: ApiKeys;
  limiter: RateLimiter;
  submitter: Submitter;
  metrics: IngestMetrics;
  logger: Logger;
  /** What is not there yet; empty when calls can be served. */
  waitingFor: () => readonly string[];
}

const noRequest = 'There is no request with this id.';

type Handler = (c: Context<Env>, key: ApiKey) => Promise<Response>;

export function createRoutes(parts: Parts): Hono<Env> {
  const { db, readers, submitter } = parts;
  const app = new Hono<Env>();
  app.use(async (c, next) => {
    // Whatever a mail program has hung on a link, it still ends what its reader wants ended (unsubscribe-routes.ts).
    const fault = /\/u\/[^/]*\/?$/.test(c.req.path) ? undefined : findQueryFault(c.req.url);
    if (fault) throw new Problem('invalid', 'The query is not valid.', { faults: [fault] });
    await next();
  });

  const serve = (method: 'GET' | 'POST', path: string, scope: ApiKeyScope, handler: Handler): void => {
    const route = `${method} ${path}`;
    app.on(method, path, async (c) => {
      const beganMs = performance.now();
      const response = await answer(parts, c, scope, handler);
      parts.metrics.answered(route, response.status, (performance.now() - beganMs) / 1000);
      return response;
    });
    app.all(path, () => methodNotAllowed(method));
  };

  serve('POST', '/api/v1/send_notification', 'send', async (c, key) =>
    accepted(await submitter.sendNotification(c.env.incoming, key)),
  );
  serve('POST', '/api/v1/user_registration', 'send', async (c, key) =>
    accepted(await submitter.registerUser(c.env.incoming, new URL(c.req.url).searchParams, key)),
  );
  serve('POST', '/api/v1/requests/:id/cancel', 'cancel', async (c, key) => {
    const id = readId(c, noRequest);
    await readWithinLimit(cancelRequest(db, id, key));
    return accepted(id);
  });
  serve('POST', '/api/v1/feedback', 'feedback', async (c, key) => {
    const { value } = await readJsonBody(c.env.incoming);
    const decision = acceptFeedback(value, Date.now());
    if (!decision.ok) {
      throw new Problem('invalid', 'The reports are not valid; none was accepted.', { faults: decision.faults });
    }
    await withinLimit(storeFeedback(db, decision.reports, key), 'Postgres does not answer in time. Send them again.');
    parts.metrics.reported(decision.reports);
    return json({ accepted: decision.reports.length }, 202);
  });
  serve('GET', '/api/v1/requests/:id', 'read', async (c, key) => {
    const id = readId(c, noRequest);
    const status = await readers.read(async (reading) => {
      await requireRight(reading, key, id, 'read');
      return findRequest(reading, id);
    });
    if (!status) throw new Problem('not_found', noRequest);
    return json(status);
  });
  serve('GET', '/api/v1/notifications', 'read', async (c, key) => {
    const query = readPageQuery(new URL(c.req.url).searchParams);
    const { requestId } = query;
    if (requestId === undefined && !key.scopes.has('admin')) {
      throw new Problem(
        'forbidden',
        'Only a key with the scope "admin" may list what a person got. Name a request_id.',
      );
    }
    return json(
      await readers.read(async (reading) => {
        if (requestId !== undefined) await requireRight(reading, key, requestId, 'read');
        return listNotifications(reading, query);
      }),
    );
  });
  serve('GET', '/api/v1/notifications/:id', 'read', async (c, key) => {
    const missing =
      'The ledger has no notification with this id. It is written when the message reaches the dispatcher or ends ' +
      'before; what is still on its way is counted as in_flight in GET /api/v1/requests/{request_id}.';
    const id = readId(c, missing);
    const notification = await readers.read(async (reading) => {
      const found = await findNotification(reading, id);
      if (found) await requireRight(reading, key, found.request_id, 'read');
      return found;
    });
    if (!notification) throw new Problem('not_found', missing);
    return json(notification);
  });

  app.notFound(() =>
    new Problem('not_found', 'There is nothing at this path; /docs lists what there is.').toResponse(),
  );
  app.onError((error) => toResponse(error, parts.logger));
  return app;
}

async function answer(parts: Parts, c: Context<Env>, scope: ApiKeyScope, handler: Handler): Promise<Response> {
  try {
    const waitingFor = parts.waitingFor();
    if (waitingFor.length > 0) throw unavailable(`Starting: waiting for ${waitingFor.join(', ')}.`, 2);
    const key = await parts.keys.authorize(c.env.incoming.headers.authorization, scope);
    const waitSeconds = parts.limiter.take(key.apiKeyId, performance.now());
    if (waitSeconds > 0) {
      throw new Problem('too_many_requests', 'This API key calls too often.', {
        headers: { 'retry-after': String(waitSeconds) },
      });
    }
    return await handler(c, key);
  } catch (error) {
    return toResponse(error, parts.logger);
  }
}

function toResponse(error: unknown, logger: Logger): Response {
  if (error instanceof Problem) return error.toResponse();
  if (error instanceof DependencyError) return dependencyProblem(error).toResponse();
  logger.error({ err: error }, 'a request failed');
  return new Problem('internal_error', 'The request failed, and the cause is in the log of ingest.').toResponse();
}

function accepted(requestId: string): Response {
  return new Response(`{"request_id":"${requestId}"}`, {
    status: 202,
    headers: { 'content-type': 'application/json', location: `/api/v1/requests/${requestId}` },
  });
}

function json(value: unknown, status = 200): Response {
  return new Response(`${JSON.stringify(value)}\n`, {
    status,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
  });
}

function readId(c: Context<Env>, missing: string): string {
  const id = (c.req.param('id') ?? '').toLowerCase();
  if (!isUuid(id)) throw new Problem('not_found', `${missing} Ids are UUIDs.`);
  return id;
}

function methodNotAllowed(allowed: 'GET' | 'POST'): Response {
  const allow = allowed === 'GET' ? 'GET, HEAD' : allowed;
  return new Problem('method_not_allowed', `Use ${allow} here.`, { headers: { allow } }).toResponse();
}
