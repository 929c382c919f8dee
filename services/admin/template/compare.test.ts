import { expect, it } from 'vitest';
import { changedParts, compareTexts } from './compare.ts';

const texts = { subject: 's', html: 'a\nb\nc\n', text: null, fromName: null, replyTo: null };

it('shows the parts that differ, with three lines around what was changed', () => {
  const html = Array.from({ length: 20 }, (_, n) => `line ${n + 1}`).join('\n');
  const [part, ...others] = compareTexts({ ...texts, html }, { ...texts, html: html.replace('line 10', 'other') });
  expect(others).toEqual([]);
  expect(part?.title).toBe('HTML');
  expect(part?.lines?.map(({ sign, text }) => `${sign}${text}`)).toEqual([
    '@line 7, now line 7',
    ' line 7',
    ' line 8',
    ' line 9',
    '-line 10',
    '+other',
    ' line 11',
    ' line 12',
    ' line 13',
  ]);
});

it('shows a part that came or went as a whole', () => {
  expect(compareTexts(texts, { ...texts, replyTo: 'a@example.com' })).toEqual([
    {
      title: 'Address for answers',
      lines: [expect.objectContaining({ sign: '@' }), { sign: '+', text: 'a@example.com' }],
    },
  ]);
});

it('finds nothing changed where only the line ends differ, or nothing stands for no text', () => {
  expect(changedParts({ ...texts, html: 'a\r\nb', text: '' }, { ...texts, html: 'a\nb' })).toEqual([]);
});

it('gives up on texts that have nothing in common, in time', () => {
  const long = (letter: string) => Array.from({ length: 20_000 }, (_, n) => `${letter}${n}`).join('\n');
  const [part] = compareTexts({ ...texts, html: long('a') }, { ...texts, html: long('b') });
  expect(part).toEqual({ title: 'HTML', lines: null });
});
