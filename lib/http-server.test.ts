import { connect } from 'node:net';
import { Hono } from 'hono';
import { afterEach, expect, it } from 'vitest';
import { type HttpServer, startHttpServer } from './http-server.ts';

let server: HttpServer | undefined;
afterEach(() => server?.stop());

/** Sends a text byte by byte. @returns what was answered until the server closed the connection, and after how long */
function sendSlowly(port: number, text: string, everyMs: number): Promise<{ answer: string; ms: number }> {
  const beganMs = performance.now();
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    let answer = '';
    let at = 0;
    const timer = setInterval(() => at < text.length && socket.write(text.charAt(at++)), everyMs);
    socket
      .on('data', (piece) => (answer += String(piece)))
      .on('error', () => {})
      .on('close', () => {
        clearInterval(timer);
        resolve({ answer, ms: performance.now() - beganMs });
      });
  });
}

const head = 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100000\r\n\r\n';

async function start(requestTimeoutMs: number): Promise<number> {
  const app = new Hono().post('/', async (c) => c.text(await c.req.text().catch(() => '')));
  app.post('/unread', (c) => c.text('no', 401));
  server = await startHttpServer(app, '127.0.0.1', 0, requestTimeoutMs);
  return server.port;
}

it('lets go of a caller whose body comes too slowly, with 408', async () => {
  const port = await start(2_000);
  const { answer, ms } = await sendSlowly(port, `${head}${'a'.repeat(100_000)}`, 5);
  expect(answer).toMatch(/^HTTP\/1.1 408 /);
  expect(ms).toBeLessThan(10_000);
});

it('lets go of a caller whose headers come too slowly, with 408', async () => {
  const port = await start(2_000);
  const { answer, ms } = await sendSlowly(port, `POST / HTTP/1.1\r\nhost: a\r\nx: ${'a'.repeat(10_000)}`, 5);
  expect(answer).toMatch(/^HTTP\/1.1 408 /);
  expect(ms).toBeLessThan(10_000);
});

it('waits for no body that nobody reads', async () => {
  const port = await start(20_000);
  const { answer, ms } = await sendSlowly(port, `${head.replace('/', '/unread')}${'a'.repeat(100_000)}`, 5);
  expect(answer).toMatch(/^HTTP\/1.1 401 /);
  expect(ms).toBeLessThan(10_000);
});
