import { describe, expect, it } from 'vitest';
import { isEmailAddress, isPhoneNumber, readAddress } from './address.ts';
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

describe('readAddress', () => {
  it.each([
    ['ada@example.com', 'ada@example.com'],
    [' ada@example.com\r\n', 'ada@example.com'],
    ['\u200bada@exam\u200bple.com\ufeff', 'ada@example.com'],
    ['\u2068ada@example.com\u2069\u202e', 'ada@example.com'],
    ['\u00a0Ada@Example.com\u2003', 'Ada@example.com'],
    ['Ada Lovelace <ada@example.com>', 'ada@example.com'],
    ['"Lovelace, Ada" < ada@example.com >', 'ada@example.com'],
    ['<ada@example.com>', 'ada@example.com'],
    ['mailto:ada@example.com?subject=hello', 'ada@example.com'],
    ['<mailto:ada@example.com>', 'ada@example.com'],
    ['rfc822;ada@example.com', 'ada@example.com'],
    ['RFC822; ada@example.com', 'ada@example.com'],
    ['ada@bücher.example', 'ada@xn--bcher-kva.example'],
    ['ada@пример.example', 'ada@xn--e1afmkfd.example'],
    ['ada@example.com.', 'ada@example.com'],
  ])('reads %j as %s', (written, address) => {
    expect(readAddress('email', written)).toBe(address);
  });

  it.each([
    '',
    ' ',
    '\u200b',
    'ada',
    'a@b.de, c@d.de',
    'a b@example.com',
    'a\nb@example.com',
    '<a@b.de> <c@d.de>',
    'ä@b.de',
  ])('takes %j for no e-mail address', (written) => {
    expect(readAddress('email', written)).toBeUndefined();
  });

  it.each([
    ['+15550104477', '+15550104477'],
    [' +1 (555) 010-4477\n', '+15550104477'],
    ['0049 30 123456', '+4930123456'],
    ['+49 (0)30/12 34 56', '+4930123456'],
    ['tel:+49-30-123456', '+4930123456'],
    ['+49\u00a030\u2011123456', '+4930123456'],
  ])('reads %j as %s', (written, number) => {
    expect(readAddress('sms', written)).toBe(number);
  });

  it.each(['', '030 123456', '+49', '+49 30 12x', '+1234567890123456'])('takes %j for no phone number', (written) => {
    expect(readAddress('sms', written)).toBeUndefined();
  });
});
