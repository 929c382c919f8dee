import { describe, expect, it } from 'vitest';
import { maxHtmlChars, maxTextChars, renderMessage } from './render.ts';
import type { TemplateVersion } from './template.ts';
import { addHtmlFooter, addTextFooter } from './unsubscribe-footer.ts';

const url = 'https://example.com/u/YWRh.5a14e85a9e2a4cb4b0d2dc4a1cbe0cb6';
const template = (changes: Partial<TemplateVersion>): TemplateVersion => ({
  templateId: 'news',
  version: 1,
  channel: 'email',
  subject: 'News',
  html: '<body><p>News</p></body>',
  text: null,
  fromName: null,
  replyTo: null,
  ...changes,
});
const countOf = (text: string, part: string) => text.split(part).length - 1;

describe('the footer of the HTML part', () => {
  it.each([
    [
      'before the end of the body',
      '<html><body><p>Hi</p></body></html>',
      /<p>Hi<\/p>\n<style>.*<\/div>\n<\/body><\/html>$/s,
    ],
    [
      'before the last of several, in whatever letters',
      '<pre>&lt;</BODY></pre>x</Body >',
      /<\/pre>x\n<style>.*<\/div>\n<\/Body >$/s,
    ],
    [
      'before the end of the document when there is no body',
      '<p>Hi</p></html>',
      /<p>Hi<\/p>\n<style>.*<\/div>\n<\/html>$/s,
    ],
    ['at the end of a fragment', '<p>Hi</p>', /<p>Hi<\/p>\n<style>.*<\/div>\n$/s],
    [
      'also after letters that lower case makes longer',
      'İİİ<p>Hi</p></body>',
      /<p>Hi<\/p>\n<style>.*<\/div>\n<\/body>$/s,
    ],
  ])('stands %s', (_, html, expected) => {
    const done = addHtmlFooter(html, url);
    expect(done).toMatch(expected);
    expect(done).toContain(`<a href="${url}"`);
  });

  it('is not added when the template shows the link itself', () => {
    const own = `<body><a href="${url}">Stop</a></body>`;
    expect(addHtmlFooter(own, url)).toBe(own);
  });

  it('is added when the link only stands in a comment, where nobody sees it', () => {
    const hidden = `<!-- ${url} --><p>Hi</p>`;
    expect(addHtmlFooter(hidden, url)).toMatch(/<p>Hi<\/p>\n<style>/);
    const outlookOnly = `<!--[if mso]><a href="${url}">Stop</a><![endif]--><p>Hi</p>`;
    expect(countOf(addHtmlFooter(outlookOnly, url), url)).toBe(2);
  });
});

describe('the footer of the text part', () => {
  it('ends it, after a blank line', () => {
    const footer = `You no longer want e-mails like this? Unsubscribe:\n<${url}>\n`;
    expect(addTextFooter('Hi\n\n\n', url)).toBe(`Hi\n\n${footer}`);
    expect(addTextFooter('', url)).toBe(footer);
    expect(addTextFooter(`Stop: ${url}\n`, url)).toBe(`Stop: ${url}\n`);
  });
});

describe('renderMessage with an address to unsubscribe at', () => {
  it('adds it once to each part, and to a text made from the HTML as to any other', () => {
    for (const text of [null, 'News']) {
      const message = renderMessage(template({ text }), {}, url);
      expect(countOf(message.html ?? '', url)).toBe(1);
      expect(message.text).toMatch(new RegExp(`^News\\n\\nYou no longer .*\\n<${url}>\\n$`));
    }
    expect(renderMessage(template({ html: null, text: 'News' }), {}, url)).toMatchObject({ html: null });
  });

  it('lets the template write it, whatever the context says', () => {
    const own = template({ html: '<a href="{{ unsubscribe_url }}">Genug davon</a>' });
    expect(renderMessage(own, { unsubscribe_url: 'https://evil.example' }, url)).toEqual({
      subject: 'News',
      html: `<a href="${url}">Genug davon</a>`,
      text: `Genug davon <${url}>\n`,
    });
  });

  it('leaves a message without one as it was', () => {
    expect(renderMessage(template({}), {}, null)).toEqual(renderMessage(template({}), {}));
    expect(renderMessage(template({}), {}).html).toBe('<body><p>News</p></body>');
    expect(renderMessage(template({ html: '{{ unsubscribe_url }}' }), { unsubscribe_url: 'x' }).html).toBe('x');
  });

  it('has no part longer than its limit', () => {
    const sized = (html: string | null, text: string | null) => () => renderMessage(template({ html, text }), {}, url);
    const fault = (message: RegExp) =>
      expect.objectContaining({ code: 'render_limit', message: expect.stringMatching(message) });
    expect(sized('x'.repeat(maxHtmlChars), 'x')).toThrowError(fault(/^html: with the unsubscribe link/));
    expect(sized(null, 'x'.repeat(maxTextChars))).toThrowError(fault(/^text: with the unsubscribe link/));
    // A text that is made from the HTML gives way to the link.
    const derived = renderMessage(template({ html: '{{ x | raw }}' }), { x: 'x'.repeat(maxTextChars) }, url);
    expect(derived.text.length).toBeLessThanOrEqual(maxTextChars);
    expect(derived.text.endsWith(`<${url}>\n`)).toBe(true);
  });

  it('does nothing to an SMS', () => {
    expect(renderMessage(template({ channel: 'sms', text: 'Hi' }), {}, url)).toEqual({
      subject: '',
      text: 'Hi',
      html: null,
    });
  });
});
