import { expect, it } from 'vitest';
import { createApp } from './app.ts';
import type { KnobsInput } from './knobs.ts';

// Draws in order: the fault, then (for errors and garbage) its form; the last one is repeated.
function world(knobs: KnobsInput, ...draws: number[]) {
  const stopping = new AbortController();
  const app = createApp({ knobs, random: () => (draws.length > 1 ? draws.shift() : draws[0]) ?? 0 }, stopping.signal);
  const postSms = async (key = 'k', signal?: AbortSignal) =>
    app.request('/sms', {
      method: 'POST',
      body: JSON.stringify({ to: '+999550000042', text: 'Hello', idempotency_key: key }),
      ...(signal && { signal }),
    });
  const countSms = async () => ((await (await app.request('/sms/messages')).json()) as { total: number }).total;
  return { app, postSms, countSms, stop: () => stopping.abort() };
}

it('answers 500 or 503 at the error rate, without effect', async () => {
  const broken = world({ error_rate: 0.3 }, 0.29, 0.1);
  expect((await broken.postSms()).status).toBe(500);
  const unavailable = world({ error_rate: 0.3 }, 0.29, 0.9);
  const answer = await unavailable.postSms();
  expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1']);
  expect(await unavailable.countSms()).toBe(0);
  expect((await world({ error_rate: 0.3 }, 0.3).postSms()).status).toBe(202);
});

it('answers 429 with Retry-After at the busy rate, to messages only', async () => {
  const { app, postSms, countSms } = world({ busy_rate: 1 }, 0.5);
  const answer = await postSms();
  expect([answer.status, answer.headers.get('retry-after')]).toEqual([429, '1']);
  expect(await answer.json()).toMatchObject({ code: 'busy' });
  expect(await countSms()).toBe(0);
  expect((await app.request('/categories')).status).toBe(200);
});

it('answers 200 with garbage in every form, after the message was delivered', async () => {
  const texts = new Set<string>();
  for (let draw = 0.01; draw < 1; draw += 0.125) {
    const { postSms, countSms } = world({ garbage_rate: 1 }, 0.5, draw);
    const answer = await postSms();
    expect(answer.status).toBe(200);
    texts.add(await answer.text());
    expect(await countSms()).toBe(1);
  }
  expect(texts.size).toBe(8);
  expect([...texts].filter((text) => text.includes('"accepted"}'))).toEqual([]);
});

it('hangs until the caller leaves, after the message was delivered', async () => {
  const { postSms, countSms } = world({ hang_rate: 1 }, 0.5);
  const caller = new AbortController();
  let answered = false;
  const hanging = postSms('k', caller.signal).then(() => {
    answered = true;
  });
  while ((await countSms()) === 0) await new Promise(setImmediate);
  expect(answered).toBe(false);
  caller.abort();
  await hanging;
});

it('ends what hangs or waits when the server stops', async () => {
  const hangs = world({ hang_rate: 1 }, 0.5);
  const waits = world({ delay_ms: 600_000 }, 0.5);
  const all = Promise.all([hangs.postSms(), waits.postSms()]);
  hangs.stop();
  waits.stop();
  await all;
});

it('waits before good answers and bad ones', async () => {
  for (const knobs of [{ delay_ms: 40 }, { delay_ms: 40, error_rate: 1 }]) {
    const startedAtMs = performance.now();
    await world(knobs, 0.5).postSms();
    // Timers count whole milliseconds and may end a fraction early.
    expect(performance.now() - startedAtMs).toBeGreaterThanOrEqual(39);
  }
});

it('troubles only the routes it is told to, and never the pages, the health or the knobs', async () => {
  const sms = world({ error_rate: 1, routes: 'sms' }, 0.5);
  expect((await sms.app.request('/categories')).status).toBe(200);
  expect((await sms.postSms()).status).toBe(503);
  const users = world({ error_rate: 1, routes: 'users' }, 0.5);
  expect((await users.postSms()).status).toBe(202);
  for (const path of ['/categories', '/users/x', '/users?category=vip', '/users/batch']) {
    expect((await users.app.request(path)).status).toBe(503);
  }
  for (const path of ['/', '/sms', '/sms/messages', '/healthz', '/knobs', '/assets/style.css']) {
    expect((await world({ error_rate: 1 }, 0.5).app.request(path)).status).toBe(200);
  }
});

it('takes knobs at run time; what is not named goes back to harmless', async () => {
  const { app, postSms } = world({ error_rate: 1 }, 0.5);
  const put = (body: string) => app.request('/knobs', { method: 'PUT', body });
  expect((await postSms()).status).toBe(503);
  expect((await put('{"delay_ms":1}')).status).toBe(200);
  expect(await (await app.request('/knobs')).json()).toMatchObject({ delay_ms: 1, error_rate: 0, routes: 'all' });
  expect((await postSms()).status).toBe(202);
});

it.each([
  ['{"error_rate":1.1}', 422, 'error_rate'],
  ['{"error_rate":-0.1}', 422, 'error_rate'],
  ['{"delay_ms":1.5}', 422, 'delay_ms'],
  ['{"delay_ms":"10"}', 422, 'delay_ms'],
  ['{"routes":"mail"}', 422, 'routes'],
  ['{"eror_rate":0.1}', 422, 'eror_rate'],
  ['{"error_rate":0.6,"hang_rate":0.6}', 422, 'more than 1'],
  ['[]', 422, 'expected object'],
  ['error_rate=1', 400, 'not JSON'],
])('refuses the knobs %s and keeps the ones it has', async (body, status, error) => {
  const { app } = world({ delay_ms: 7 }, 0.5);
  const answer = await app.request('/knobs', { method: 'PUT', body });
  expect(answer.status).toBe(status);
  expect(((await answer.json()) as { error: string }).error).toContain(error);
  expect(await (await app.request('/knobs')).json()).toMatchObject({ delay_ms: 7 });
});
