// Puts the user service, the SMS gateway, the knobs and the pages behind one port, and starts and stops them.
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { Hono, type MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { injectFaults } from './fault-injection.ts';
import { createKnobBoard, createKnobRoutes, type KnobsInput } from './knobs.ts';
import { createAssetRoutes } from './page-shell.ts';
import { refuse } from './refusal.ts';
import { createSmsRoutes } from './sms-gateway.ts';
import { createSmsStore } from './sms-store.ts';
import { renderStartPage } from './start-page.ts';
import { createUserRoutes } from './user-routes.ts';

// A thousand ids with room to spare.
const BODY_LIMIT_BYTES = 256 * 1024;
// Longer than callers keep idle connections, so that we never close one in the moment it is used again.
const KEEP_ALIVE_MS = 65_000;

export interface AppOptions {
  knobs?: KnobsInput;
  /** asked for as "Authorization: Bearer …" when given */
  userServiceToken?: string | undefined;
  smsGatewayToken?: string | undefined;
  /** 0 to below 1; decides which requests suffer */
  random?: () => number;
  now?: () => Date;
}

export interface UserMock {
  url: string;
  port: number;
  /** Cuts every connection, hanging ones too. */
  stop(): Promise<void>;
}

/**
 * @param options port 0 takes any free one
 * @throws the error of listening, with its `code` (EADDRINUSE, EACCES, …); ZodError for bad knobs
 */
export async function startUserMock(options: AppOptions & { port: number; host: string }): Promise<UserMock> {
  const stopping = new AbortController();
  const app = createApp(options, stopping.signal);
  const server = createAdaptorServer({
    fetch: app.fetch,
    serverOptions: { keepAliveTimeout: KEEP_ALIVE_MS },
  }) as Server;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  const { port, address, family } = server.address() as AddressInfo;
  // The wildcard addresses are for listening only; nobody can call them.
  const host = address === '0.0.0.0' || address === '::' ? '127.0.0.1' : family === 'IPv6' ? `[${address}]` : address;
  return {
    url: `http://${host}:${port}`,
    port,
    stop: () =>
      new Promise((resolve) => {
        stopping.abort();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** @param stopped aborts when the server stops */
export function createApp(options: AppOptions, stopped: AbortSignal): Hono {
  const { random = Math.random, now = () => new Date() } = options;
  const board = createKnobBoard(options.knobs);
  const store = createSmsStore({ now });
  const userFaults = injectFaults({ board, routes: 'users', random, stopped });
  const smsFaults = injectFaults({ board, routes: 'sms', random, stopped });
  const userGuard = requireToken(options.userServiceToken);

  const app = new Hono();
  app.use(
    bodyLimit({
      maxSize: BODY_LIMIT_BYTES,
      onError: (c) => refuse(c, 413, 'too_large', `The body is larger than ${BODY_LIMIT_BYTES} bytes.`),
    }),
  );
  app.get('/healthz', (c) => c.json({ status: 'ok' }));
  app.route('/', createAssetRoutes());
  app.get('/', (c) => {
    const { origin } = new URL(c.req.url);
    return c.html(renderStartPage({ origin, knobs: board.read(), smsTotal: store.counts().total }));
  });
  app.route('/', createKnobRoutes(board));
  app.route('/', createSmsRoutes(store, [requireToken(options.smsGatewayToken), smsFaults]));
  for (const path of ['/users', '/users/*', '/categories']) app.use(path, userGuard, userFaults);
  app.route('/', createUserRoutes());
  app.notFound((c) =>
    refuse(c, 404, 'no_such_route', `Nothing answers ${c.req.method} ${c.req.path}; see / for what does.`),
  );
  app.onError((error, c) => {
    // A caller who leaves in the middle of a body is no fault of ours, and nobody reads this answer.
    process.emitWarning(error);
    return refuse(c, 500, 'bug', error.message);
  });
  return app;
}

function requireToken(token: string | undefined): MiddlewareHandler {
  return (c, next) => {
    if (token === undefined || c.req.header('authorization') === `Bearer ${token}`) return next();
    return Promise.resolve(refuse(c, 401, 'unauthorized', 'The bearer token is missing or wrong.'));
  };
}
