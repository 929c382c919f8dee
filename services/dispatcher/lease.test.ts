import { expect, it } from 'vitest';
import { Lease } from './lease.ts';

it('lets a body start while 15 of its 60 seconds remain, and not after', () => {
  const lease = new Lease(1_000);
  expect(lease.lastsAt(1_000 + 44_999)).toBe(true);
  expect(lease.lastsAt(1_000 + 45_000)).toBe(false);
  expect(lease.lastsAt(1_000 + 3_600_000)).toBe(false);
});

it('lasts a whole lease from the moment its renewal was asked for', () => {
  const lease = new Lease(0);
  lease.renewed(20_000);
  expect(lease.lastsAt(64_999)).toBe(true);
  expect(lease.lastsAt(65_000)).toBe(false);
});
