// Sends what no client library would: any method, path, header and body that fits through HTTP.
import { Agent, request } from 'node:http';

export interface Sent {
  method: string;
  /** With its query. */
  path: string;
  headers: Record<string, string>;
  body: Buffer | undefined;
}

export interface Answered {
  /** 0 when the connection was cut. */
  status: number;
  ms: number;
  location?: string | undefined;
}

const limitMs = 30_000;
/** Of streams that do not end by themselves the beginning is enough. */
const agent = new Agent({ keepAlive: true, maxSockets: 16 });

export function send(base: string, { method, path, headers, body }: Sent): Promise<Answered> {
  const startedAtMs = performance.now();
  return new Promise((resolve) => {
    const done = (status: number, location?: string) =>
      resolve({ status, ms: performance.now() - startedAtMs, location });
    try {
      const own = request(`${base}${path}`, { method, headers, agent, timeout: limitMs }, (response) => {
        const status = response.statusCode ?? 0;
        if (response.headers['content-type']?.startsWith('text/event-stream')) own.destroy();
        response.resume();
        const finish = () => done(status, response.headers.location);
        response.on('end', finish).on('error', finish).on('close', finish);
      });
      own.on('error', () => done(0)).on('timeout', () => own.destroy());
      own.end(body);
    } catch {
      // Node itself refuses to send it.
      done(-1);
    }
  });
}
