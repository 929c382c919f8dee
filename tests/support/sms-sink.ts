// An SMS gateway that remembers every call: `POST {to, text, idempotency_key}`. As real ones do, it delivers a key once.
// It can be stopped and started again on the same port with what it knew.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface SmsSink {
  readonly smsGatewayUrl: string;
  /** Phone number by idempotency key. */
  readonly delivered: ReadonlyMap<string, string>;
  stop(): Promise<void>;
  start(): Promise<void>;
}

export async function startSmsSink(): Promise<SmsSink> {
  const delivered = new Map<string, string>();
  let port = 0;
  let server: Server | undefined;

  async function start(): Promise<void> {
    const started = createServer(async (request, response) => {
      let text = '';
      for await (const part of request) text += part;
      const { to, idempotency_key: key } = JSON.parse(text) as { to: string; idempotency_key: string };
      delivered.set(key, to);
      response.writeHead(202, { 'content-type': 'application/json' }).end(JSON.stringify({ id: key }));
    });
    await new Promise<void>((resolve, reject) => {
      started.once('error', reject);
      started.listen(port, '127.0.0.1', resolve);
    });
    port = (started.address() as AddressInfo).port;
    server = started;
  }

  await start();
  return {
    smsGatewayUrl: `http://127.0.0.1:${port}/sms`,
    delivered,
    async stop() {
      const stopping = server;
      server = undefined;
      await new Promise<void>((resolve) => {
        if (!stopping) return resolve();
        stopping.close(() => resolve());
        stopping.closeAllConnections();
      });
    },
    start,
  };
}
