import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { afterEach, expect, it, vi } from 'vitest';
import { DependencyError } from '../../lib/errors.ts';
import type { Settlement } from './ledger/types.ts';
import { Settler } from './settler.ts';

const logger = pino({ level: 'silent' });
const settlement = (): Settlement => ({
  notificationId: randomUUID(),
  month: '2026-11-01',
  attempt: 1,
  token: randomUUID(),
  state: 'sent',
  reason: '',
  detail: '',
  endedAtMs: 0,
  requestedAtMs: 0,
  suppress: false,
});

/** A ledger that writes nothing down while it is down, and lets the test say when a statement ends. */
function createLedger() {
  const ledger = {
    isDown: false,
    written: [] as string[],
    batches: [] as number[],
    async settle(settlements: readonly Settlement[]) {
      if (ledger.isDown) throw new DependencyError('postgres', 'gone');
      ledger.batches.push(settlements.length);
      const ids = settlements.map((one) => one.notificationId);
      ledger.written.push(...ids);
      return new Set(ids);
    },
  };
  return ledger;
}

function addMany(settler: Settler, count: number): string[] {
  return Array.from({ length: count }, () => {
    const one = settlement();
    settler.add(one);
    return one.notificationId;
  });
}

afterEach(() => {
  vi.useRealTimers();
});

it('writes answers down in order, many in one statement', async () => {
  const ledger = createLedger();
  const settler = new Settler(ledger, logger, () => {});
  const ids = addMany(settler, 230);
  await settler.settled();
  expect(ledger.written).toEqual(ids);
  expect(ledger.batches.length).toBeLessThanOrEqual(5);
  expect(Math.max(...ledger.batches)).toBeLessThanOrEqual(100);
});

it('writes a single answer down after 50 ms, without being asked', async () => {
  vi.useFakeTimers();
  const ledger = createLedger();
  const settler = new Settler(ledger, logger, () => {});
  addMany(settler, 1);
  await vi.advanceTimersByTimeAsync(49);
  expect(ledger.written.length).toBe(0);
  await vi.advanceTimersByTimeAsync(2);
  expect(ledger.written.length).toBe(1);
});

it('has room for a hundred unsettled answers and no more', async () => {
  vi.useFakeTimers();
  const ledger = createLedger();
  ledger.isDown = true;
  const settler = new Settler(ledger, logger, () => {});
  addMany(settler, 99);
  await settler.room();
  addMany(settler, 1);
  let hasRoom = false;
  const waiting = settler.room().then(() => {
    hasRoom = true;
  });
  await vi.advanceTimersByTimeAsync(500);
  expect(hasRoom).toBe(false);
  ledger.isDown = false;
  await vi.advanceTimersByTimeAsync(1_000);
  await waiting;
  expect(hasRoom).toBe(true);
});

it('keeps answers while Postgres is down, tells who waits so, and writes them by itself when it is back', async () => {
  vi.useFakeTimers();
  const ledger = createLedger();
  ledger.isDown = true;
  const settler = new Settler(ledger, logger, () => {});
  const ids = addMany(settler, 70);
  const told = expect(settler.settled()).rejects.toMatchObject({ dependency: 'postgres' });
  const work = expect(settler.unlessDown(new Promise(() => {}))).rejects.toMatchObject({ dependency: 'postgres' });
  await vi.advanceTimersByTimeAsync(5_000);
  await told;
  await work;
  ids.push(...addMany(settler, 5));
  ledger.isDown = false;
  await vi.advanceTimersByTimeAsync(3_000);
  expect(ledger.written).toEqual(ids);
  await settler.settled();
  expect(settler.unsettledCount).toBe(0);
});

it('reports what was settled, with the ids of the rows that changed', async () => {
  const ledger = createLedger();
  const reports: { count: number; changed: number }[] = [];
  const settler = new Settler(ledger, logger, (settlements, changed) =>
    reports.push({ count: settlements.length, changed: changed.size }),
  );
  addMany(settler, 3);
  await settler.settled();
  expect(reports).toEqual([{ count: 3, changed: 3 }]);
});
