// A thread that sends calls one after the other to a service in the main thread, and asks its /healthz all the while: what
// keeps the service's event loop busy shows in the answer of /healthz.
import { Agent, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import type { Attack, Body, FloodOrder, Seen } from './attack.ts';

const { port, opsPort, attacks } = workerData as FloodOrder;
const probeEveryMs = 10;
const probeAgent = new Agent({ keepAlive: true });

function call(attack: Attack): Promise<number | undefined> {
  return new Promise((resolve) => {
    const { body, form, method, path, headers } = attack;
    const payload = form ? Buffer.from(toForm(form)) : body && toPayload(body);
    const sent = request({ host: '127.0.0.1', port, method, path, agent: false, headers });
    // Event streams do not end: the first piece is the answer.
    sent.on('response', (response) => {
      resolve(response.statusCode);
      response.resume();
      const isStream = response.headers['content-type']?.startsWith('text/event-stream') ?? false;
      if (isStream) sent.destroy();
    });
    sent.on('error', () => resolve(undefined));
    sent.end(payload);
  });
}

function toForm({ names, value, bytes }: NonNullable<Attack['form']>): string {
  const long = value.repeat(Math.max(1, Math.floor((bytes / names.length - 20) / value.length)));
  return names.map((name) => `${name}=${long}`).join('&');
}

function toPayload({ head = '', repeat, tail = '', bytes }: Body): Buffer {
  const room = bytes - Buffer.byteLength(head) - Buffer.byteLength(tail);
  return Buffer.from(head + repeat.repeat(Math.max(0, Math.floor(room / Buffer.byteLength(repeat)))) + tail);
}

function askHealth(): Promise<number> {
  const beganMs = performance.now();
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port: opsPort, path: '/healthz', agent: probeAgent }, (response) => {
      response.resume().on('end', () => resolve(performance.now() - beganMs));
    })
      .on('error', reject)
      .end();
  });
}

async function attackOnce(attack: Attack): Promise<Seen> {
  const beganMs = performance.now();
  let isOver = false;
  const watching = (async () => {
    let slowest = 0;
    do {
      slowest = Math.max(slowest, await askHealth());
      await delay(probeEveryMs);
    } while (!isOver);
    return slowest;
  })();
  const status = await call(attack);
  isOver = true;
  const healthMs = await watching;
  return {
    title: attack.title,
    status,
    healthMs,
    atMs: performance.timeOrigin + beganMs,
    ms: performance.now() - beganMs,
  };
}

for (const attack of attacks) parentPort?.postMessage(await attackOnce(attack));
