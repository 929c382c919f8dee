import { describe, expect, it } from 'vitest';
import { excessOfSize } from '../tests/support/processor-time.ts';
import { describeBadLink, dropBadLinks, findLiteralBadLinks, toSafeUrl } from './links.ts';
import { renderMessage } from './render.ts';

const template = (html: string) =>
  ({
    templateId: 't',
    version: 1,
    channel: 'email',
    subject: '',
    html,
    text: 'x',
    fromName: null,
    replyTo: null,
  }) as const;
const renderWhole = (html: string, link: string) => renderMessage(template(html), { link });
const render = (html: string, link: string) => renderWhole(html, link).html;

const harmless = [
  'https://lumen.example/a?b=1&c=javascript:2',
  'HTTP://lumen.example',
  'mailto:help@lumen.example',
  '/relative:path',
  '#top',
  '?a=b:c',
  '',
  'films/seven:samurai',
  'tel:+15550100',
  'SMS:+15550100?body=yes',
  'tel:(030) 12-34',
  'tel:*100#',
  'tel:7042;phone-context=example.com',
  'sms:+15550100,+15550101&body=STOP',
  'sms:?body=hello%20there',
  'sms:%2B15550100',
];
const harmful = [
  'javascript:alert(1)',
  'JaVaScRiPt:alert(1)',
  ' \tjavascript:alert(1)',
  'java\tscript:alert(1)',
  'java\nscript:alert(1)',
  '\u0001javascript:alert(1)',
  'data:text/html,<script>alert(1)</script>',
  'vbscript:x',
  'file:///etc/passwd',
  'x:y',
  'tel:',
  'tel:callus',
  'tel:+',
  'sms:',
  'sms:+1,you',
];

describe('links in a message', () => {
  it.each(harmless)('may lead to %j', (link) => {
    expect(render('<a href="{{ link }}">x</a>', link)).toContain('<a href="');
  });

  it.each(harmful)('may not lead to %j, which is left out however the attribute is written', (link) => {
    for (const html of [
      '<a href="{{ link }}">x</a>',
      "<a href='{{ link }}'>x</a>",
      '<a HREF = "{{ link }}">x</a>',
      '<img alt=">" src="{{ link }}">',
      '<form action="{{ link }}">',
      '<a\nhref="{{ link | raw }}">x</a>',
    ]) {
      const message = renderWhole(html, link);
      expect(message.html, html).toMatch(/^<(a|img|form)(\s|alt=">")*>/);
      expect(message.leftOut, html).toEqual([
        { attribute: expect.stringMatching(/^(href|src|action)$/), protocol: expect.any(String) },
      ]);
    }
  });

  it('are left out of one message and its text, and kept in the next', () => {
    const html = '<p><a href="{{ link }}">Your {{ first_name }} page</a></p>';
    const derived = { ...template(html), text: null };
    expect(renderMessage(derived, { first_name: 'Ada', link: 'javascript:alert(1)' })).toMatchObject({
      html: '<p><a >Your Ada page</a></p>',
      text: 'Your Ada page\n',
    });
    expect(renderMessage(derived, { first_name: 'Ada', link: 'https://a.example' })).toEqual({
      subject: '',
      html: '<p><a href="https://a.example">Your Ada page</a></p>',
      text: 'Your Ada page <https://a.example>\n',
    });
  });

  it('lie in no message within each other', () => {
    const { html, dropped } = dropBadLinks(
      `<a href='x:1 href="y:2 href=z:3"'>t</a><a title="href='x:y'" href="https://a.example">`,
    );
    expect(dropBadLinks(html).dropped).toEqual([]);
    expect(dropped.length).toBeGreaterThan(1);
    expect(html).toContain('href="https://a.example"');
  });

  it.each([
    '<a href=javascript:alert(1)>',
    '<a href="&#106;avascript:alert(1)">',
    '<a href="&#x6A;avascript&colon;alert(1)">',
    '<a href="java&Tab;script:alert(1)">',
    '<a href="&#0000106avascript:alert(1)">',
    '<a href=" &#1; javascript:x">',
    '<svg><a xlink:href="javascript:x">',
    '<button formaction="javascript:x">',
    '<body background="javascript:x">',
    '<a/href="javascript:x">',
    '<a title="x"href="javascript:x">',
    "<a title='x'href='javascript:x'>",
  ])('are refused when the template itself writes %s', (html) => {
    expect(findLiteralBadLinks(html)).toHaveLength(1);
    expect(findLiteralBadLinks(dropBadLinks(html).html)).toEqual([]);
  });

  it.each([
    '<p data-href="x:y" class="href">about: href and src</p>',
    '<p>He said: href="see below"</p>',
    '<a href="https://a.example/?next=javascript:1">',
    '<a href="&#104;ttps://a.example">',
  ])('are not sought where there are none: %s', (html) => {
    expect(dropBadLinks(html)).toEqual({ html, dropped: [] });
  });

  it.each([
    ['<a href="tel:{{ phone }}">', 0],
    ['<a href="{{ url }}:8080/a">', 0],
    ['<a href="{{ a }}b:c">', 0],
    ['<a href="{{ link | default: "javascript:x" }}">', 0],
    ['{% comment %}<a href="javascript:x">{% endcomment %}', 0],
    ['{% if a < b %}<a href="{% if c %}x{% endif %}">{% endif %}', 0],
    ['<a href="javascript:{{ code }}">', 1],
    ['<a href="tel:">{{ phone }}</a>', 1],
    ['{% raw %}{{ <a href="x:y"> }}{% endraw %}<a href="x:y">', 1],
  ])('are found in the source %s where its Liquid cannot change it', (source, count) => {
    expect(findLiteralBadLinks(source)).toHaveLength(count);
  });

  it('says which attribute and protocol, and not the address', () => {
    expect(findLiteralBadLinks('<a href="javascript:secret"><a href="tel:secret">').map(describeBadLink)).toEqual([
      'the attribute href holds a javascript: address; only http, https, mailto, tel, sms are let through',
      'the attribute href holds a tel: address without a phone number',
    ]);
  });

  it.each([
    ['<a href="', 60_000],
    [' ', 500_000],
    [' href', 100_000],
    ['{{ ', 150_000],
    ['{% comment %}', 40_000],
  ])('looks through half a megabyte of %j in a time that grows no faster than the text', async (piece, count) => {
    expect(await excessOfSize(count, (size) => findLiteralBadLinks(` href${piece.repeat(size)}`))).toBeLessThan(4);
    expect(await excessOfSize(count, (size) => dropBadLinks(` href${piece.repeat(size)}`))).toBeLessThan(4);
  });
});

describe('the filter url', () => {
  it('keeps what is harmless and writes nothing for the rest', () => {
    expect(harmless.map(toSafeUrl)).toEqual(harmless);
    expect(harmful.map(toSafeUrl)).toEqual(harmful.map(() => ''));
    expect(render('<a href="{{ link | url }}">x</a>', 'javascript:x')).toBe('<a href="">x</a>');
    expect(render('<a href="{{ link | url }}">x</a>', 'https://a.example/?b&c')).toBe(
      '<a href="https://a.example/?b&amp;c">x</a>',
    );
  });
});
