import { describe, expect, it } from 'vitest';
import { excessOfSize } from '../tests/support/processor-time.ts';
import { parsePart, renderPart } from './liquid.ts';
import { renderMessage } from './render.ts';
import type { TemplateVersion } from './template.ts';
import { toText } from './text.ts';
import { createTextMaker, MarkedOutput } from './text-part.ts';

const template = (html: string): TemplateVersion => ({
  templateId: 't',
  version: 1,
  channel: 'email',
  subject: '',
  html,
  text: null,
  fromName: null,
  replyTo: null,
});
const derive = (html: string, variables: Record<string, unknown> = {}) => renderMessage(template(html), variables).text;
/** Whether others with other values have their text from the same conversion, or each from their own HTML. */
const wayOf = (html: string, variables: Record<string, unknown> = {}) => {
  const output = renderPart(parsePart('html', 'html', html), { ...variables }, new MarkedOutput(100_000));
  return createTextMaker()('not this one', output) === 'not this one\n' ? 'each' : 'shared';
};

describe('the text of an HTML mail', () => {
  it('has paragraphs, headings, lists and links that can be read', () => {
    const html = `<html><head><title>Not this</title><style>p { color: red }</style></head><body>
      <div style="display:none">Not this preview line</div>
      <h1>Your month</h1><p>Twelve   films,<br>mostly <b>noir</b> &amp; crime.</p>
      <ul><li>Laura</li><li>Gilda</li></ul>
      <p><a href="https://lumen.example/picks">See more</a> <img src="x.png" alt="A reel"><img src="pixel.gif"></p>
      <table><tr><td>One</td><td>Two</td></tr><tr><td>Three</td></tr></table>
      <table role="presentation"><tr><td>Above</td></tr><tr><td>Below</td></tr></table></body></html>`;
    expect(toText(html)).toBe(`Your month

Twelve films,
mostly noir & crime.

- Laura
- Gilda

See more <https://lumen.example/picks> A reel

One Two
Three

Above

Below
`);
  });

  it('is made once for all whose HTML differs in values only', () => {
    const html = '<p>{% if n < 2 %}one{% else %}<b>{{ n }}</b>{% endif %}</p>';
    expect([derive(html, { n: 1 }), derive(html, { n: 3 }), derive(html, { n: 4 })]).toEqual(['one\n', '3\n', '4\n']);
    expect(wayOf(html, { n: 3 })).toBe('shared');
  });

  it('is not escaped, and follows conditions, loops and links with variables', () => {
    const html = `<p>Dear {{ name }},</p>{% if films.size > 1 %}<ul>{% for film in films %}<li>{{ film }}</li>{% endfor %}</ul>{% endif %}
      {% if nothing %}<p>nothing</p>{% endif %}<p><a href="{{ link | default: 'https://a.example' }}">Go</a></p>`;
    const text = derive(html, { name: "O'Neil & <Sons>", films: ['A & B', 'C'] });
    expect(text).toMatch(/^Dear O'Neil & <Sons>,\n\n- A & B\n(\n?)- C\n\nGo <https:\/\/a\.example>\n$/);
  });

  it('never has two blank lines in a row or blanks at the ends of lines', () => {
    const text = derive('<p>a</p>{% if x %}<p>b</p>{% endif %}{% if x %}<p>c</p>{% endif %}<p>d {{ x }}</p><p>e</p>');
    expect(text).toBe('a\n\nd\n\ne\n');
  });

  it.each([
    ['raw', '<p>{{ body | raw }}</p>', 'Bold & new\n'],
    ['newline_to_br', '<p>{{ lines | newline_to_br }}</p>', 'a <b>\nc\n'],
    ['escape', '<p>{{ lines | escape }}</p>', 'a <b> c\n'],
  ])('reads the HTML that variables write: %s', (_, html, expected) => {
    expect(derive(html, { body: '<b>Bold</b> &amp; new', lines: 'a <b>\nc' })).toBe(expected);
  });

  it('does not take for Liquid what the HTML shows as text, nor for its end what stands in quotes', () => {
    expect(derive('<p>&#123;&#123; x }} {{ x }}</p>', { x: 1 })).toBe('{{ x }} 1\n');
    expect(derive('<p>{{ "}}" }} {{ x }}</p>', { x: 1 })).toBe('}} 1\n');
  });
});

describe('the words of the text are those of the finished HTML', () => {
  const page = (head: string, body: string) => `<html><head>${head}<title>T</title></head><body>${body}</body></html>`;
  it.each([
    ['in the head', page('{% assign price = 5 %}', '<p>{{ price }}</p>'), '5\n'],
    [
      'in a condition in the head',
      page('{% if vip %}{% assign price = 5 %}{% else %}{% assign price = 6 %}{% endif %}', '{{ price }}'),
      '5\n',
    ],
    ['in an attribute', '<p class="{% assign price = 5 %}x">{{ price }}</p>', '5\n'],
    ['between attributes', '<p {% assign price = 5 %} class="x">{{ price }}</p>', '5\n'],
    ['in a comment', '<!-- {% assign price = 5 %} --><p>{{ price }}</p>', '5\n'],
    [
      'in a hidden element',
      '<div style="display:none">{% for i in list %}{% assign price = i %}{% endfor %}</div>{{ price }}',
      '2\n',
    ],
    ['in a style', '<style>{% assign price = 5 %}</style>{{ price }}', '5\n'],
    ['that counts where nobody sees it', '<b hidden>{% increment n %}</b><p>{% increment n %}</p>', '1\n'],
    ['that cycles where nobody sees it', '<p class="{% cycle "a", "b" %}">{% cycle "a", "b" %}</p>', 'b\n'],
    ['that takes blanks away', '<p>one</p> {{- price }}', 'one\n'],
    [
      'with a link in it',
      '<a href="{{ link }}">{{ link }}</a> <a href="{{ none }}">no</a> <a href="#{{ link }}">up</a>',
      'https://a.example no up\n',
    ],
    ['in mailto', '<a href="mailto:{{ mail }}">{{ none }}</a>', 'a@b.example\n'],
    ['in an alternative', '<img src="x" alt="{{ name }}">', 'A & B\n'],
  ])('with Liquid %s', (_, html, text) => {
    const values = { vip: true, list: [1, 2], link: 'https://a.example', mail: 'a@b.example', name: 'A & B' };
    expect(wayOf(html, values)).toBe('shared');
    expect(derive(html, values)).toBe(text);
    expect(derive(html, values)).toBe(toText(renderMessage(template(html), values).html ?? ''));
  });

  it.each([
    ['an element hidden for some', '<div {% if vip %}hidden{% endif %}>secret</div>{{ x }}', '1\n'],
    ['a style that may hide', '<div style="{{ style }}">secret</div>{{ x }}', '1\n'],
    [
      'half an element in a condition',
      '{% if vip %}<div hidden>{% endif %}secret{% if vip %}</div>{% endif %}{{ x }}',
      '1\n',
    ],
    [
      'an end of a paragraph in a condition',
      '<p hidden>{% if vip %}<div>{% endif %}shown{% if vip %}</div>{% endif %}',
      'shown\n',
    ],
    ['items of a numbered list in a loop', '<ol>{% for i in list %}<li>{{ i }}</li>{% endfor %}</ol>', '1. a\n 2. b\n'],
    ['a quotation with a condition', '<blockquote>{% if none %}<p>a</p>{% endif %}<p>b</p></blockquote>', '> b\n'],
    ['a quotation of nothing', '<blockquote><p>{{ none }}</p><p>b</p></blockquote>', '> b\n'],
    ['captured HTML', '{% capture c %}<b>bold</b> {{ x }}{% endcapture %}<p>{{ c }}</p>', 'bold 1\n'],
    ['an attribute out of a variable', '<p {{ attribute }}>a</p>{{ x }}', '1\n'],
    ['an attribute without quotes', '<p class={{ attributes }}>a</p>{{ x }}', '1\n'],
    ['a reference that a variable completes', '<p>&{{ reference }};</p>', '&\n'],
    ['a tag that a variable makes', '<{{ none }}b>x</b>', 'x\n'],
    ['a tag that a variable completes', '<h{{ x }}>a</h{{ x }}>b', 'a\n\nb\n'],
    ['a comment that a variable ends', '<!--{{ dashes }}>shown<!-- -->', 'shown\n'],
    ['a break out of an element', '{% for i in list %}<p>{{ i }}{% break %}</p>{% endfor %}', 'a\n'],
    ['a value of several lines', '<p>{{ lines }}</p>', 'one two\n'],
    ['a value of blanks', '<p>a{{ blanks }}{{ blanks }}b</p>', 'a b\n'],
    ['a number for a list to begin with', '<ol start="{{ two }}"><li>x</li></ol>', '2. x\n'],
    ['a field, whose references stay', '<textarea>{{ name }}</textarea>', 'A &amp; B\n'],
  ])('where there is %s', (_, html, text) => {
    const values = {
      vip: true,
      x: 1,
      two: 2,
      style: 'display:none',
      list: ['a', 'b'],
      attribute: 'hidden',
      attributes: 'a hidden',
      reference: 'amp',
      dashes: '--',
      lines: 'one\n  two',
      blanks: '  ',
      name: 'A & B',
    };
    // The first gives others their text where that can be done.
    const version = template(html);
    renderMessage(version, { ...values, style: 'x', attribute: 'x', attributes: 'x', reference: 'x' });
    renderMessage(version, { ...values, dashes: 'x', lines: 'x', blanks: 'x', name: 'x', two: 'x', x: 'x' });
    expect(renderMessage(version, values).text).toBe(text);
    expect(toText(renderMessage(version, values).html ?? '')).toBe(text);
  });

  it('of one person’s message says nothing of another person', () => {
    const version = template('<p>{{ name }} <a href="{{ link }}">{{ word }}</a></p>');
    const texts = ['Ada', '\u0001', '\ufdd00\ufdd1', '$&', '{{ word }}', ''].map(
      (name) => renderMessage(version, { name, word: name, link: `https://a.example/${name}` }).text,
    );
    expect(texts).toEqual([
      'Ada Ada <https://a.example/Ada>\n',
      '<https://a.example/>\n'.slice(1).replace('>', ''),
      '0 0 <https://a.example/0>\n',
      '$& $& <https://a.example/$&>\n',
      '{{ word }} {{ word }} <https://a.example/{{ word }}>\n',
      'https://a.example/\n',
    ]);
  });

  it.each([
    '{{ a }}',
    '<a href="{{ a }}">{{ a }}</a>',
    '{% if a %}<p>{% endif %}',
    '<!--{{ a }}',
    '&{{ a }}',
    '<i {{ a }}></i>',
    '<a href="{{ a }}"',
  ])('is made of a template of many %s in a time that grows no faster than the template', async (piece) => {
    const count = Math.floor(100_000 / piece.length);
    const render = (size: number) => renderMessage(template(piece.repeat(size)), { a: 'x' });
    expect(await excessOfSize(count, render)).toBeLessThan(4);
  });
});
