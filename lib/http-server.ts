// The listening socket of ingest and of the admin pages: limits on what a connection may do, and a stop that lets running calls finish.
import type { Server } from 'node:http';
import { type AddressInfo, Server as NetServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { createAdaptorServer } from '@hono/node-server';
import type { Env, Hono } from 'hono';

export interface HttpServer {
  port: number;
  /** What it answers, as `GET /path/:name`. */
  routes: readonly string[];
  /** No new calls; those that run are answered, and idle connections are closed. */
  stop(): Promise<void>;
}

const serverOptions = {
  // Longer than load balancers keep idle connections (60 s), so that we never close one while it is being used.
  keepAliveTimeout: 65_000,
  headersTimeout: 10_000,
  maxHeaderSize: 16 * 1024,
  // Node looks for calls that are late every 30 s: a call would have twice its time.
  connectionsCheckingInterval: 1_000,
};
/** For a call to have arrived whole: somebody who sends a byte a second holds a connection no longer. */
const defaultRequestTimeoutMs = 30_000;
/** Running calls are bounded by the intake's limit and a few statements. */
const stopLimitMs = 8_000;
/** Kept connections stay for so long, so that a call which is on its way is still answered. */
const lastCallsMs = 300;

/**
 * @param requestTimeoutMs for a call to have arrived whole; longer for a service that takes files
 * @throws the error of listening, such as EADDRINUSE
 */
export async function startHttpServer<E extends Env>(
  app: Hono<E>,
  host: string,
  port: number,
  requestTimeoutMs = defaultRequestTimeoutMs,
): Promise<HttpServer> {
  const headersTimeout = Math.min(serverOptions.headersTimeout, requestTimeoutMs);
  const options = { ...serverOptions, headersTimeout, requestTimeout: requestTimeoutMs };
  const server = createAdaptorServer({
    fetch: app.fetch,
    serverOptions: options,
    overrideGlobalObjects: true,
  }) as Server;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  // A kept connection must not bring new calls to a process that is leaving.
  let stopping = false;
  server.prependListener('request', (_request, response) => {
    if (stopping) response.setHeader('connection', 'close');
  });
  return {
    port: (server.address() as AddressInfo).port,
    routes: [...new Set(app.routes.map(({ method, path }) => `${method} ${path}`))],
    async stop() {
      stopping = true;
      // server.close() would cut connections whose call has arrived but is not read yet. First only the door is closed.
      const closed = new Promise<void>((resolve) => NetServer.prototype.close.call(server, () => resolve()));
      await Promise.race([closed, delay(lastCallsMs)]);
      server.close(() => {});
      const sweep = setInterval(() => server.closeIdleConnections(), 100);
      const limit = setTimeout(() => server.closeAllConnections(), stopLimitMs);
      await closed;
      clearInterval(sweep);
      clearTimeout(limit);
    },
  };
}
