import { expect, it } from 'vitest';
import { readIdCell } from './id-cell.ts';

it.each([
  ['u-1', 'u-1'],
  [' u-1\u00a0\u200b', 'u-1'],
  ['- u-1', 'u-1'],
  ['\u200b– u-1', 'u-1'],
  ['007', '007'],
  ['• u-1', 'u-1'],
  ['12. u-1', 'u-1'],
  ['3) u-1', 'u-1'],
  ['-u-1', '-u-1'],
  ["'1001", '1001'],
  ["'u-1'", 'u-1'],
  ['“u-1”', 'u-1'],
  ['507000000000000000e12345', '507000000000000000e12345'],
  ['1e5', '1e5'],
])('%j is the id %s', (cell, id) => expect(readIdCell(cell)).toEqual({ id }));

it.each([
  ['1.23457E+15', /format the column as text/],
  ['1,23457E+15', /shortened/],
  ['7.6e18', /shortened/],
  ['7E+18', /shortened/],
  ['1001.0', /decimal/],
  ['1001,00', /decimal/],
  ['-', /letter or digit/],
  ['', /no id/],
  ['ada@example.com', /address/],
  ['jane doe', /blanks/],
  ['u-1,u-2', /not ","/],
  ['u\u200b-1', /not U\+200B/],
  ['•u-1', /not "•"/],
  ['="0071"', /not "="/],
  ['x'.repeat(65), /65 characters/],
  [`a${' '.repeat(60_000)}b`, /60002 characters/],
])('%.20j is refused in words', (cell, words) => {
  expect(readIdCell(cell)).toEqual({ fault: expect.stringMatching(words) });
});
