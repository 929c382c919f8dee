import { expect, it } from 'vitest';
import { countSmsParts } from './sms-parts.ts';

it.each([
  ['160 plain characters are one part', 'a'.repeat(160), 'GSM-7', 1],
  ['161 plain characters are two', 'a'.repeat(161), 'GSM-7', 2],
  ['306 plain characters fill two parts of 153', 'a'.repeat(306), 'GSM-7', 2],
  ['307 plain characters need a third', 'a'.repeat(307), 'GSM-7', 3],
  ['a euro sign takes two places', `${'a'.repeat(159)}€`, 'GSM-7', 2],
  ['80 euro signs are one part', '€'.repeat(80), 'GSM-7', 1],
  ['an escaped character is not cut: 76 fit into a part of 153', '€'.repeat(153), 'GSM-7', 3],
  ['é is in the alphabet, ê is not', 'ê', 'UCS-2', 1],
  ['70 characters outside the alphabet are one part', 'я'.repeat(70), 'UCS-2', 1],
  ['71 characters outside the alphabet are two', 'я'.repeat(71), 'UCS-2', 2],
  ['135 characters outside the alphabet are three parts of 67', 'я'.repeat(135), 'UCS-2', 3],
  ['one character outside makes all the text UCS-2', `${'a'.repeat(70)}я`, 'UCS-2', 2],
  ['an emoji takes two places and is not cut: 33 fit into a part of 67', '🎬'.repeat(67), 'UCS-2', 3],
])('%s', (_, text, encoding, count) => {
  expect(countSmsParts(text)).toEqual({ encoding, count });
});
