// Templates as people write them, as they get them wrong, and as somebody would who means harm; with what they are filled in
// with.
import fc, { type Arbitrary } from 'fast-check';
import type { PersonData } from '../../../../content/variables.ts';
import { anyText, longText, oddText } from './texts.ts';

const names = [
  'first_name',
  'last_name',
  'body',
  'items',
  'a',
  'b.c',
  'items[0]',
  'items.size',
  '__proto__',
  'constructor.name',
  'unsubscribe_url',
];
const filters = [
  'upcase',
  'escape',
  'raw',
  'url',
  'strip_html',
  'truncate: 5',
  'split: ""',
  'join: ","',
  'append: a',
  'prepend: body',
  'replace: "a", body',
  'date: "%Y"',
  'date: body',
  'default: "x"',
  'times: 9',
  'divided_by: 0',
  'newline_to_br',
  'escape_once',
  'reverse',
  'size',
  'sort',
  'sort_natural',
  'map: "a"',
  'where: "a"',
  'uniq',
  'json',
  'first',
  'slice: 0, 9',
  'abs',
  'round: 2',
  'modulo: 0',
  'nonsense',
  'concat: items',
  'sum',
  'strip',
];
const output = fc
  .tuple(fc.constantFrom(...names), fc.array(fc.constantFrom(...filters), { maxLength: 3 }))
  .map(([name, list]) => `{{ ${[name, ...list].join(' | ')} }}`);
const tag = fc.constantFrom(
  ['{% if body %}', '{% endif %}'],
  ['{% for i in items %}', '{% endfor %}'],
  ['{% for i in (1..5000) %}', '{% endfor %}'],
  ['{% for i in body %}', '{% endfor %}'],
  ['{% capture x %}', '{% endcapture %}{{ x }}'],
  ['{% unless a %}', '{% endunless %}'],
  ['{% case a %}{% when 1 %}', '{% endcase %}'],
  ['{% tablerow i in items %}', '{% endtablerow %}'],
  ['{% raw %}', '{% endraw %}'],
  ['{% comment %}', '{% endcomment %}'],
  ['{% assign body = body | append: body %}', ''],
  ['{% increment n %}', ''],
  ['{% include "x" %}', ''],
  ['{% cycle "a", "b" %}', ''],
  ['{% if', '%}'],
  ['{% endfor %}', ''],
  ['{% liquid\n', '%}'],
);
const markup = fc.constantFrom(
  '<p>Hello</p>',
  '<b>',
  '<table><tr><td>',
  '<a href="{{ body }}">x</a>',
  '<a href="javascript:alert(1)">x</a>',
  '<style>p{}</style>',
  '<script>1</script>',
  '<ul><li>a<li>b</ul>',
  '<pre>  x\n y</pre>',
  '<h1>T</h1>',
  '<img src=x alt="y">',
  '&nbsp;&copy;',
  '<!-- c -->',
  '<svg><a xlink:href="x">',
);
const piece: Arbitrary<string> = fc.oneof(
  { weight: 5, arbitrary: output },
  { weight: 3, arbitrary: markup },
  { weight: 2, arbitrary: oddText },
  { weight: 2, arbitrary: fc.tuple(tag, output).map(([[open, close], inner]) => `${open}${inner}${close}`) },
  { weight: 1, arbitrary: tag.map(([open]) => open ?? '') },
);
const source = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(''));

const value: Arbitrary<unknown> = fc.oneof(
  { weight: 6, arbitrary: anyText(60_000, 40) },
  { weight: 3, arbitrary: fc.jsonValue({ maxDepth: 3 }) },
  {
    weight: 2,
    arbitrary: fc
      .constantFrom('<b>', '<div>', '<ul><li>', '<blockquote>', '<table><tr><td>', '<p', '&lt;', '</b>')
      .chain((unit) => longText(60_000).map(({ length }) => unit.repeat(Math.ceil(length / unit.length)))),
  },
);
export const people: Arbitrary<PersonData> = fc.record({
  collected: fc.constantFrom('{}', '{"films_month_count": 3}', '[', 'null', '{"__proto__": {"x": 1}}'),
  context: fc.oneof(
    {
      weight: 9,
      arbitrary: fc
        .dictionary(fc.constantFrom('body', 'items', 'a', 'b', '__proto__', 'first_name'), value, { maxKeys: 4 })
        .map((context) => JSON.stringify(context)),
    },
    { weight: 1, arbitrary: oddText },
  ),
  firstName: oddText,
  lastName: oddText,
});

export interface TemplateParts {
  channel: 'email' | 'sms';
  subject: string;
  html: string | null;
  text: string | null;
  replyTo: string | null;
}

export const templates: Arbitrary<TemplateParts> = fc.record({
  channel: fc.constantFrom('email', 'email', 'sms'),
  subject: source,
  html: fc.oneof(
    { weight: 3, arbitrary: source },
    { weight: 1, arbitrary: fc.constant(null) },
    { weight: 1, arbitrary: fc.constant('{{ body | raw }}') },
  ),
  text: fc.option(source),
  replyTo: fc.option(oddText, { freq: 8 }),
});

/** Tags that are never closed, as many as a context may hold: whoever walks through them goes as deep. */
export const nestedPeople: Arbitrary<PersonData> = fc
  .tuple(
    fc.constantFrom(
      '<b>',
      '<p><b>',
      '<div>',
      '<ul><li>',
      '<blockquote>',
      '<table><tr><td>',
      '<a href=x>',
      '<pre>',
      '<i',
      '</b>',
    ),
    fc.integer({ min: 1_000, max: 63_000 }),
  )
  .map(([unit, length]) => ({
    collected: '{}',
    context: JSON.stringify({ body: unit.repeat(Math.ceil(length / unit.length)) }),
    firstName: 'Ada',
    lastName: 'Lovelace',
  }));

export const rawTemplate: TemplateParts = {
  channel: 'email',
  subject: 'Hello',
  html: '<p>{{ body | raw }}',
  text: null,
  replyTo: null,
};
