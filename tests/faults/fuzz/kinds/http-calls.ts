// Calls of every route of ingest and of the admin pages: no answer of 5xx but 503, and meanwhile every service answers at once.
import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { createApp } from '../../../../services/admin/app.ts';
import { roles } from '../../../../services/admin/roles.ts';
import { findSession, openSession } from '../../../../services/admin/sessions.ts';
import { createDocsRoutes } from '../../../../services/ingest/docs-routes.ts';
import { createRoutes } from '../../../../services/ingest/routes.ts';
import { createUnsubscribeRoutes } from '../../../../services/ingest/unsubscribe-routes.ts';
import { addAdminUser } from '../../../support/admin-lab.ts';
import { type SlowHealth, watchHealth } from '../../harness/health-watch.ts';
import { watchProcesses } from '../../harness/processes.ts';
import type { World } from '../../harness/world.ts';
import { type Call, calls, type Route, toHeader, toPath } from '../generators/http.ts';
import { type Answered, send } from '../http-client.ts';
import { type Around, type FuzzKind, type OpenKind, opened } from '../kind.ts';

const atATime = 8;
const allowedMs = 15_000;
const tries = 3;

type Authorize = (headers: Record<string, string>) => void;

export const ingestCalls: FuzzKind = {
  name: 'ingest',
  title: 'calls of every route of ingest',
  casesOfMillion: 50_000,
  needs: 'system',
  open: ({ world }) => {
    const { apiKey, ingestUrl } = needWorld(world).launched;
    return openCalls(needWorld(world), ingestUrl, listIngestRoutes(), async () => (headers) => {
      headers.authorization ??= `Bearer ${apiKey}`;
    });
  },
};

export const adminCalls: FuzzKind = {
  name: 'admin',
  title: 'calls of every admin page',
  casesOfMillion: 20_000,
  needs: 'system',
  open: ({ world }) => {
    const { launched } = needWorld(world);
    const url = `http://127.0.0.1:${launched.ports.admin}`;
    return openCalls(needWorld(world), url, listAdminRoutes(), () => beSomebodyWhoMay(needWorld(world)));
  },
};

/** A session of somebody with every role, who is not the one that the fuzz may change or lock. */
async function beSomebodyWhoMay({ db }: World): Promise<Authorize> {
  const name = `fuzz-${randomUUID()}`;
  await addAdminUser(db, name, randomUUID(), [...roles]);
  const { admin_user_id: id } = await db
    .selectFrom('admin_users')
    .select('admin_user_id')
    .where('name', '=', name)
    .executeTakeFirstOrThrow();
  const cookie = await openSession(db, id);
  const session = await findSession(db, cookie);
  return (headers) => {
    headers.cookie ??= `posthorn_session=${cookie}`;
    headers['x-csrf-token'] ??= session?.csrfToken ?? '';
  };
}

function needWorld(world: Around['world']): World {
  if (!world) throw new Error('this kind needs the system');
  return world;
}

/** @param logIn called at the beginning, and again when a call was led to the log-in */
async function openCalls(
  world: World,
  url: string,
  routes: readonly Route[],
  logIn: () => Promise<Authorize>,
): Promise<OpenKind> {
  let authorize = await logIn();
  const watch = await watchHealth(world, ['admin', 'ingest']);
  const ended = watchProcesses(world);
  return opened<Call[]>({
    inputs: fc.array(calls(routes), { minLength: 1, maxLength: atATime }),
    casesPerInput: atATime / 2,
    async tryOne(list) {
      let answers: Answered[] = [];
      let slow: SlowHealth | undefined;
      // What is slow because of these calls is so each time.
      for (let tried = 0; tried < tries && (tried === 0 || slow); tried++) {
        watch.takeSlow();
        answers = await Promise.all(list.map((call) => send(url, toSent(call, authorize))));
        [slow] = watch.takeSlow();
      }
      for (const [at, call] of list.entries()) {
        const fault = findFault(call, answers[at]);
        if (fault) return fault;
      }
      if (ended().length > 0) return `these ended: ${ended().join(', ')}`;
      if (slow) return `/healthz of ${slow.service} took ${slow.ms} ms`;
      if (answers.some(({ location }) => location?.startsWith('/login'))) authorize = await logIn();
      return undefined;
    },
    close: () => watch.stop(),
  });
}

function toSent(call: Call, authorize: Authorize) {
  const headers: Record<string, string> = {};
  for (const [name, value] of call.headers) headers[name] = toHeader(value);
  if (call.contentType !== '') headers['content-type'] = toHeader(call.contentType);
  if (call.isAuthorized) authorize(headers);
  const body = call.body === null ? undefined : Buffer.from(call.body);
  return { method: call.method, path: toPath(call), headers, body };
}

function findFault({ method, route }: Call, answer: Answered | undefined): string | undefined {
  if (!answer) return 'no answer';
  if (answer.status >= 500 && answer.status !== 503) return `${method} ${route.path} answers ${answer.status}`;
  return answer.ms > allowedMs ? `${method} ${route.path} took ${Math.round(answer.ms)} ms` : undefined;
}

/** What an application has registered, asked of the application itself: no route can be forgotten. */
function listRoutes(app: { routes: readonly Route[] }, leaveOut: RegExp): Route[] {
  const found = new Map<string, Route>();
  for (const { method, path } of app.routes) {
    if (leaveOut.test(path) || path === '/*' || path === '*') continue;
    const named = method === 'ALL' ? 'POST' : method;
    const plain = path.replaceAll(/\{[^}]*\}/g, '');
    found.set(`${named} ${plain}`, { method: named, path: plain });
  }
  return [...found.values()];
}

/** Nothing is called on it: only the routes are wanted. */
const nothing = new Proxy(() => nothing, { get: (_target, name) => (name === 'then' ? undefined : nothing) }) as never;

export function listIngestRoutes(): Route[] {
  const app = createRoutes(nothing);
  app.route('/', createDocsRoutes());
  app.route('/', createUnsubscribeRoutes({ ...(nothing as object), publicUrl: 'http://127.0.0.1:8001' } as never));
  return listRoutes(app, /^$/);
}

/** Without what would end our own session. */
export function listAdminRoutes(): Route[] {
  return listRoutes(
    createApp(nothing, () => [], nothing),
    /^\/logout$|^\/account\/password$/,
  );
}
