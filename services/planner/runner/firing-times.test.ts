import { describe, expect, it } from 'vitest';
import { findLatestFiring } from './firing-times.ts';

const at = (text: string): number => Date.parse(text);
const latest = (recurrence: string, timeZone: string, after: string, until: string) => {
  const firing = findLatestFiring({ recurrence, timeZone }, at(after), at(until));
  return firing && { at: new Date(firing.plannedAtMs).toISOString(), passedOver: firing.passedOver };
};

describe('a recurring mailing', () => {
  it('fires at its time and not before, in its own time zone', () => {
    const daily = (until: string) => latest('0 9 * * *', 'Europe/Berlin', '2026-07-01T08:00:00Z', until);
    expect(daily('2026-07-02T06:59:59.999Z')).toBeUndefined();
    expect(daily('2026-07-02T07:00:00Z')).toEqual({ at: '2026-07-02T07:00:00.000Z', passedOver: 0 });
  });

  it.each(['BST', 'JST', 'EST', '+02:00', 'Etc/GMT+5', ''])(
    'does not fire by the zone %j, which is none',
    (timeZone) => {
      expect(() => latest('0 9 * * *', timeZone, '2026-07-01T00:00:00Z', '2026-07-03T00:00:00Z')).toThrow(
        expect.objectContaining({ code: 'time_zone_invalid' }),
      );
    },
  );

  it('fires by a place whose name was stored in another spelling', () => {
    expect(latest('0 9 * * *', 'europe/berlin', '2026-07-01T08:00:00Z', '2026-07-02T08:00:00Z')).toEqual({
      at: '2026-07-02T07:00:00.000Z',
      passedOver: 0,
    });
  });

  it('does not fire again at the moment it fired at', () => {
    expect(latest('0 9 * * *', 'UTC', '2026-07-01T09:00:00Z', '2026-07-02T08:59:59Z')).toBeUndefined();
  });

  it('of several missed times makes the last one', () => {
    expect(latest('0 * * * *', 'UTC', '2026-07-01T08:00:00Z', '2026-07-01T12:30:00Z')).toEqual({
      at: '2026-07-01T12:00:00.000Z',
      passedOver: 3,
    });
  });

  it('finds the last one of very many, and counts a thousand', () => {
    expect(latest('* * * * *', 'UTC', '2026-01-01T00:00:00Z', '2026-07-01T12:30:30Z')).toEqual({
      at: '2026-07-01T12:30:00.000Z',
      passedOver: 1_000,
    });
  });

  it('keeps its hour when the clocks change', () => {
    const morning = (until: string) =>
      latest('0 9 * * *', 'Europe/Berlin', `${until.slice(0, 11)}00:00:00Z`, until)?.at;
    expect(morning('2026-03-28T12:00:00Z')).toBe('2026-03-28T08:00:00.000Z');
    expect(morning('2026-03-29T12:00:00Z')).toBe('2026-03-29T07:00:00.000Z');
    expect(morning('2026-10-25T12:00:00Z')).toBe('2026-10-25T08:00:00.000Z');
  });

  it('fires right after the gap when its time falls into it, and once when its time comes twice', () => {
    const night = (after: string, until: string) => latest('30 2 * * *', 'Europe/Berlin', after, until);
    // 02:30 does not exist on 29 March: the clocks go from 02:00 to 03:00, which is 01:00 UTC.
    expect(night('2026-03-28T12:00:00Z', '2026-03-29T12:00:00Z')?.at).toBe('2026-03-29T01:00:00.000Z');
    // 02:30 comes at 00:30 and at 01:30 UTC on 25 October.
    expect(night('2026-10-24T12:00:00Z', '2026-10-25T12:00:00Z')).toEqual({
      at: '2026-10-25T00:30:00.000Z',
      passedOver: 0,
    });
  });

  it.each([
    ['six fields', '* * * * * *', 'UTC'],
    ['a time zone that is none', '0 9 * * *', 'Mars/Olympus'],
    ['an hour that is none', '0 25 * * *', 'UTC'],
  ])('cannot have %s', (_, recurrence, timeZone) => {
    expect(() => findLatestFiring({ recurrence, timeZone }, 0, 1)).toThrowError();
  });

  it('never fires at a day that does not exist', () => {
    expect(latest('0 0 30 2 *', 'UTC', '2026-01-01T00:00:00Z', '2027-01-01T00:00:00Z')).toBeUndefined();
  });
});
