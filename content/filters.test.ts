import { describe, expect, it } from 'vitest';
import { renderMessage } from './render.ts';

const render = (html: string | null, text: string | null, variables: Record<string, unknown>) =>
  renderMessage(
    { templateId: 't', version: 1, channel: 'email', subject: '', html, text, fromName: null, replyTo: null },
    variables,
  );
const text = (source: string, variables: Record<string, unknown> = {}) => render(null, source, variables).text;
const html = (source: string, variables: Record<string, unknown> = {}) => render(source, 'x', variables).html;

describe('characters', () => {
  const family = '👨‍👩‍👧‍👦';
  it.each([
    ['{{ x | split: "" | first }}', family],
    ['{{ x | split: "" | size }}', '3'],
    ['{{ x | first }}', family],
    ['{{ x | last }}', 'e\u0301'],
    ['{{ x[0] }}', family],
    ['{{ x | slice: 0 }}', family],
    ['{{ x | slice: -2, 2 }}', 'be\u0301'],
    ['{{ x | truncate: 2, "…" }}', `${family}…`],
    ['{{ x | size }} {{ x.size }}', '3 3'],
    ['{{ x | split: "" | reverse | join: "" }}', `e\u0301b${family}`],
    ['{{ x | replace: "", "-" }}', `${family}-b-e\u0301`],
    ['{{ "𐐨a" | capitalize }}', '𐐀a'],
  ])('are whole in %s', (source, expected) => {
    expect(text(source, { x: `${family}be\u0301` })).toBe(expected);
  });

  it('of a text that is half a character keep no message back', () => {
    expect(text('{{ x | url_encode }} {{ "%" | url_decode }}', { x: 'a\ud800' })).toBe('a%EF%BF%BD %');
  });
});

describe('dates', () => {
  const day = '2026-12-31';
  it.each([
    ['{{ d | date: "%d.%m.%Y", "America/New_York" }}', day, '31.12.2026'],
    ['{{ d | date: "%d.%m.%Y %H:%M", "Pacific/Kiritimati" }}', day, '31.12.2026 00:00'],
    ['{{ d | date: "%d.%m. %H:%M", "America/New_York" }}', '2026-12-31T03:00:00Z', '30.12. 22:00'],
    ['{{ d | date: "%d.%m. %H:%M", "Europe/Berlin" }}', '2026-03-29T01:30:00+00:00', '29.03. 03:30'],
    ['{{ d | date: "%H:%M" }}', '2026-12-31T20:00:00', '20:00'],
    ['{{ d | date: "%Y-%m-%d" }}', '31.12.2026', day],
    ['{{ d | date: "%Y-%m-%d" }}', '1. 2. 2026', '2026-02-01'],
    ['{{ d | date: "%Y-%m-%d" }}', '12/31/2026', day],
    ['{{ d | date: "%Y-%m-%d" }}', '31/12/2026', day],
    ['{{ d | date: "%Y-%m-%d" }}', 'Thursday, 31st December 2026', day],
    ['{{ d | date: "%Y-%m-%d %H:%M" }}', 'Thu, 31 Dec 2026 20:00:00 +0100', '2026-12-31 19:00'],
    ['{{ d | date: "%Y-%m-%d" }}', '20261231', day],
    ['{{ d | date: "%Y" }}', '2026', '2026'],
    ['{{ d | date: "%Y-%m-%d" }}', 1798675200, day],
    ['{{ d | date: "%Y-%m-%d" }}', 1798675200000, day],
    ['{{ d | date: "%H:%M", "Nowhere/Land" }}', '2026-12-31T20:00:00Z', '20:00'],
    ['{{ d | date_to_string }}', '31.12.2026', '31 Dec 2026'],
  ])('%s of %j are read right', (source, d, expected) => {
    expect(text(source, { d })).toBe(expected);
  });

  it.each([
    '03/04/2026',
    '2026-02-30',
    '32.01.2026',
    'Meeting 31',
    '2026-12-31T25:00',
    '1.2.26',
    '99999999999999999999',
  ])('%s could be another day or is none, and is written as it came', (d) => {
    expect(text('{{ d | date: "%Y-%m-%d" }}', { d })).toBe(d);
  });
});

describe('numbers', () => {
  it.each([
    ['{{ 10 | divided_by: 3 }}', '3.333333'],
    ['{{ 10 | divided_by: 3 | append: " €" }}', '3.333333 €'],
    ['{{ 1 | divided_by: 3 | times: 3 }}', '1'],
    ['{{ 1 | divided_by: 70000 }}', '0.0000142857'],
    ['{{ 0.1 | plus: 0.2 }}', '0.3'],
    ['{{ "0.1,0.2" | split: "," | sum }}', '0.3'],
    ['{{ 19.99 | times: 100 }}', '1999'],
    ['{{ 0.3 | divided_by: 0.1 | floor }}', '3'],
    ['{% assign q = 10 | divided_by: 3 %}{% if q > 3 %}{{ q | round: 2 }}{% endif %} {{ q | json }}', '3.33 3.333333'],
    ['{{ 0.1234567890123456 }}', '0.1234567890123456'],
    ['{{ 0.3 | minus: 0.1 }}', '0.2'],
    ['{{ 3 | times: 1.1 }}', '3.3'],
    ['{{ 1.005 | round: 2 }}', '1.01'],
    ['{{ 9007199254740991 | plus: 0 }}', '9007199254740991'],
    ['{{ 0.123456789012345 }}', '0.123456789012345'],
    ['[{{ 1 | divided_by: 0 }}{{ "x" | plus: nothing | divided_by: 0 }}]', '[]'],
  ])('%s is %s', (source, expected) => {
    expect(text(source)).toBe(expected);
    expect(html(source)).toBe(text(source));
  });
});

describe('captured HTML', () => {
  it.each([
    ['{% capture c %}<b>{{ x }}</b>{% endcapture %}{{ c }}', '<b>A &amp; B</b>'],
    [
      '{% for i in list %}{% capture all %}{{ all }}<i>{{ i }}</i>{% endcapture %}{% endfor %}{{ all }}',
      '<i>&lt;1&gt;</i><i>2</i>',
    ],
    [
      '{% assign all = "" %}{% for i in list %}{% capture one %}<i>{{ i }}</i>{% endcapture %}{% assign all = all | append: one %}{% endfor %}{{ all }}',
      '<i>&lt;1&gt;</i><i>2</i>',
    ],
    ['{% capture c %}<br>{% endcapture %}{{ list | join: c }}', '&lt;1&gt;<br>2'],
    ['{% capture c %}<b>a</b>{% endcapture %}{{ x | prepend: c }}', '<b>a</b>A &amp; B'],
    ['{% capture c %} <b>N</b> {% endcapture %}{{ c | strip | replace: "N", x }}', '<b>A &amp; B</b>'],
    ['{% capture c %}<b>{{ x }}</b>{% endcapture %}{{ c | strip_html }}', 'A &amp; B'],
    ['{% capture c %}{{ x }}{% endcapture %}{{ c | upcase }} {{ c | truncate: 4 }} {{ c.size }}', 'A &amp; B A... 5'],
    ['{% capture c %}a,{{ x }}{% endcapture %}{% assign l = c | split: "," %}{{ l[1] }}', 'A &amp; B'],
    [
      '{% capture c %}{{ x }}{% endcapture %}{% if c == x %}same{% endif %}{% if c contains "&" %} has{% endif %}',
      'same has',
    ],
    ['{% capture c %}{% endcapture %}{% if c == blank %}none{% endif %}{{ c | default: x }}', 'noneA &amp; B'],
    [
      '{% capture c %}<b>{{ x }}</b>{% endcapture %}{{ c | raw }}{{ c | escape }}',
      '<b>A &amp; B</b>&lt;b&gt;A &amp;amp; B&lt;/b&gt;',
    ],
  ])('%s is written as HTML, its values escaped once', (source, expected) => {
    expect(html(source, { x: 'A & B', list: ['<1>', 2] })).toBe(expected);
  });

  it('lets nothing of a person through unescaped', () => {
    const source =
      '{% capture c %}{{ x }}{% endcapture %}{{ c }}{{ c | upcase }}{{ c | append: x }}{{ x | append: c }}{{ c | split: "" | join: c }}{{ c | replace: "&", x }}';
    expect(html(source, { x: '<script>' })).not.toMatch(/<script>/i);
  });
});
