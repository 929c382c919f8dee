import { describe, expect, it } from 'vitest';
import { excessOfSize } from '../tests/support/processor-time.ts';
import { checkLinks, toSafeUrl } from './links.ts';
import { renderMessage } from './render.ts';

const render = (html: string, link: string) =>
  renderMessage(
    { templateId: 't', version: 1, channel: 'email', subject: '', html, text: 'x', fromName: null, replyTo: null },
    { link },
  ).html;

const harmless = [
  'https://lumen.example/a?b=1&c=javascript:2',
  'HTTP://lumen.example',
  'mailto:help@lumen.example',
  '/relative:path',
  '#top',
  '?a=b:c',
  '',
  'films/seven:samurai',
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
  'tel:+15550100',
  'x:y',
];

describe('links in a message', () => {
  it.each(harmless)('may lead to %j', (link) => {
    expect(render('<a href="{{ link }}">x</a>', link)).toContain('<a href="');
  });

  it.each(harmful)('may not lead to %j, however the attribute is written', (link) => {
    for (const html of [
      '<a href="{{ link }}">x</a>',
      "<a href='{{ link }}'>x</a>",
      '<a HREF = "{{ link }}">x</a>',
      '<img alt=">" src="{{ link }}">',
      '<form action="{{ link }}">',
      '<a\nhref="{{ link | raw }}">x</a>',
    ]) {
      expect(() => render(html, link), html).toThrowError(
        expect.objectContaining({
          code: 'template_error',
          message: expect.stringMatching(/^html: the attribute (href|src|action) holds a/),
        }),
      );
    }
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
    expect(() => checkLinks(html)).toThrowError(expect.objectContaining({ code: 'template_error' }));
  });

  it.each([
    '<p data-href="x:y" class="href">about: href and src</p>',
    '<p>He said: href="see below"</p>',
    '<a href="https://a.example/?next=javascript:1">',
    '<a href="&#104;ttps://a.example">',
  ])('are not sought where there are none: %s', (html) => {
    expect(() => checkLinks(html)).not.toThrow();
  });

  it('says which attribute and protocol, and not the address', () => {
    expect(() => checkLinks('<a href="javascript:secret">')).toThrowError(
      'html: the attribute href holds a javascript: address; only http, https and mailto are let through',
    );
  });

  it.each([
    ['<a href="', 60_000],
    [' ', 500_000],
    [' href', 100_000],
  ])('looks through half a megabyte of %j in a time that grows no faster than the text', async (piece, count) => {
    expect(await excessOfSize(count, (size) => checkLinks(` href${piece.repeat(size)}`))).toBeLessThan(4);
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
