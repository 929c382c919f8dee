import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, expect, it } from 'vitest';
import { generateRegistrations, type RegistrationOptions, readRetryAfter } from './registrations.ts';
import { findUser, toUser } from './users.ts';

interface Event {
  userId: string;
  key: string | undefined;
  authorization: string | undefined;
  atMs: number;
}

const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

/** An ingest that answers by `answer`, which sees the how-manieth request it is. */
async function startIngest(answer: (index: number, response: ServerResponse) => void) {
  const events: Event[] = [];
  const server = createServer(async (request: IncomingMessage, response) => {
    const body = JSON.parse(await text(request)) as { user_id: string };
    const { authorization, 'idempotency-key': key } = request.headers;
    if (request.method !== 'POST' || request.url !== '/api/v1/user_registration') response.statusCode = 404;
    events.push({ userId: body.user_id, key: String(key), authorization, atMs: performance.now() });
    answer(events.length - 1, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stops.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, events };
}

const accept = (response: ServerResponse) => {
  if (response.statusCode === 200) response.statusCode = 202;
  response.end('{"request_id":"r"}');
};

function generate(url: string, options: Partial<RegistrationOptions> = {}) {
  const troubles: string[] = [];
  const tally = generateRegistrations({
    url,
    key: 'secret',
    ratePerSecond: 2_000,
    count: 5,
    firstNumber: 0,
    signal: new AbortController().signal,
    onProgress: (_, trouble) => trouble !== undefined && troubles.push(trouble),
    ...options,
  });
  return { tally, troubles };
}

it('posts one event a new person, with key and Idempotency-Key, and stops at the count', async () => {
  const { url, events } = await startIngest((_, response) => accept(response));
  expect(await generate(url, { count: 120 }).tally).toEqual({ accepted: 120, failed: 0, retries: 0 });
  expect(new Set(events.map((event) => event.userId)).size).toBe(120);
  for (const { userId, key, authorization } of events) {
    expect(findUser(userId)?.category).toBe('new');
    expect([key, authorization]).toEqual([`registration-${userId}`, 'Bearer secret']);
  }
});

it('begins with the person it is told to, and again at the first after the last', async () => {
  const { url, events } = await startIngest((_, response) => accept(response));
  await generate(url, { firstNumber: 999_999, count: 2, ratePerSecond: 100 }).tally;
  const people = Array.from({ length: 100 }, (_, number) => toUser(number)).filter((user) => user.category === 'new');
  expect(events.map((event) => event.userId)).toContain(people[0]?.id);
});

it('keeps the rate', async () => {
  const { url, events } = await startIngest((_, response) => accept(response));
  const startedAtMs = performance.now();
  await generate(url, { count: 6, ratePerSecond: 50 }).tally;
  // The first at once, five more 20 ms apart; timers may end a fraction of a millisecond early.
  expect((events.at(-1)?.atMs ?? 0) - startedAtMs).toBeGreaterThan(99);
});

it.each([429, 503])('waits as long as a %i asks and repeats the event under the same key', async (status) => {
  const { url, events } = await startIngest((index, response) => {
    if (index > 0) return accept(response);
    response.writeHead(status, { 'retry-after': '1' }).end();
  });
  const { tally, troubles } = generate(url, { count: 1 });
  expect(await tally).toEqual({ accepted: 1, failed: 0, retries: 1 });
  expect(events[1]?.key).toBe(events[0]?.key);
  expect((events[1]?.atMs ?? 0) - (events[0]?.atMs ?? 0)).toBeGreaterThan(950);
  expect(troubles[0]).toMatch(/^(429|503) .*; trying again in 1.0 s$/);
});

it('counts a refused event as failed, says why, and goes on', async () => {
  const { url } = await startIngest((index, response) => {
    if (index === 0) response.writeHead(422).end('{"detail":"unknown user"}');
    else accept(response);
  });
  const { tally, troubles } = generate(url, { count: 3, ratePerSecond: 50 });
  expect(await tally).toEqual({ accepted: 2, failed: 1, retries: 0 });
  expect(troubles).toEqual([expect.stringContaining('422 Unprocessable Entity {"detail":"unknown user"}')]);
});

it('stops at once when the key is refused', async () => {
  const { url, events } = await startIngest((_, response) => void response.writeHead(401).end());
  const tally = await generate(url, { count: 1_000, ratePerSecond: 20 }).tally;
  expect(tally).toMatchObject({ accepted: 0, failed: 1 });
  expect(events.length).toBeLessThan(10);
});

it('tries again when nobody answers, and stops when told to', async () => {
  const stop = new AbortController();
  const { tally, troubles } = generate('http://127.0.0.1:1', {
    signal: stop.signal,
    onProgress: (_, trouble) => {
      troubles.push(String(trouble));
      stop.abort();
    },
  });
  expect(await tally).toMatchObject({ accepted: 0, failed: 0 });
  expect(troubles[0]).toMatch(/^no answer from http:\/\/127.0.0.1:1 \(.+\); trying again in 0.5 s$/);
});

it('reads Retry-After as seconds or as a date, and waits five minutes at most', () => {
  const now = Date.parse('2026-11-23T10:00:00Z');
  expect(readRetryAfter(null, now)).toBeUndefined();
  expect(readRetryAfter('soon', now)).toBeUndefined();
  expect(readRetryAfter('3', now)).toBe(3_000);
  expect(readRetryAfter('Mon, 23 Nov 2026 10:00:07 GMT', now)).toBe(7_000);
  expect(readRetryAfter('Mon, 23 Nov 2026 09:00:00 GMT', now)).toBe(0);
  expect(readRetryAfter('86400', now)).toBe(300_000);
});
