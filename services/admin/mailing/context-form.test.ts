import { describe, expect, it } from 'vitest';
import { findMissing, fromContextForm, toContextForm } from './context-form.ts';

describe('the form of a context', () => {
  it('has a field for each variable, and the rest as JSON', () => {
    expect(toContextForm(['film', 'code'], '{"film":"Stalker","price":3}')).toEqual({
      fields: [
        { name: 'film', value: 'Stalker', isMissing: false },
        { name: 'code', value: '', isMissing: true },
      ],
      rest: '{\n  "price": 3\n}',
    });
  });

  it('gives the context it was made of when nothing is touched, numbers and lists included', () => {
    const stored = '{"code":7,"films":["a","b"],"empty":"","film":"Stalker","price":3}';
    const form = toContextForm(['film', 'code', 'films', 'empty'], stored);
    const sent = Object.fromEntries(form.fields.map(({ name, value }) => [`context.${name}`, value]));
    const saved = fromContextForm({ ...sent, context_json: form.rest }, stored);
    expect(JSON.parse('context' in saved ? saved.context : '')).toEqual(JSON.parse(stored));
  });

  it('takes what was typed as text, lists and objects as JSON, and nothing for an empty field', () => {
    const sent = { 'context.code': '007', 'context.films': '["a"]', 'context.note': '[sic] yes', 'context.film': '' };
    expect(fromContextForm(sent, '{"film":"Stalker"}')).toEqual({
      context: JSON.stringify({ code: '007', films: ['a'], note: '[sic] yes' }),
    });
  });

  it.each([
    ['[1]', 'This must be a JSON object.'],
    ['"x"', 'This must be a JSON object.'],
    ['{"a":', 'This is not JSON: at line 1, column 6 the text ends where a value is expected.'],
    ['{"a": 1, "a": 2}', 'This is not JSON: at line 1, column 10 this name stands twice in one object.'],
    ['{"a": ["\\u0000"]}', 'This is wrong at /a/0: the text holds a control character.'],
    ['{"a": 1e400}', 'This is wrong at /a: the number is too large.'],
    ['{"a": 9007199254740993}', 'This is wrong at /a: the number would lose digits: give it as text, in quotes.'],
    [`{"a":"${'x'.repeat(65_536)}"}`, 'This is 65544 bytes long; 65536 are allowed.'],
    [`${'{"a":'.repeat(17)}1${'}'.repeat(17)}`, 'This may have at most 16 levels.'],
  ])('refuses %.20s beside the field', (context_json, fault) => {
    expect(fromContextForm({ context_json }, '{}')).toEqual({ faults: { context_json: fault } });
  });

  it('refuses a list in a field whose numbers would lose digits, beside that field', () => {
    expect(fromContextForm({ 'context.orders': '[9007199254740993]' }, '{}')).toEqual({
      faults: { 'context.orders': 'In this value the number would lose digits: give it as text, in quotes.' },
    });
  });

  it('refuses fields that make the whole too long', () => {
    const sent = { 'context.a': 'x'.repeat(65_530) };
    expect(fromContextForm(sent, '{}')).toEqual({
      faults: { context_json: expect.stringContaining('65536 are allowed') },
    });
  });

  it('treats a name like __proto__ as any other', () => {
    const saved = fromContextForm({ 'context.__proto__': 'x', context_json: '{"__proto__": {"y": 1}}' }, '{}');
    expect(saved).toEqual({ context: '{"__proto__":"x"}' });
    expect(findMissing(['__proto__', 'constructor'], '{}')).toEqual(['__proto__', 'constructor']);
  });
});

it('names what is missing', () => {
  expect(findMissing(['film', 'code', 'blank', 'nothing'], '{"film":"Stalker","blank":"","nothing":null}')).toEqual([
    'code',
    'nothing',
  ]);
});
