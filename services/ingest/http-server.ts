// The listening socket: limits on what a connection may do, and a stop that lets running calls finish.
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import type { Hono } from 'hono';
import type { Env } from './routes.ts';

export interface HttpServer {
  port: number;
  /** No new calls; those that run are answered, and idle connections are closed. */
  stop(): Promise<void>;
}

const serverOptions = {
  // Longer than load balancers keep idle connections (60 s), so that we never close one while it is being used.
  keepAliveTimeout: 65_000,
  headersTimeout: 20_000,
  requestTimeout: 60_000,
  maxHeaderSize: 16 * 1024,
};
/** Running calls are bounded by the intake's limit and a few statements. */
const stopLimitMs = 8_000;

/** @throws the error of listening, such as EADDRINUSE */
export async function startHttpServer(app: Hono<Env>, host: string, port: number): Promise<HttpServer> {
  const server = createAdaptorServer({ fetch: app.fetch, serverOptions, overrideGlobalObjects: true }) as Server;
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
    async stop() {
      stopping = true;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      const sweep = setInterval(() => server.closeIdleConnections(), 100);
      const limit = setTimeout(() => server.closeAllConnections(), stopLimitMs);
      await closed;
      clearInterval(sweep);
      clearTimeout(limit);
    },
  };
}
