import { describe, expect, it } from 'vitest';
import { renderMessage } from './render.ts';
import { toText, toTextTemplate } from './text.ts';

const derive = (html: string, variables: Record<string, unknown> = {}) =>
  renderMessage(
    { templateId: 't', version: 1, channel: 'email', subject: '', html, text: null, fromName: null, replyTo: null },
    variables,
  ).text;

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

  it('is derived once from the template, with the same Liquid in it', () => {
    expect(toTextTemplate('<p>{% if n < 2 %}one{% else %}<b>{{ n }}</b>{% endif %}</p>')).toBe(
      '{% if n < 2 %}one{% else %}{{ n }}{% endif %}',
    );
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
  ])('is made from the finished HTML where variables write HTML: %s', (_, html, expected) => {
    expect(toTextTemplate(html)).toBeNull();
    expect(derive(html, { body: '<b>Bold</b> &amp; new', lines: 'a <b>\nc' })).toBe(expected);
  });

  it('is made from the finished HTML where the derived template does not parse', () => {
    expect(derive('<p>{{ "}}" }} {{ x }}</p>', { x: 1 })).toBe('}} 1\n');
  });
});
