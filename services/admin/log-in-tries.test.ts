import { expect, it } from 'vitest';
import { countersOf, countTry } from './log-in-tries.ts';

const limitOf = (at: number) =>
  countersOf('ada', '192.0.2.7', false)[at]?.limit ?? { free: 0, forgetSeconds: 0, grows: false };
const hour = 60 * 60;

it('makes one name from one address wait from the fifth wrong password on, longer each time, up to 15 minutes', () => {
  const waits: number[] = [];
  let row = { tries: 0, waits: 0, forgets: 0 };
  for (let at = 0; at < 12; at++) {
    row = countTry(limitOf(2), row);
    waits.push(row.waits);
  }
  expect(waits).toEqual([0, 0, 0, 0, 30, 60, 120, 240, 480, 900, 900, 900]);
  expect(row.forgets).toBe(hour);
  expect(countTry(limitOf(2), { tries: 5_000, forgets: 1 }).waits).toBe(900);
  expect(countTry(limitOf(2), { tries: 12, forgets: 0 })).toEqual({ tries: 1, waits: 0, forgets: hour });
});

it('makes an address, and a name, wait for the end of their time', () => {
  expect(countTry(limitOf(0), { tries: 18, forgets: 41.3 })).toEqual({ tries: 19, waits: 0, forgets: 42 });
  expect(countTry(limitOf(0), { tries: 19, forgets: 41.3 })).toEqual({ tries: 20, waits: 42, forgets: 42 });
  expect(countTry(limitOf(1), { tries: 98, forgets: 1_800 }).waits).toBe(0);
  expect(countTry(limitOf(1), { tries: 99, forgets: 1_800 }).waits).toBe(1_800);
  expect(countTry(limitOf(1), { tries: 400, forgets: 0 })).toEqual({ tries: 1, waits: 0, forgets: hour });
});

it('counts a name as it is kept, and others against no address that is known for it', () => {
  const [known, ...none] = countersOf(' ADA ', '192.0.2.7', true);
  expect(none).toEqual([]);
  expect(known).toEqual(countersOf('ada', '192.0.2.7', false)[2]);
});
