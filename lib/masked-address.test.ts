import { expect, it } from 'vitest';
import { maskAddress } from './masked-address.ts';

it.each([
  ['jane.doe@example.com', 'j…@example.com'],
  ['j@example.com', 'j…@example.com'],
  ['"a@b"@example.com', '"…@example.com'],
  ['😀x@example.com', '😀…@example.com'],
  ['+15550104477', '+1…77'],
  ['123', '…'],
  ['@example.com', '@e…om'],
])('shows %s as %s', (address, masked) => {
  expect(maskAddress(address)).toBe(masked);
});
