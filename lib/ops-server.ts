// What operators and orchestrators ask a service, on a port of its own: /healthz, /readyz and /metrics.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type Registry, watchReadiness } from './metrics.ts';

interface Options {
  host: string;
  /** 0 takes a free one. */
  port: number;
  metrics: Registry;
  /** What the service is waiting for, as short names; empty when it is ready. */
  waitingFor: () => readonly string[];
}

export interface OpsServer {
  port: number;
  stop(): Promise<void>;
}

export async function startOpsServer(options: Options): Promise<OpsServer> {
  watchReadiness(options.metrics, options.waitingFor);
  // Behind no proxy and without a key: whoever sends slowly is let go.
  const limits = { headersTimeout: 10_000, requestTimeout: 10_000, connectionsCheckingInterval: 1_000 };
  const server = createServer(limits, (request, response) => {
    answerRequest(request, response).catch(() => response.writeHead(500).end());
  });
  async function answerRequest(request: IncomingMessage, response: ServerResponse): Promise<unknown> {
    const answer = (status: number, type: string, body: string) =>
      response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) }).end(body);
    const path = request.url?.split('?')[0];
    if (request.method !== 'GET' && request.method !== 'HEAD') return answer(405, 'text/plain', 'GET only\n');
    if (path === '/healthz') return answer(200, 'application/json', '{"status":"ok"}\n');
    if (path === '/readyz') {
      const waitingFor = options.waitingFor();
      const ready = waitingFor.length === 0;
      return answer(ready ? 200 : 503, 'application/json', `${JSON.stringify({ ready, waiting_for: waitingFor })}\n`);
    }
    if (path === '/metrics') return answer(200, options.metrics.contentType, await options.metrics.metrics());
    return answer(404, 'text/plain', 'here are /healthz, /readyz and /metrics\n');
  }
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  const address = server.address();
  return {
    port: typeof address === 'object' && address ? address.port : options.port,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
