import { describe, expect, it } from 'vitest';
import { isEmailAddress, isPhoneNumber } from './address.ts';
import { parseMailbox } from './mailbox.ts';

describe('isEmailAddress', () => {
  it.each([
    'ada@example.com',
    "o'neil+news@mail.example.co.uk",
    'a@b.de',
    '1@2.example',
    'x_y-z@xn--bcher-kva.example',
  ])('takes %s', (address) => {
    expect(isEmailAddress(address)).toBe(true);
  });

  it.each([
    '',
    'ada',
    '@example.com',
    'ada@',
    'ada@localhost',
    'ada@example..com',
    '.ada@example.com',
    'a..b@example.com',
    'ada@-example.com',
    'ada@192.168.0.1',
    'ada@[192.168.0.1]',
    '"a b"@example.com',
    'a b@example.com',
    'ada@example.com\n',
    'ada@example.com\r\nRCPT TO:<eve@example.com>',
    'ada@example.com,eve@example.com',
    'Ada <ada@example.com>',
    'ada@exämple.com',
    'ädä@example.com',
    'a\u0000b@example.com',
    `${'a'.repeat(65)}@example.com`,
    `a@${'b'.repeat(64)}.com`,
    `a@${'b.'.repeat(130)}com`,
  ])('refuses %j', (address) => {
    expect(isEmailAddress(address)).toBe(false);
  });
});

describe('isPhoneNumber', () => {
  it.each([
    ['+15550100000', true],
    ['+999550000001', true],
    ['15550100000', false],
    ['+0155501000', false],
    ['+1 555 010 0000', false],
    ['+1234567890123456', false],
    ['+15550100000\n', false],
  ])('%j: %s', (number, expected) => {
    expect(isPhoneNumber(number)).toBe(expected);
  });
});

describe('parseMailbox', () => {
  it.each([
    ['Posthorn <no-reply@example.com>', { name: 'Posthorn', address: 'no-reply@example.com' }],
    ['"Lumen, Films" <post@example.com>', { name: 'Lumen, Films', address: 'post@example.com' }],
    ['post@example.com', { name: '', address: 'post@example.com' }],
    ['<post@example.com>', { name: '', address: 'post@example.com' }],
    ['Posthorn', undefined],
    ['A <a@example.com>, B <b@example.com>', undefined],
  ])('reads %s', (text, expected) => {
    expect(parseMailbox(text)).toEqual(expected);
  });
});
