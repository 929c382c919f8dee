// biome-ignore-all lint/suspicious/noTemplateCurlyInString: so compose files write their variables.
import { expect, test } from 'vitest';
import { findSchemaFaults, findVariables, interpolate, parseCompose } from './compose-file.ts';

test('merge keys and anchors are resolved as Compose does', () => {
  const file = parseCompose('services:\n  a: &a { image: "x:1.0", init: true }\n  b: { <<: *a, init: false }\n');
  expect(file.services.b).toEqual({ image: 'x:1.0', init: false });
});

test('a misspelt key is named with its place', () => {
  expect(findSchemaFaults({ services: { a: { image: 'x', helthcheck: {} } } })).toEqual([
    '/services/a must NOT have additional properties (helthcheck).',
  ]);
});

test('durations and ports have the form that Compose reads', () => {
  const service = (interval: string, port: string) => ({
    services: { a: { image: 'x', ports: [port], healthcheck: { interval } } },
  });
  expect(findSchemaFaults(service('1m30s', '127.0.0.1:80:80'))).toEqual([]);
  expect(findSchemaFaults(service('10 seconds', '80:80')).join()).toContain('interval');
  expect(findSchemaFaults(service('10s', 'eighty')).join()).toContain('/services/a/ports/0');
});

test('variables are found with what is required, also inside defaults', () => {
  const value = { a: ['${A:?why} and ${B:-x}'], b: '${C:-http://h:${D:-1}}', c: '$$E $${F}' };
  expect(findVariables(value)).toEqual([
    { name: 'A', required: true },
    { name: 'B', required: false },
    { name: 'C', required: false },
    { name: 'D', required: false },
  ]);
});

test('variables are put in: value, default, nested default, escaped dollar', () => {
  expect(interpolate('${A:-1} ${B:-2} ${C-3} ${D:-h:${E:-4}} $$x $${y} ${F}', { A: 'a', B: '', C: '' })).toBe(
    'a 2  h:4 $x ${y} ',
  );
  expect(interpolate({ list: ['${G:?is not set}'] }, {})).toEqual({ list: ['<G>'] });
});
