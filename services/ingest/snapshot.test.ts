import { expect, it } from 'vitest';
import { createSnapshot } from './snapshot.ts';

function createCounted(answer: () => Promise<number>) {
  const clock = { nowMs: 0, reads: 0 };
  const read = () => {
    clock.reads += 1;
    return answer();
  };
  return { clock, snapshot: createSnapshot({ read, keptMs: 2_000, failedForMs: 500, now: () => clock.nowMs }) };
}

it('reads once for everybody who asks at the same time, and again when it is too old', async () => {
  const { clock, snapshot } = createCounted(async () => 1);
  await Promise.all([snapshot.get(), snapshot.get(), snapshot.get()]);
  clock.nowMs = 1_999;
  await snapshot.get();
  expect(clock.reads).toBe(1);
  clock.nowMs = 2_000;
  await snapshot.get();
  expect(clock.reads).toBe(2);
});

it('reads sooner for who needs it fresher', async () => {
  const { clock, snapshot } = createCounted(async () => 1);
  await snapshot.get();
  clock.nowMs = 200;
  await snapshot.get(300);
  expect(clock.reads).toBe(1);
  await snapshot.get(200);
  expect(clock.reads).toBe(2);
});

it('does not ask again at once after a failure, and recovers', async () => {
  let fails = true;
  const { clock, snapshot } = createCounted(async () => {
    if (fails) throw new Error('down');
    return 2;
  });
  await expect(snapshot.get()).rejects.toThrow('down');
  await expect(snapshot.get()).rejects.toThrow('down');
  expect(clock.reads).toBe(1);
  fails = false;
  clock.nowMs = 500;
  expect(await snapshot.get()).toBe(2);
});
