// A flood that cannot find anything proves nothing.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { flood } from './support/flood/flood.ts';
import { heldUpAtMostMs, threadMs } from './support/processor-time.ts';

const longMs = 1.5 * heldUpAtMostMs;
const work = (forMs: number) => {
  for (const fromMs = threadMs(); threadMs() - fromMs < forMs; );
};
const routes: Record<string, () => unknown> = {
  '/healthz': () => {},
  '/works-long': () => work(longMs),
  '/works-in-pieces': async () => {
    for (let piece = 0; piece < 30; piece++) await delay(1).then(() => work(longMs / 30));
  },
  '/waits-long': () => delay(longMs),
  // As if another process had the processor all the while.
  '/gets-no-turn': () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, longMs),
  '/fails': () => Promise.reject(new Error('it fails')),
};
const server = createServer(async ({ url = '' }, response) => {
  const status = await Promise.resolve(routes[url]?.()).then(
    () => 200,
    () => 500,
  );
  response.writeHead(status).end();
});
beforeAll(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)));
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

it.each([
  ['/works-long', 1],
  ['/fails', 1],
  ['/works-in-pieces', 0],
  ['/waits-long', 0],
  ['/gets-no-turn', 0],
])('a flood of %s finds %s faults', async (path, count) => {
  const { port } = server.address() as AddressInfo;
  const calm = { title: 'calm', method: 'GET', path: '/healthz', headers: {} };
  const found = await flood({ port, opsPort: port }, [calm, { ...calm, title: path, path }, calm]);
  expect(found.map((line) => line.split(':')[0])).toEqual(Array(count).fill(path));
});
