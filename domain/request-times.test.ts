import { expect, it } from 'vitest';
import { findTimeFaults } from './request-times.ts';

const requestedAt = Date.UTC(2026, 10, 30, 12);
const dayMs = 24 * 60 * 60 * 1000;
const faultsOf = (times: { scheduledAt?: number; expiresAt?: number }) =>
  findTimeFaults({ requestedAt, scheduledAt: null, expiresAt: null, ...times }).map(
    ({ field, detail }) => `${field} ${detail}`,
  );

it('takes what lies between 7 days before and 5 years after the request', () => {
  expect(faultsOf({})).toEqual([]);
  expect(faultsOf({ scheduledAt: requestedAt - 7 * dayMs })).toEqual([]);
  expect(faultsOf({ scheduledAt: requestedAt, expiresAt: requestedAt + 1 })).toEqual([]);
  expect(faultsOf({ scheduledAt: Date.UTC(2031, 10, 30, 12) })).toEqual([]);
});

it.each([
  [
    'seconds instead of milliseconds',
    Math.round(requestedAt / 1000),
    'is more than 7 days before the request was made',
  ],
  ['a moment more than 7 days before', requestedAt - 7 * dayMs - 1, 'is more than 7 days before the request was made'],
  ['a time before 1970', -1, 'is more than 7 days before the request was made'],
  ['no number', Number.NaN, 'is more than 5 years after the request was made'],
  ['microseconds', requestedAt * 1000, 'is more than 5 years after the request was made'],
  [
    'a moment more than 5 years after',
    Date.UTC(2031, 10, 30, 12) + 1,
    'is more than 5 years after the request was made',
  ],
  ['the year 9999', Date.UTC(9999, 0), 'is more than 5 years after the request was made'],
  ['what no date holds', Number.MAX_SAFE_INTEGER, 'is more than 5 years after the request was made'],
])('refuses %s, as schedule and as expiry', (_, time, detail) => {
  expect(faultsOf({ scheduledAt: time })).toEqual([`scheduled_at ${detail}`]);
  expect(faultsOf({ expiresAt: time })).toEqual([`expires_at ${detail}`]);
});

it('refuses an expiry that is not after the schedule', () => {
  const fault = 'expires_at must be later than scheduled_at';
  expect(faultsOf({ scheduledAt: requestedAt + 5, expiresAt: requestedAt + 5 })).toEqual([fault]);
  expect(faultsOf({ scheduledAt: requestedAt + 5, expiresAt: requestedAt + 4 })).toEqual([fault]);
});
