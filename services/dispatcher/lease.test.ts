import { expect, it } from 'vitest';
import { Lease } from './lease.ts';

const wall = Date.parse('2026-11-30T12:00:00Z');
/** Both clocks, so many milliseconds later; the wall clock also when it ran or was set otherwise. */
const after = (monotonicMs: number, wallPassedMs = monotonicMs) => ({
  monotonicMs: 1_000 + monotonicMs,
  wallMs: wall + wallPassedMs,
});

it('lets a body start while 15 of its 60 seconds remain, and not after', () => {
  const lease = new Lease(after(0));
  expect(lease.lasts(after(44_999))).toBe(true);
  expect(lease.lasts(after(45_000))).toBe(false);
  expect(lease.lasts(after(3_600_000))).toBe(false);
});

it('lasts a whole lease from the moment its renewal was asked for', () => {
  const lease = new Lease(after(0));
  lease.renewed(after(20_000));
  expect(lease.lasts(after(64_999))).toBe(true);
  expect(lease.lasts(after(65_000))).toBe(false);
});

it('is over after a virtual machine was suspended, while its monotonic clock stood still', () => {
  expect(new Lease(after(0)).lasts(after(1_000, 91_000))).toBe(false);
});

it('is not made longer by a wall clock that is set back, and is claimed again when that is set forward', () => {
  const lease = new Lease(after(0));
  expect(lease.lasts(after(44_999, -3_600_000))).toBe(true);
  expect(lease.lasts(after(45_000, -3_600_000))).toBe(false);
  expect(lease.lasts(after(1_000, 3_600_000))).toBe(false);
});
