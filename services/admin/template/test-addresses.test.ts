import { expect, it } from 'vitest';
import { findTestAddressFault } from './test-addresses.ts';

const rule = { domains: ['here.example', 'lumen.example'], phonePrefixes: ['+4915', '+999'] };

it.each([
  ['email', 'ada@here.example', 'ada'],
  ['email', 'Ada@LUMEN.example', 'ada'],
  ['email', 'ada@elsewhere.example', 'ada@elsewhere.example'],
  ['email', 'ADA@elsewhere.example', 'ada@elsewhere.example'],
  ['sms', '+4915123456789', 'ada'],
  ['sms', '+999550000042', 'ada'],
] as const)('lets a test by %s go to %s from %s', (channel, address, name) => {
  expect(findTestAddressFault(rule, channel, address, name)).toBeUndefined();
});

it.each([
  ['email', 'ada@nothere.example', 'ada'],
  ['email', 'ada@here.example.org', 'ada'],
  ['email', 'ada@sub.here.example', 'ada'],
  ['email', 'here.example@other.example', 'ada'],
  ['email', 'bob@elsewhere.example', 'ada@elsewhere.example'],
  ['sms', '+4930123456', 'ada'],
] as const)('lets no test by %s go to %s from %s', (channel, address, name) => {
  expect(findTestAddressFault(rule, channel, address, name)).toContain('an admin may');
});

it('lets no SMS go anywhere where no prefix is set', () => {
  expect(findTestAddressFault({ ...rule, phonePrefixes: [] }, 'sms', '+4915123456789', 'ada')).toContain(
    'to no number',
  );
});
