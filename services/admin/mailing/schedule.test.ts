import { describe, expect, it } from 'vitest';
import { toLocal, toMoment, toMomentWords, toZoneWords } from './schedule.ts';

const now = Date.UTC(2026, 0, 10, 12, 0);

describe('a planned time', () => {
  it('is one moment, by the clock of its time zone', () => {
    expect(toMoment('2026-06-01T09:00', 'Europe/Berlin', now)).toEqual({ atMs: Date.UTC(2026, 5, 1, 7) });
    expect(toMoment('2026-06-01 09:00', 'Asia/Tokyo', now)).toEqual({ atMs: Date.UTC(2026, 5, 1, 0) });
  });

  it('in the gap of daylight saving is refused, with the two times beside the gap', () => {
    const refused = toMoment('2026-03-29T02:30', 'Europe/Berlin', now);
    expect(refused).toEqual({
      fault:
        '2026-03-29 02:30 does not exist in Europe/Berlin: the clocks go forward then. Take 2026-03-29 01:59 or 2026-03-29 03:00.',
    });
    expect(toMoment('2026-03-29T01:59', 'Europe/Berlin', now)).toHaveProperty('atMs');
    expect(toMoment('2026-03-29T03:00', 'Europe/Berlin', now)).toHaveProperty('atMs');
  });

  it('names the edges of a gap that is not an hour long', () => {
    expect(toMoment('2026-10-04T02:10', 'Australia/Lord_Howe', now)).toMatchObject({
      fault: expect.stringMatching(/2026-10-04 01:59 or 2026-10-04 02:30\.$/),
    });
  });

  it('that comes twice is the first of the two, and says so', () => {
    const twice = toMoment('2026-10-25T02:30', 'Europe/Berlin', now);
    expect(twice).toMatchObject({ atMs: Date.UTC(2026, 9, 25, 0, 30), note: expect.stringContaining('comes twice') });
  });

  it('in the past is refused by the clock of that zone, and says what time it is there', () => {
    expect(toMoment('2026-01-10T12:59', 'Europe/Berlin', now)).toEqual({
      fault: 'This is in the past: it is 2026-01-10 13:00 there.',
    });
    expect(toMoment('2026-01-10T13:00', 'Europe/Berlin', now)).toEqual({ atMs: now });
  });

  it.each([
    ['2026-02-30T09:00', 'UTC'],
    ['tomorrow', 'UTC'],
    ['', 'UTC'],
    ['2026-06-01T25:00', 'UTC'],
    ['20266-06-01T09:00', 'UTC'],
    ['2096-06-01T09:00', 'UTC'],
    ['2026-06-01T09:00', 'Mars/Olympus'],
    ['2026-06-01T09:00', '+02:00'],
    ['2026-06-01T09:00', ''],
  ])('%s in %s is refused', (local, zone) => {
    expect(toMoment(local, zone, now)).toEqual({ fault: expect.any(String) });
  });
});

it('shows a moment by the clock of a zone', () => {
  const at = new Date(Date.UTC(2026, 5, 1, 7));
  expect(toLocal(at, 'Europe/Berlin')).toBe('2026-06-01T09:00');
  expect(toZoneWords(at, 'Europe/Berlin')).toBe('Mon, 1 Jun 2026, 09:00');
});

it.each([
  ['europe/berlin', 'Mon, 1 Jun 2026, 09:00 (Europe/Berlin)'],
  ['BST', 'Mon, 1 Jun 2026, 07:00 (UTC)'],
  ['JST', 'Mon, 1 Jun 2026, 07:00 (UTC)'],
])('shows a moment with the stored time zone %s as %s', (stored, words) => {
  expect(toMomentWords(new Date(Date.UTC(2026, 5, 1, 7)), stored)).toBe(words);
});
