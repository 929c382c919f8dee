import { expect, it, vi } from 'vitest';
import { createGatherer } from './gather.ts';

/** Runs end when the test says so. */
function createRun() {
  const batches: { items: readonly number[]; end(answers?: (number | Error)[]): void; fail(error: Error): void }[] = [];
  const run = (items: readonly number[]) =>
    new Promise<readonly (number | Error)[]>((resolve, reject) => {
      batches.push({ items, end: (answers = items.map((item) => item * 10)) => resolve(answers), fail: reject });
    });
  return { run, batches };
}

it('puts what comes within the window into one run, and gives each its own answer', async () => {
  const { run, batches } = createRun();
  const gatherer = createGatherer({ run, windowMs: 1, maxCount: 10, maxRunning: 2 });
  const answers = Promise.all([1, 2, 3].map((item) => gatherer.add(item)));
  await vi.waitFor(() => expect(batches.map(({ items }) => items)).toEqual([[1, 2, 3]]));
  expect(gatherer.pendingCount).toBe(3);
  batches[0]?.end();
  expect(await answers).toEqual([10, 20, 30]);
  expect(gatherer.pendingCount).toBe(0);
});

it('fails one item where its answer is an error, and all of them where the run fails', async () => {
  const { run, batches } = createRun();
  const gatherer = createGatherer({ run, windowMs: 1, maxCount: 2, maxRunning: 2 });
  const settled = Promise.allSettled([1, 2, 3].map((item) => gatherer.add(item)));
  await vi.waitFor(() => expect(batches).toHaveLength(2));
  batches[0]?.end([10, new Error('only this')]);
  batches[1]?.fail(new Error('all'));
  expect((await settled).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected']);
});

it('goes on gathering while every place is taken, and starts the rest as soon as one is free', async () => {
  const { run, batches } = createRun();
  const gatherer = createGatherer({ run, windowMs: 1, maxCount: 2, maxRunning: 1 });
  const answers = Promise.all([1, 2, 3, 4, 5].map((item) => gatherer.add(item)));
  await vi.waitFor(() => expect(batches).toHaveLength(1));
  batches[0]?.end();
  await vi.waitFor(() => expect(batches).toHaveLength(2));
  batches[1]?.end();
  await vi.waitFor(() => expect(batches.map(({ items }) => items)).toEqual([[1, 2], [3, 4], [5]]));
  batches[2]?.end();
  expect(await answers).toEqual([10, 20, 30, 40, 50]);
});

it('ends a batch before it grows over its bytes, and lets a larger item go by itself', async () => {
  const { run, batches } = createRun();
  const sizes = { windowMs: 1, maxCount: 10, maxBytes: 100, sizeOf: (item: number) => item, maxRunning: 5 };
  const gatherer = createGatherer({ run, ...sizes });
  for (const item of [60, 30, 20, 500, 1]) void gatherer.add(item);
  await vi.waitFor(() => expect(batches.map(({ items }) => items)).toEqual([[60, 30], [20], [500], [1]]));
});

it('drains: ends when everything that was added has its answer', async () => {
  const { run, batches } = createRun();
  const gatherer = createGatherer({ run, windowMs: 60_000, maxCount: 10, maxRunning: 1 });
  const answer = gatherer.add(7);
  const drained = gatherer.drain();
  await vi.waitFor(() => expect(batches).toHaveLength(1));
  batches[0]?.end();
  await drained;
  expect(await answer).toBe(70);
});
