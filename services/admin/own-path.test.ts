import { expect, it } from 'vitest';
import { toOwnPath } from './own-path.ts';

it.each([
  '/',
  '/mailings',
  '/mailings/6f1c2b9e-0000-4000-8000-000000000000/people',
  '/people/u%3A1',
  '/people/u:1._-',
  '/topics/notifications.requests.high/0/12',
  '/templates/',
])('leads to %s', (path) => {
  expect(toOwnPath(path)).toBe(path);
});

it.each([
  undefined,
  '',
  'mailings',
  '/\t/evil.example',
  '/\n/evil.example',
  '/\u0000/evil.example',
  '\t//evil.example',
  '//evil.example',
  '///evil.example',
  '/\\evil.example',
  '\\\\evil.example',
  '/%09/evil.example',
  '/%5Cevil.example',
  '/%5cevil.example',
  '/%255Cevil.example',
  '/%2Fevil.example',
  '/%2F%2Fevil.example',
  '/%252F%252Fevil.example',
  '/a//evil.example',
  '/.//evil.example',
  '/..//evil.example',
  '/../evil.example',
  '/%2e%2e/evil.example',
  '/@evil.example',
  '/%40evil.example',
  'https://evil.example',
  'https:evil.example',
  'javascript:alert(1)',
  '/?to=https://evil.example',
  '/#//evil.example',
  '/\u2028/evil.example',
  '/\u200b/evil.example',
  '/%C2%85/evil.example',
  '/%E2%80%AE/evil.example',
  '/%ff',
  '/%zz',
  '/\ud800',
  ' /evil.example',
  `/${'a'.repeat(1_000)}`,
])('does not lead to %j', (path) => {
  expect(toOwnPath(path)).toBe('/');
  expect(toOwnPath(path, '/holds')).toBe('/holds');
});
