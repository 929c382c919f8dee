import { pino } from 'pino';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { DependencyError } from '../../lib/errors.ts';
import { HoldWatch } from './hold-watch.ts';
import type { HoldState } from './ledger/types.ts';

const logger = pino({ level: 'silent' });

function createWatch() {
  const ledger = {
    holds: new Map<string, HoldState>(),
    isDown: false,
    asked: [] as string[][],
    async readHolds(requestIds: readonly string[]) {
      ledger.asked.push([...requestIds]);
      if (ledger.isDown) throw new DependencyError('postgres', 'gone');
      return new Map([...ledger.holds].filter(([id]) => requestIds.includes(id)));
    },
  };
  return { ledger, watch: new HoldWatch(ledger, logger) };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('asks nothing while nothing is in hand, and every half second for all that is', async () => {
  const { ledger, watch } = createWatch();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(ledger.asked).toEqual([]);
  const end = watch.begin(new Set(['a', 'b']));
  const endOther = watch.begin(new Set(['b', 'c']));
  await vi.advanceTimersByTimeAsync(1_000);
  expect(ledger.asked).toEqual([
    ['a', 'b', 'c'],
    ['a', 'b', 'c'],
  ]);
  end();
  await vi.advanceTimersByTimeAsync(500);
  expect(ledger.asked.at(-1)).toEqual(['b', 'c']);
  endOther();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(ledger.asked.length).toBe(3);
  expect(vi.getTimerCount()).toBe(0);
});

it('tells a hold within half a second, and its end', async () => {
  const { ledger, watch } = createWatch();
  const end = watch.begin(new Set(['a']));
  ledger.holds.set('a', 'paused');
  expect(watch.stateOf('a')).toBeUndefined();
  await vi.advanceTimersByTimeAsync(500);
  expect(watch.stateOf('a')).toBe('paused');
  ledger.holds.delete('a');
  await vi.advanceTimersByTimeAsync(500);
  expect(watch.stateOf('a')).toBeUndefined();
  end();
});

it('knows what a claim has seen, and forgets it with the slice', () => {
  const { watch } = createWatch();
  const end = watch.begin(new Set(['a']));
  watch.learn('a', 'cancelled');
  expect(watch.stateOf('a')).toBe('cancelled');
  end();
  expect(watch.stateOf('a')).toBeUndefined();
});

it('keeps what it knows while Postgres is down, and goes on asking', async () => {
  const { ledger, watch } = createWatch();
  const end = watch.begin(new Set(['a']));
  ledger.holds.set('a', 'cancelled');
  await vi.advanceTimersByTimeAsync(500);
  ledger.isDown = true;
  await vi.advanceTimersByTimeAsync(1_000);
  expect(watch.stateOf('a')).toBe('cancelled');
  ledger.isDown = false;
  ledger.holds.clear();
  await vi.advanceTimersByTimeAsync(500);
  expect(watch.stateOf('a')).toBeUndefined();
  end();
});
