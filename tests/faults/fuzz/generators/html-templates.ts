// E-mails in HTML with Liquid in every place where it can stand: text, head, attributes, comments, hidden elements, tables,
// lists, links, half tags; sound ones for the most part. With values that say something else in each of them.
import fc, { type Arbitrary } from 'fast-check';

export interface HtmlCase {
  html: string;
  /** The values of each. */
  people: Record<string, unknown>[];
}

const names = ['a', 'b', 'n', 'list', 'link', 'price'] as const;
const name = fc.constantFrom(...names);
const filter = fc.constantFrom(
  'upcase',
  'default: "x y"',
  'append: "<b>"',
  'truncate: 5',
  'join: ", "',
  'first',
  'size',
  'split: ""',
  'escape',
  'raw',
  'newline_to_br',
  'strip_html',
  'plus: 0.1',
  'divided_by: 3',
  'date: "%Y"',
  'json',
  'url',
  'url_encode',
  'reverse',
  'capitalize',
);
const output = fc
  .tuple(name, fc.oneof({ weight: 4, arbitrary: fc.constant('') }, { weight: 1, arbitrary: filter }), fc.nat(5))
  .map(([variable, after, dashes]) => {
    const inner = after === '' ? variable : `${variable} | ${after}`;
    return `{{${dashes === 0 ? '-' : ''} ${inner} ${dashes === 1 ? '-' : ''}}}`;
  });
const condition = fc.oneof(
  name,
  fc
    .tuple(name, fc.constantFrom('==', '!=', '>', 'contains'), fc.constantFrom('1', '"a"', 'blank'))
    .map((parts) => parts.join(' ')),
);
const statement = fc.oneof(
  fc
    .tuple(name, fc.constantFrom('5', '"six <7>"', 'a', 'link | default: "https://b.example"', 'n | plus: 1'))
    .map(([to, from]) => `{% assign ${to} = ${from} %}`),
  fc.constantFrom(
    '{% increment n %}',
    '{% decrement a %}',
    '{% cycle "odd", "even" %}',
    '{% cycle a, b %}',
    '{% comment %} {{ a }} <b> {% endcomment %}',
    '{% # note %}',
    '{% raw %}{{ a }}{% endraw %}',
    '{%- assign price = 9 -%}',
    '{% echo a %}',
    '{% liquid assign b = 3 %}',
  ),
);
const words = fc.constantFrom(
  'Hello',
  ' ',
  'one two',
  'a&amp;b',
  '&nbsp;',
  '&#123;&#123; a }}',
  '- ',
  '&',
  '<',
  '5 < 6',
  'https://a.example',
  '\n',
  '{',
  '\u200b',
  'é',
  '💥',
);

/** Liquid around something. */
const around = (inner: Arbitrary<string>): Arbitrary<string> =>
  fc.oneof(
    fc.tuple(condition, inner).map(([test, body]) => `{% if ${test} %}${body}{% endif %}`),
    fc
      .tuple(condition, inner, inner)
      .map(([test, body, other]) => `{% if ${test} %}${body}{% else %}${other}{% endif %}`),
    fc.tuple(condition, inner).map(([test, body]) => `{%- unless ${test} -%}${body}{%- endunless -%}`),
    inner.map((body) => `{% for i in list %}${body}{{ i }} {% endfor %}`),
    fc
      .tuple(condition, inner)
      .map(([test, body]) => `{% for i in (1..3) %}${body}{% if ${test} %}{% break %}{% endif %}{{ i }}{% endfor %}`),
    fc
      .tuple(name, inner, inner)
      .map(([of, one, two]) => `{% case ${of} %}{% when 1 %}${one}{% when "a", 3 %}${two}{% else %}none{% endcase %}`),
    fc.tuple(name, inner, name).map(([to, body, shown]) => `{% capture ${to} %}${body}{% endcapture %}{{ ${shown} }}`),
    inner.map((body) => `{% tablerow i in list %}${body}{% endtablerow %}`),
  );

const attributeValue = fc
  .array(
    fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom('x', 'color:red', 'display:none', ' ', '&amp;', '#', 'mailto:') },
      output,
      statement,
      condition.map((test) => `{% if ${test} %}y{% endif %}`),
    ),
    { maxLength: 3 },
  )
  .map((parts) => parts.join(''));
const attribute = fc.oneof(
  { weight: 6, arbitrary: fc.constant('') },
  {
    weight: 4,
    arbitrary: fc
      .tuple(
        fc.constantFrom('class', 'style', 'hidden', 'title', 'start', 'data-x', 'href', 'alt'),
        attributeValue,
        fc.constantFrom('"', '"', '"', "'", ''),
      )
      .map(([key, value, quote]) => ` ${key}=${quote}${value}${quote}`),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      ' hidden',
      ' style="display: none"',
      ' {% if a %}hidden{% endif %}',
      ' {% if a %}class="z"{% endif %}',
      '{{ a }}',
      ' {{ b }}',
      ' hid{% if a %}{% endif %}den',
    ),
  },
);
const element = (inner: Arbitrary<string>): Arbitrary<string> =>
  fc.oneof(
    {
      weight: 8,
      arbitrary: fc
        .tuple(
          fc.constantFrom(
            'p',
            'div',
            'b',
            'span',
            'h2',
            'table',
            'tr',
            'td',
            'ul',
            'ol',
            'li',
            'a',
            'blockquote',
            'pre',
            'section',
            'style',
            'script',
            'title',
            'textarea',
            'svg',
            'button',
          ),
          attribute,
          inner,
        )
        .map(([tag, attributes, body]) => `<${tag}${attributes}>${body}</${tag}>`),
    },
    { weight: 3, arbitrary: fc.tuple(attributeValue, inner).map(([value, body]) => `<a href="${value}">${body}</a>`) },
    { weight: 2, arbitrary: inner.map((body) => `<ul>{% for i in list %}<li>${body}{{ i }}</li>{% endfor %}</ul>`) },
    { weight: 1, arbitrary: inner.map((body) => `<ol>{% for i in list %}<li>${body}{{ i }}</li>{% endfor %}</ol>`) },
    {
      weight: 2,
      arbitrary: inner.map((body) => `<table role="presentation"><tr><td>${body}</td><td>{{ a }}</td></tr></table>`),
    },
    { weight: 1, arbitrary: attributeValue.map((value) => `<img src="x.png" alt="${value}">`) },
    { weight: 1, arbitrary: inner.map((body) => `<!-- ${body} -->`) },
    { weight: 1, arbitrary: inner.map((body) => `<div hidden>${body}</div>`) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        '<br>',
        '<hr>',
        '<p>',
        '</p>',
        '</div>',
        '<li>',
        '<div>',
        '<!--',
        '-->',
        '<a href="',
        '<body>',
        '<wbr>',
        '<![CDATA[x]]>',
      ),
    },
  );

const body = fc.letrec<{ part: string; parts: string }>((tie) => ({
  part: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    { weight: 4, arbitrary: words },
    { weight: 4, arbitrary: output },
    { weight: 2, arbitrary: statement },
    { weight: 3, arbitrary: around(tie('parts')) },
    { weight: 5, arbitrary: element(tie('parts')) },
  ),
  parts: fc.array(tie('part'), { maxLength: 4 }).map((list) => list.join('')),
})).parts;

const html = fc.oneof(
  { weight: 3, arbitrary: body },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.array(fc.oneof(statement, around(statement), words), { maxLength: 3 }), attribute, body, body)
      .map(
        ([head, attributes, inner, after]) =>
          `<!doctype html><html><head>${head.join('')}<title>{{ a }}</title></head>\n<body${attributes}>${inner}{{ price }}</body>${after}</html>`,
      ),
  },
);

const scalar: Arbitrary<unknown> = fc.oneof(
  fc.constantFrom(
    '',
    ' ',
    'a',
    'two words',
    '<b>bold</b>',
    'A & B',
    '&amp;',
    'line\none',
    '"',
    "O'Neil",
    '-->',
    '#top',
    'mailto:a@b.example',
    'https://a.example/?x=1&y=2',
    'javascript:alert(1)',
    'tel:+4930',
    'display:none',
    '\u200b',
    '\ufdd0',
    '{{ a }}',
    'hidden',
    'a\u0000b',
    '👨‍👩‍👧‍👦',
    '\ud800',
  ),
  fc.constantFrom(0, 1, 3, -2.5, 1e21, true, false, null),
  fc.string({ unit: 'grapheme', maxLength: 12 }),
);
const values = fc.dictionary(
  name,
  fc.oneof({ weight: 4, arbitrary: scalar }, { weight: 1, arbitrary: fc.array(scalar, { maxLength: 3 }) }),
  { maxKeys: 6 },
);

export const htmlCases: Arbitrary<HtmlCase> = fc.record({
  html,
  people: fc.array(values, { minLength: 2, maxLength: 3 }),
});
