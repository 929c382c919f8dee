// All pages as one application: what stands before them, the areas, and what people see when something goes wrong.
import { Hono } from 'hono';
import { routePath } from 'hono/route';
import { DependencyError, describeError } from '../../lib/errors.ts';
import { findQueryFault } from '../../lib/query-fault.ts';
import { serveAssets } from './assets.ts';
import type { AdminMetrics } from './metrics.ts';
import { page } from './page.ts';
import { PageError } from './page-error.ts';
import type { AdminApp, AdminContext, AdminEnv, Area, Parts } from './parts.ts';
import { access } from './routes/access.ts';
import { accessKeys } from './routes/access-keys.ts';
import { accessUsers } from './routes/access-users.ts';
import { account } from './routes/account.ts';
import { auditLog } from './routes/audit-log.ts';
import { deadLetters } from './routes/dead-letters.ts';
import { follow } from './routes/follow.ts';
import { holds } from './routes/holds.ts';
import { home } from './routes/home.ts';
import { login } from './routes/login.ts';
import { mailings } from './routes/mailings.ts';
import { notifications } from './routes/notifications.ts';
import { notificationMessage } from './routes/notifications-message.ts';
import { openRequests } from './routes/open-requests.ts';
import { people } from './routes/people.ts';
import { person } from './routes/people-person.ts';
import { records } from './routes/records.ts';
import { recordsOne } from './routes/records-one.ts';
import { replays } from './routes/replays.ts';
import { replaysOne } from './routes/replays-one.ts';
import { sendAgain } from './routes/send-again.ts';
import { suppressions } from './routes/suppressions.ts';
import { suppressionsReported } from './routes/suppressions-reported.ts';
import { templates } from './routes/templates.ts';
import { topics } from './routes/topics.ts';
import { requireOwnForm, requireSession, securityHeaders } from './security.ts';

/** In the order of the menu. */
const areas: Area[] = [
  login,
  home,
  openRequests,
  mailings,
  holds,
  templates,
  topics,
  records,
  recordsOne,
  replays,
  replaysOne,
  deadLetters,
  sendAgain,
  follow,
  account,
  people,
  person,
  notifications,
  notificationMessage,
  suppressions,
  suppressionsReported,
  access,
  accessUsers,
  accessKeys,
  auditLog,
];

export function createApp(
  parts: Parts,
  waitingFor: () => readonly string[],
  metrics: Pick<AdminMetrics, 'answered'>,
): AdminApp {
  const app = new Hono<AdminEnv>();
  app.use(async (c, next) => {
    const beganMs = performance.now();
    await next();
    // After next() that is the pattern of whoever has answered.
    metrics.answered(routePath(c), c.res.status, (performance.now() - beganMs) / 1000);
  });
  app.use(securityHeaders());
  app.use(async (c, next) => {
    // No id, name or text holds one, and Postgres takes none.
    if (c.req.url.includes('%00')) throw new PageError(400, 'This address holds a NUL character.');
    const fault = findQueryFault(c.req.url);
    if (fault) throw new PageError(400, `In the address, ${fault.parameter || 'the query'} ${fault.detail}.`);
    await next();
  });
  serveAssets(app);
  app.use(async (_c, next) => {
    if (waitingFor().length > 0)
      throw new PageError(503, `Posthorn is starting: waiting for ${waitingFor().join(', ')}.`);
    await next();
  });
  app.use(requireSession(parts));
  app.use(requireOwnForm(parts));
  for (const area of areas) area(app, parts);
  app.notFound((c) => errorPage(c, parts, 404, 'There is nothing at this address.'));
  app.onError((error, c) => answerError(error, c, parts));
  return app;
}

function answerError(error: Error, c: AdminContext, parts: Parts): Response | Promise<Response> {
  if (error instanceof PageError) return errorPage(c, parts, error.status, error.message);
  if (error instanceof DependencyError) {
    parts.logger.warn({ err: error }, 'a page could not be shown');
    const sentence = `Posthorn cannot reach ${error.dependency} at the moment. Nothing was changed; try again shortly.`;
    // The cause names hosts and ports: it is for those who run this, and for nobody without a log-in.
    const mayKnow = c.get('session')?.abilities.has('operate') === true;
    return errorPage(c, parts, 503, mayKnow ? `${sentence} (${describeError(error)})` : sentence);
  }
  parts.logger.error({ err: error, path: c.req.path }, 'a page failed');
  return errorPage(c, parts, 500, 'This page failed, and the cause is in the log of the admin service.');
}

async function errorPage(
  c: AdminContext,
  parts: Parts,
  status: PageError['status'],
  message: string,
): Promise<Response> {
  if (c.req.header('accept')?.includes('application/json')) return c.json({ error: message }, status);
  const title = status === 404 ? 'Not found' : status === 403 ? 'Not allowed' : status === 503 ? 'Not now' : 'Error';
  return page(c, parts, 'error', { title, message }, status);
}
