import { describe, expect, it } from 'vitest';
import { describeCron, nextTimes, type RecurrenceFields, toFields, toRecurrence } from './recurrence.ts';

const now = Date.UTC(2026, 2, 27, 12, 0);
const form: RecurrenceFields = { preset: 'daily', time: '09:05', weekday: '1', monthDay: '1', cron: '' };
const custom = (cron: string) => toRecurrence({ ...form, preset: 'custom', cron }, now);

describe('a recurrence', () => {
  it.each([
    [{ preset: 'daily' }, '5 9 * * *'],
    [{ preset: 'weekdays', time: '00:00' }, '0 0 * * 1-5'],
    [{ preset: 'weekly', weekday: '0' }, '5 9 * * 0'],
    [{ preset: 'monthly', monthDay: '31' }, '5 9 31 * *'],
    [{ preset: 'custom', cron: ' */5  8-10 * *  MON ' }, '*/5 8-10 * * MON'],
  ] as const)('%j is stored as %s', (fields, cron) => {
    expect(toRecurrence({ ...form, ...fields }, now)).toEqual({ cron });
  });

  it.each([
    { preset: 'daily', time: '24:00' },
    { preset: 'weekly', weekday: '7' },
    { preset: 'monthly', monthDay: '32' },
    { preset: 'monthly', monthDay: '' },
  ] as const)('%j is refused', (fields) => {
    expect(toRecurrence({ ...form, ...fields }, now)).toEqual({ fault: expect.any(String) });
  });

  it.each(['5 9 * * *', '0 0 * * 1-5', '5 9 * * 0', '5 9 31 * *', '*/5 8-10 * * MON', '0 9 1 1 *'])(
    '%s is shown in the form that gives it again',
    (cron) => expect(toRecurrence(toFields(cron), now)).toEqual({ cron }),
  );

  it('may come every five minutes and no more often, wherever the short gap is', () => {
    expect(custom('*/5 * * * *')).toEqual({ cron: '*/5 * * * *' });
    for (const cron of ['* * * * *', '*/7 * * * *', '0,4 0 1 1 *', '59,0 23,0 * * *', '*/4 3 * * 2']) {
      expect(custom(cron), cron).toEqual({ fault: expect.stringContaining('5 min is as often as it may') });
    }
  });

  it.each([
    '',
    '* * * *',
    '0 9 * * * *',
    '@daily',
    '61 * * * *',
    '0 9 * * 9',
    'a b c d e',
    '0 0 30 2 *',
    '0 9 L * *; drop',
  ])("'%s' is refused in words", (cron) => expect(custom(cron)).toEqual({ fault: expect.any(String) }));

  it('is told in plain words', () => {
    expect(describeCron('0 9 * * 1-5')).toMatch(/09:00.*Monday through Friday/);
  });

  it('keeps to the clock of its time zone over a change of daylight saving', () => {
    const times = nextTimes('0 9 * * *', 'Europe/Berlin', now, 5).map((time) => new Date(time).toISOString());
    expect(times).toEqual([
      '2026-03-28T08:00:00.000Z',
      '2026-03-29T07:00:00.000Z',
      '2026-03-30T07:00:00.000Z',
      '2026-03-31T07:00:00.000Z',
      '2026-04-01T07:00:00.000Z',
    ]);
  });
});
