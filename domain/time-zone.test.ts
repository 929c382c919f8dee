import { expect, it } from 'vitest';
import { isTimeZone, readTimeZone, timeZoneNames, toTimeZone } from './time-zone.ts';

it.each([
  'UTC',
  'GMT',
  'Europe/Berlin',
  'America/Argentina/Buenos_Aires',
  'America/Port-au-Prince',
  'Asia/Kolkata',
  'Asia/Calcutta',
  'Europe/Kyiv',
  'US/Eastern',
  'Antarctica/McMurdo',
  ...timeZoneNames,
])('takes %s as it is', (name) => {
  expect(toTimeZone(name)).toBe(name);
  expect(isTimeZone(name)).toBe(true);
  expect(() => new Intl.DateTimeFormat('en', { timeZone: name })).not.toThrow();
});

it.each([
  ['europe/berlin', 'Europe/Berlin'],
  ['EUROPE/BERLIN', 'Europe/Berlin'],
  [' Europe/berlin ', 'Europe/Berlin'],
  ['Europe/Berlin\u200b', 'Europe/Berlin'],
  ['\u202eEurope/Berlin\n', 'Europe/Berlin'],
  ['\u00a0America/New York', 'America/New_York'],
  ['america/port_of_spain', 'America/Port_of_Spain'],
  ['us/eastern', 'US/Eastern'],
  ['asia/rangoon', 'Asia/Rangoon'],
  ['utc', 'UTC'],
  ['Etc/UTC', 'UTC'],
  ['Zulu', 'UTC'],
  ['gmt', 'GMT'],
  ['Etc/GMT', 'GMT'],
  ['GMT+0', 'GMT'],
])('puts %j right: %s', (text, name) => {
  expect(readTimeZone(text)).toEqual({ timeZone: name });
  expect(isTimeZone(text)).toBe(false);
});

it.each([
  ['BST', 'Europe/London'],
  ['bst', 'Europe/London'],
  ['JST', 'Asia/Tokyo'],
  ['IST', 'Asia/Kolkata'],
  ['EST', 'America/New_York'],
  ['CET', 'Europe/Berlin'],
  ['CEST', 'Europe/Berlin'],
  ['MSK', 'Europe/Moscow'],
  ['EST5EDT', 'America/New_York'],
  ['Japan', 'Asia/Tokyo'],
  ['+02:00', 'Europe/Berlin'],
  ['+0530', 'Asia/Kolkata'],
  ['UTC+3', 'Europe/Moscow'],
  ['GMT-5', 'America/New_York'],
  ['Etc/GMT+5', 'America/New_York'],
  ['Etc/GMT-9', 'Asia/Tokyo'],
  ['Berlin', 'Europe/Berlin'],
  ['new york', 'America/New_York'],
  ['Europe/Belrin', 'Europe/Berlin'],
  ['Europe/Tokyo', 'Asia/Tokyo'],
])('refuses %j, and says that %s may be meant', (text, likely) => {
  const reading = readTimeZone(text);
  expect(toTimeZone(text)).toBeUndefined();
  if (!('fault' in reading)) throw new Error('it was taken');
  expect(reading.likely).toContain(likely);
  expect(reading.likely.length).toBeLessThanOrEqual(4);
  expect(reading.fault).toContain(likely);
  for (const one of reading.likely) expect(isTimeZone(one)).toBe(true);
});

it.each([
  '',
  ' ',
  'Factory',
  'SystemV/EST5',
  'Etc/Unknown',
  'posix/Europe/Berlin',
  '../Europe/Berlin',
  'Europe/',
  '/Berlin',
  'Europe/Berlin/Mitte',
  'Europe/Berlin,UTC',
  '\ud800',
  'constructor',
  '__proto__',
  'toString',
])('refuses %j', (text) => {
  expect(toTimeZone(text)).toBeUndefined();
  const reading = readTimeZone(text);
  expect('fault' in reading && reading.fault.length < 300 && reading.fault.isWellFormed()).toBe(true);
});

it('refuses a million characters in a short sentence', () => {
  const reading = readTimeZone('x'.repeat(1_000_000));
  expect('fault' in reading && reading.fault.length < 300).toBe(true);
});
