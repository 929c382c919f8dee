import { expect, it } from 'vitest';
import { findQueryFault } from './query-fault.ts';

it.each([
  '/a',
  '/a?',
  '/a?q=',
  '/a?q',
  '/a?q=a%20b+c&state=new',
  '/a?q=%F0%9F%98%80',
  '/a?q=a%09b',
  '/a?q=%2500',
  '/a?&&q=1',
  '/a?q=1#q=1&q=2',
])('takes %s', (url) => {
  expect(findQueryFault(url)).toBeUndefined();
});

it.each([
  ['/a?search=%00', 'search', 'holds a control character'],
  ['/a?search=x%1bx', 'search', 'holds a control character'],
  ['/a?search=%C2%92', 'search', 'holds a control character'],
  ['/a?search=%7f', 'search', 'holds a control character'],
  ['/a?search=%ff', 'search', 'is not percent-encoded UTF-8'],
  ['/a?search=%ED%A0%80', 'search', 'is not percent-encoded UTF-8'],
  ['/a?search=%', 'search', 'is not percent-encoded UTF-8'],
  ['/a?search=%zz', 'search', 'is not percent-encoded UTF-8'],
  ['/a?q=1&after=2&q=1', 'q', 'may stand only once'],
  ['/a?q=1&%71=1', 'q', 'may stand only once'],
  ['/a?%00=1', '', 'names a parameter that is no text'],
  ['/a?%ff=1', '', 'names a parameter that is no text'],
  [`/a?${Array.from({ length: 101 }, (_, n) => `p${n}=1`).join('&')}`, '', 'has more than 100 parameters'],
])('refuses %.40s', (url, parameter, detail) => {
  expect(findQueryFault(url)).toEqual({ parameter, detail });
});
