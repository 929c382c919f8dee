import { expect, it } from 'vitest';
import { type Name, replaceInJson, replaceInSubject, replaceInText } from './names.ts';

const id = (text: string): Name => ({ kind: 'id', text, replacement: 'erased:1' });
const address = (text: string): Name => ({ kind: 'address', text, replacement: '(erased)' });
const other = (text: string): Name => ({ kind: 'other', text, replacement: '(erased)' });
const anna = [id('anna-7f3c'), address('anna@people.example'), other('Anna Kuhn')];

it.each([
  ['anna-7f3c', 'erased:1'],
  ['for anna-7f3c, twice: anna-7f3c.', 'for erased:1, twice: erased:1.'],
  ['mail to ANNA@people.example; <anna@people.example>', 'mail to (erased); <(erased)>'],
  ['mailto:anna@people.example', 'mailto:(erased)'],
  ['ANNA KUHN called', '(erased) called'],
])('takes the names out of %j', (text, expected) => {
  expect(replaceInText(text, anna)).toBe(expected);
});

it.each([
  'joanna@people.example',
  'anna@people.example.org',
  'the other anna-7f3c-2 and anna-7f3c:2, Xanna-7f3c',
  'shop:anna-7f3c',
  'Anna Kuhnert and Johanna Kuhn',
  'anna-7F3C',
])('leaves what is somebody else: %j', (text) => {
  expect(replaceInText(text, anna)).toBeUndefined();
});

it('finds a long id behind what a producer has put before it', () => {
  const uuid = '39275483-0c2f-4a53-9d62-5a1b8f3f8a11';
  expect(replaceInText(`welcome-${uuid}`, [id(uuid)])).toBe('welcome-erased:1');
});

it('finds a short id where it is the whole value, and not as a number in a sentence', () => {
  expect(replaceInText('5', [id('5')])).toBe('erased:1');
  expect(replaceInText('5 people', [id('5')])).toBeUndefined();
  expect(replaceInSubject('person 5', [id('5')])).toBe('person erased:1');
  expect(replaceInSubject('mailing of 5', [id('5')])).toBeUndefined();
  expect(replaceInJson({ users: ['5', '55'], count: 5, note: '5 people' }, [id('5')])).toEqual({
    users: ['erased:1', '55'],
    count: 5,
    note: '5 people',
  });
});

it('takes the names out of every text of a JSON value, however deep, and of its names', () => {
  const value = { filter: { q: 'anna@people.example', at: [{ 'anna-7f3c': null }] }, count: 2 };
  expect(replaceInJson(value, anna)).toEqual({ filter: { q: '(erased)', at: [{ 'erased:1': null }] }, count: 2 });
  expect(replaceInJson({ other: 'bob' }, anna)).toBeUndefined();
});

it('finds a given name however short, in any script', () => {
  expect(replaceInText('Anruf von ユキ 佐藤 (heute)', [other('ユキ 佐藤')])).toBe('Anruf von (erased) (heute)');
  expect(replaceInText('佐藤さん', [other('佐藤')])).toBeUndefined();
});

it('takes a text with signs of patterns as it is', () => {
  expect(replaceInText('of a.b+c@people.example', [address('a.b+c@people.example')])).toBe('of (erased)');
  expect(replaceInText('of axb+c@people.example', [address('a.b+c@people.example')])).toBeUndefined();
});
