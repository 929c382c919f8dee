import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DependencyError } from '../../lib/errors.ts';
import { type HoldableEvent, HoldWatch } from './hold-watch.ts';
import type { Hold, HoldState, SharedHold } from './ledger/types.ts';

const logger = pino({ level: 'silent' });

function createWatch() {
  const ledger = {
    holds: new Map<string, HoldState>(),
    shared: [] as SharedHold[],
    isDown: false,
    asked: [] as string[][],
    /** Resolves when the answers of a query may arrive; what they say is read when it is asked. */
    answered: Promise.resolve(),
    async readHolds(requestIds: readonly string[]) {
      ledger.asked.push([...requestIds]);
      if (ledger.isDown) throw new DependencyError('postgres', 'gone');
      const found = new Map([...ledger.holds].filter(([id]) => requestIds.includes(id)));
      await ledger.answered;
      return found;
    },
    async readSharedHolds() {
      if (ledger.isDown) throw new DependencyError('postgres', 'gone');
      const found = [...ledger.shared];
      await ledger.answered;
      return found;
    },
  };
  const watch = new HoldWatch(ledger, logger);
  return { ledger, watch, stateOf: (id: string) => watch.find(event(id))?.state };
}

const event = (id: string, changes: Partial<HoldableEvent> = {}): HoldableEvent => ({
  request_id: id,
  template_id: 'news',
  channel: 'email',
  priority: 'low',
  is_promo: true,
  is_test: false,
  ...changes,
});
const pausedBy = (holdId: number | null): Hold => ({ state: 'paused', holdId });
const cancelled: Hold = { state: 'cancelled', holdId: null };
const promotional: SharedHold = { holdId: 7, scope: 'promotional', subject: '' };

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
  const { ledger, watch, stateOf } = createWatch();
  const end = watch.begin(new Set(['a']));
  ledger.holds.set('a', 'paused');
  expect(stateOf('a')).toBeUndefined();
  await vi.advanceTimersByTimeAsync(500);
  expect(stateOf('a')).toBe('paused');
  ledger.holds.delete('a');
  await vi.advanceTimersByTimeAsync(500);
  expect(stateOf('a')).toBeUndefined();
  end();
});

it('tells a shared hold to what it covers and to nothing else; a pause of the request itself goes before it', async () => {
  const { ledger, watch } = createWatch();
  const end = watch.begin(new Set(['a', 'b']));
  ledger.shared.push(promotional);
  ledger.holds.set('b', 'paused');
  await vi.advanceTimersByTimeAsync(500);
  expect(watch.find(event('a'))).toEqual(pausedBy(7));
  expect(watch.find(event('a', { is_promo: false }))).toBeUndefined();
  expect(watch.find(event('a', { is_test: true }))).toBeUndefined();
  expect(watch.find(event('b'))).toEqual(pausedBy(null));
  ledger.shared.length = 0;
  await vi.advanceTimersByTimeAsync(500);
  expect(watch.find(event('a'))).toBeUndefined();
  end();
});

it('knows what a claim has seen, and forgets it with the slice', () => {
  const { watch, stateOf } = createWatch();
  const end = watch.begin(new Set(['a']));
  watch.learn(event('a'), cancelled);
  expect(stateOf('a')).toBe('cancelled');
  end();
  expect(stateOf('a')).toBeUndefined();
});

it('forgets shared holds when nothing is in hand, for nobody looks any more', async () => {
  const { ledger, watch, stateOf } = createWatch();
  const end = watch.begin(new Set(['a']));
  ledger.shared.push(promotional);
  await vi.advanceTimersByTimeAsync(500);
  end();
  watch.begin(new Set(['a']));
  expect(stateOf('a')).toBeUndefined();
});

it('keeps what it knows while Postgres is down, and goes on asking', async () => {
  const { ledger, watch, stateOf } = createWatch();
  const end = watch.begin(new Set(['a', 'b']));
  ledger.holds.set('a', 'cancelled');
  ledger.shared.push(promotional);
  await vi.advanceTimersByTimeAsync(500);
  ledger.isDown = true;
  await vi.advanceTimersByTimeAsync(1_000);
  expect([stateOf('a'), stateOf('b')]).toEqual(['cancelled', 'paused']);
  ledger.isDown = false;
  ledger.holds.clear();
  ledger.shared.length = 0;
  await vi.advanceTimersByTimeAsync(500);
  expect([stateOf('a'), stateOf('b')]).toEqual([undefined, undefined]);
  end();
});

describe('a look that takes long', () => {
  /** @returns what lets the answer of the look under way arrive */
  async function beginSlowLook({ ledger }: ReturnType<typeof createWatch>): Promise<() => Promise<void>> {
    const { promise, resolve } = Promise.withResolvers<void>();
    ledger.answered = promise;
    await vi.advanceTimersByTimeAsync(500);
    ledger.answered = Promise.resolve();
    return async () => {
      resolve();
      await vi.advanceTimersByTimeAsync(0);
    };
  }

  it.each<[string, Hold]>([
    ['a pause', pausedBy(null)],
    ['a cancel', cancelled],
    ['a shared hold', pausedBy(7)],
  ])('does not overwrite %s that a claim saw while it ran; the next look does', async (_what, hold) => {
    const world = createWatch();
    const { ledger, watch } = world;
    watch.begin(new Set(['a']));
    const finish = await beginSlowLook(world);
    watch.learn(event('a'), hold);
    await finish();
    expect(watch.find(event('a'))).toEqual(hold);
    await vi.advanceTimersByTimeAsync(500);
    expect(ledger.asked.length).toBe(2);
    expect(watch.find(event('a'))).toBeUndefined();
  });

  it('does not overwrite what a claim saw of a request that came into hand while it ran', async () => {
    const world = createWatch();
    const { watch, stateOf } = world;
    watch.begin(new Set(['a']));
    const finish = await beginSlowLook(world);
    watch.begin(new Set(['b']));
    watch.learn(event('b'), cancelled);
    await finish();
    expect(stateOf('b')).toBe('cancelled');
  });

  it('never makes a pause of what a claim saw cancelled, nor the other way round', async () => {
    const world = createWatch();
    const { ledger, watch, stateOf } = world;
    watch.begin(new Set(['a', 'b']));
    ledger.holds.set('a', 'paused').set('b', 'cancelled');
    const finish = await beginSlowLook(world);
    watch.learn(event('a'), cancelled);
    watch.learn(event('b'), pausedBy(null));
    await finish();
    expect([stateOf('a'), stateOf('b')]).toEqual(['cancelled', 'cancelled']);
  });

  it('does not bring back a hold on what has left the hand while it ran', async () => {
    const world = createWatch();
    const { ledger, watch, stateOf } = world;
    watch.begin(new Set(['a']));
    const end = watch.begin(new Set(['b']));
    ledger.holds.set('b', 'paused');
    const finish = await beginSlowLook(world);
    end();
    await finish();
    expect(stateOf('b')).toBeUndefined();
  });
});
