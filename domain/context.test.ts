import { expect, it } from 'vitest';
import { findContextFault, findContextFaults, maxContextBytes, maxContextLevels, toCanonicalJson } from './context.ts';

it.each([
  '{}',
  ' {"a": [1, "two", null, true, {"b": "ü😀"}]} ',
  '{"tab and line": "a\\tb\\nc"}',
  `${'{"a":'.repeat(maxContextLevels)}1${'}'.repeat(maxContextLevels)}`,
  `{"a":"${'x'.repeat(maxContextBytes - 8)}"}`,
])('takes %.40s', (text) => {
  expect(findContextFault(text)).toBeUndefined();
});

it.each([
  ['', 'is not JSON: at line 1, column 1 the text ends where a value is expected'],
  ['null', 'must be a JSON object'],
  ['[{}]', 'must be a JSON object'],
  ['{"a": NaN}', 'is not JSON: at line 1, column 7 a value is expected here'],
  ['{"a": {"b": 1, "b": 2}}', 'is not JSON: at line 1, column 16 this name stands twice in one object'],
  ['{"a": {"b~/": ["\\u0007"]}}', 'is wrong at /a/b~0~1/0: the text holds a control character'],
  ['{"a": {"x\\u0000": 1}}', 'is wrong at /a: a name holds a control character'],
  ['{"a": "\\udc00"}', 'is wrong at /a: the text holds half a surrogate pair'],
  ['{"\\ud800": 1}', 'a name holds half a surrogate pair'],
  ['{"a": 1e999}', 'is wrong at /a: the number is too large'],
  ['{"a": [-1e999]}', 'is wrong at /a/0: the number is too large'],
  ['{"a": 12345678901234567891}', 'is wrong at /a: the number would lose digits: give it as text, in quotes'],
  [
    `{"a":"${'ü'.repeat(maxContextBytes / 2)}"}`,
    `is ${maxContextBytes + 8} bytes long; ${maxContextBytes} are allowed`,
  ],
  [`${'{"a":'.repeat(17)}1${'}'.repeat(17)}`, 'may have at most 16 levels'],
  [`{"a":${'['.repeat(30_000)}${']'.repeat(30_000)}}`, 'may have at most 16 levels'],
])('refuses %.40s', (text, fault) => {
  expect(findContextFault(text)).toBe(fault);
});

it('names the first fifty faults of a context and no more', () => {
  expect(findContextFaults({ list: Array.from({ length: 60_000 }, () => '\0') })).toHaveLength(50);
});

it('writes the same content as the same text', () => {
  expect(toCanonicalJson({ b: [{ d: 1, c: 2 }], a: null })).toBe('{"a":null,"b":[{"c":2,"d":1}]}');
});
