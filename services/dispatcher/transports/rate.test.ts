import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { DependencyError } from '../../../lib/errors.ts';
import type { Priority } from '../../../lib/topics.ts';
import { createRateLimit } from './rate.ts';
import type { GrantSource } from './rate-grants.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const always = { isWanted: () => true, onWaiting: () => {} };

/** Gives turns one after the other, as Postgres does, and keeps what was asked. */
function createSource() {
  const asked: number[] = [];
  let nextAtMs = 0;
  const source: GrantSource = {
    async grant({ count, stepMs }) {
      asked.push(count);
      const fromMs = Math.max(nextAtMs, Date.now());
      nextAtMs = fromMs + count * stepMs;
      return { count, inMs: fromMs - Date.now() };
    },
  };
  return { asked, source };
}

function createLab(perSecond: number, source: GrantSource) {
  const limit = createRateLimit({ perSecond, source, now: () => Date.now() });
  const startedAtMs: number[] = [];
  const order: string[] = [];
  return {
    limit,
    startedAtMs,
    order,
    take(name: string, priority: Priority = 'low') {
      return limit.take(priority, always).then(() => {
        order.push(name);
        startedAtMs.push(Date.now());
      });
    },
  };
}

/** The most that started within any one second. */
function mostInASecond(times: readonly number[]): number {
  return Math.max(0, ...times.map((from) => times.filter((at) => at >= from && at < from + 1_000).length));
}

it('lets no more start in any second than the limit, and nearly as many', async () => {
  const { take, startedAtMs } = createLab(50, createSource().source);
  for (let at = 0; at < 200; at++) void take(String(at));
  await vi.advanceTimersByTimeAsync(3_000);
  expect(mostInASecond(startedAtMs)).toBeLessThanOrEqual(50);
  expect(startedAtMs.length).toBeGreaterThan(3 * 50 * 0.9);
});

it('saves nothing up while nobody sends, also not of what was granted', async () => {
  const { take, startedAtMs } = createLab(20, createSource().source);
  for (let at = 0; at < 20; at++) void take(String(at));
  await vi.advanceTimersByTimeAsync(10_000);
  expect(startedAtMs).toHaveLength(20);
  startedAtMs.length = 0;
  for (let at = 0; at < 40; at++) void take(String(at));
  await vi.advanceTimersByTimeAsync(1_000);
  expect(startedAtMs.length).toBeLessThanOrEqual(20);
});

it('asks for those who wait and those who come back, and for a tenth of a second at most', async () => {
  const { asked, source } = createSource();
  const { take } = createLab(1_000, source);
  await Promise.all([take('a'), vi.advanceTimersByTimeAsync(500)]);
  expect(asked).toEqual([1]);
  for (let at = 0; at < 500; at++) void take(String(at));
  await vi.advanceTimersByTimeAsync(2_000);
  expect(Math.max(...asked)).toBe(95);
  expect(asked.length).toBeLessThan(15);
});

it('serves medium before low, and high on its own', async () => {
  const { take, order } = createLab(10, createSource().source);
  const others = [take('low 1'), take('low 2'), take('medium 1', 'medium'), take('medium 2', 'medium')];
  const high = take('high', 'high');
  await vi.advanceTimersByTimeAsync(2_000);
  await Promise.all([...others, high]);
  expect(order.filter((name) => name !== 'high')).toEqual(['medium 1', 'medium 2', 'low 1', 'low 2']);
  expect(order.indexOf('high')).toBeLessThan(2);
});

it('takes no turn for what is no longer wanted, ends its wait soon, and says that it waits until then', async () => {
  const { asked, source } = createSource();
  const { limit, take, startedAtMs } = createLab(1, source);
  void take('first');
  await vi.advanceTimersByTimeAsync(10);
  let isWanted = true;
  const onWaiting = vi.fn();
  const ended = limit.take('low', { isWanted: () => isWanted, onWaiting }).then(() => Date.now());
  const last = take('last');
  await vi.advanceTimersByTimeAsync(500);
  expect(onWaiting.mock.calls.length).toBeGreaterThan(3);
  const cancelledAtMs = Date.now();
  isWanted = false;
  await vi.advanceTimersByTimeAsync(150);
  expect((await ended) - cancelledAtMs).toBeLessThanOrEqual(100);
  await vi.advanceTimersByTimeAsync(500);
  await last;
  expect(startedAtMs).toHaveLength(2);
  expect(asked.length).toBeLessThanOrEqual(3);
});

it('tells all who wait that Postgres is down, and asks again for who comes later', async () => {
  const { source } = createSource();
  let down = true;
  const { take, startedAtMs } = createLab(10, {
    grant: async (wanted) => {
      if (down) throw new DependencyError('postgres', 'Postgres does not answer');
      return source.grant(wanted);
    },
  });
  const waits = await Promise.allSettled([take('a'), take('b'), vi.advanceTimersByTimeAsync(10)]);
  expect(waits.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled']);
  down = false;
  await Promise.all([take('c'), vi.advanceTimersByTimeAsync(500)]);
  expect(startedAtMs).toHaveLength(1);
});

it('waits as long as it is told when there are no turns', async () => {
  const { source } = createSource();
  let refusals = 0;
  const { take, startedAtMs } = createLab(10, {
    grant: async (wanted) => (refusals++ < 3 ? { count: 0, inMs: 300 } : source.grant(wanted)),
  });
  void take('a');
  await vi.advanceTimersByTimeAsync(850);
  expect(startedAtMs).toEqual([]);
  await vi.advanceTimersByTimeAsync(200);
  expect([refusals, startedAtMs.length]).toEqual([4, 1]);
});
