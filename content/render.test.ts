import fc from 'fast-check';
import { Liquid } from 'liquidjs';
import { describe, expect, it } from 'vitest';
import { PermanentError } from '../lib/errors.ts';
import { excessOfSize, heldUpAtMostMs, leastThreadMs } from '../tests/support/processor-time.ts';
import { maxHtmlChars, maxSmsChars, maxSubjectChars, maxTextChars, renderMessage } from './render.ts';
import type { TemplateVersion } from './template.ts';

const template = (changes: Partial<TemplateVersion> = {}): TemplateVersion => ({
  templateId: 'welcome',
  version: 1,
  channel: 'email',
  subject: 'Hello {{ first_name }}',
  html: '<p>Hello {{ first_name }}</p>',
  text: 'Hello {{ first_name }}',
  fromName: null,
  replyTo: null,
  ...changes,
});
const sms = (text: string | null) => template({ channel: 'sms', subject: '', html: null, text });
const html = (source: string, variables: Record<string, unknown> = {}) =>
  renderMessage(template({ html: source, text: '' }), variables).html;
const text = (source: string, variables: Record<string, unknown> = {}) =>
  renderMessage(template({ html: null, text: source }), variables).text;
const fault = (code: string, message: RegExp | string) =>
  expect.objectContaining({ code, message: typeof message === 'string' ? message : expect.stringMatching(message) });

describe('renderMessage', () => {
  it('fills in subject, text and html', () => {
    expect(renderMessage(template(), { first_name: 'Ada' })).toEqual({
      subject: 'Hello Ada',
      text: 'Hello Ada',
      html: '<p>Hello Ada</p>',
    });
  });

  it('escapes in html, and nowhere else', () => {
    const message = renderMessage(template(), { first_name: '<b>"A&B"</b>' });
    expect(message.html).toBe('<p>Hello &lt;b&gt;&#34;A&amp;B&#34;&lt;/b&gt;</p>');
    expect(message.text).toBe('Hello <b>"A&B"</b>');
    expect(message.subject).toBe('Hello <b>"A&B"</b>');
  });

  it.each(['escape', 'xml_escape', 'escape_once'])('does not escape twice what went through %s', (filter) => {
    expect(html(`{{ x | ${filter} }}`, { x: '<&' })).toBe('&lt;&amp;');
  });

  it('escapes before it turns line breaks into <br>', () => {
    expect(html('{{ x | newline_to_br }}', { x: '<i>\nb' })).toBe('&lt;i&gt;<br>\nb');
  });

  it('writes nothing for variables that are missing, and `default` in their place', () => {
    expect(text("[{{ nobody }}{{ nobody.name }}] {{ title | default: 'a film' }}")).toBe('[] a film');
  });

  it('lets a template see own properties only', () => {
    expect(text('{{ x.constructor }}{{ x.__proto__ }}{{ x.toString }}{{ list.map }}', { x: {}, list: [] })).toBe('');
  });

  it('does not let one part see what another one counted up', () => {
    const counting = template({ subject: '{% increment n %}', html: '{% increment n %}', text: '{% increment n %}' });
    expect(renderMessage(counting, {})).toEqual({ subject: '0', html: '0', text: '0' });
  });

  it('writes dates in UTC whatever machine it runs on', () => {
    expect(text('{{ at | date: "%Y-%m-%d %H:%M" }}', { at: '2026-11-23T23:30:00-05:00' })).toBe('2026-11-24 04:30');
  });

  describe('subjects', () => {
    it.each(['a\nb', 'a\r\nb', 'a \t b', 'a\u2028b', '\n a b \n'])(
      'turns the line breaks of %j into one blank',
      (x) => {
        expect(renderMessage(template({ subject: '{{ x }}' }), { x }).subject).toBe('a b');
      },
    );

    it.each(['a\u0000b', 'a\u001bb', 'a\u007fb', 'a\u0092b', 'a\u202eb\u2069', 'a\ud800b', '\ufeffab'])(
      'drop what nobody can see in %j, and fail nobody for it',
      (x) => {
        expect(renderMessage(template({ subject: '{{ x }}', text: '{{ x }}' }), { x }).subject).toBe('ab');
      },
    );

    it('never hold a line break or control character', () => {
      const subjectOf = template({ subject: 'Hi {{ x }}', html: null, text: 'x' });
      fc.assert(
        fc.property(fc.string({ unit: 'binary' }), (x) => {
          const { subject } = renderMessage(subjectOf, { x });
          expect(subject.isWellFormed()).toBe(true);
          expect(subject).not.toMatch(/\p{Cc}|\p{Zl}|\p{Zp}/u);
        }),
      );
    });
  });

  it('drops control characters from bodies', () => {
    const message = renderMessage(template({ html: '{{ x }}', text: '{{ x }}' }), { x: 'a\u0000\u001b\tb\r\nc' });
    expect([message.html, message.text]).toEqual(['a\tb\r\nc', 'a\tb\r\nc']);
  });

  describe('SMS', () => {
    it('is trimmed text alone', () => {
      expect(renderMessage(sms('\n Hello {{ first_name }} \n'), { first_name: '<Ada>' })).toEqual({
        subject: '',
        text: 'Hello <Ada>',
        html: null,
      });
    });

    it('fails when it comes out empty or has no text at all', () => {
      expect(() => renderMessage(sms('  {{ nobody }} '), {})).toThrowError(
        fault('template_error', 'text: the SMS is empty'),
      );
      expect(() => renderMessage(sms(null), {})).toThrowError(fault('template_error', /^text: .*missing/));
    });
  });

  describe('errors', () => {
    it.each([
      ['html', '<p>\n  {{ x | nope }}', 'html line 2, column 3: undefined filter: nope'],
      ['html', 'a\n{% if x %}', 'html line 2, column 1: tag {% if x %} not closed'],
      ['html', 'a {% nonsense %}', 'html line 1, column 3: tag "nonsense" not found'],
      ['text', 'one\ntwo\nthree {{ "a', 'text line 3, column 7: output "{{ \\"a" not closed'],
      ['subject', 'Hi {{ x | nope }}', 'subject line 1, column 4: undefined filter: nope'],
      ['html', "{% include '/etc/passwd' %}", 'html line 1, column 1: tag "include" not found'],
      ['html', "{% render 'other' %}", 'html line 1, column 1: tag "render" not found'],
      ['html', "{% layout 'other' %}", 'html line 1, column 1: tag "layout" not found'],
    ])('say where in %s: %j', (part, source, message) => {
      const broken = template({ [part]: source });
      expect(() => renderMessage(broken, {})).toThrowError(fault('template_error', message));
      // A second person meets the error that was kept.
      expect(() => renderMessage(broken, {})).toThrowError(fault('template_error', message));
    });

    it('name the node that fails while rendering, and nothing of the person', () => {
      expect(() =>
        text('Hi\n {{ first_name }} {{ x | divided_by: 2 | date: y }} {{ z }}', { z: { toString: 'secret' } }),
      ).toThrowError(fault('template_error', /^text line 2, column \d+: (?!.*secret)/));
    });

    it('refuse a reply-to that is no address, and an e-mail without any body', () => {
      expect(() => renderMessage(template({ replyTo: 'nobody' }), {})).toThrowError(
        fault('template_error', /^reply_to/),
      );
      expect(() => renderMessage(template({ html: null, text: null }), {})).toThrowError(
        fault('template_error', /^html/),
      );
    });
  });

  describe('whatever a message’s data does to the code', () => {
    // html-to-text reads beyond its table of Roman digits.
    const listOfNothing = '<ol type="i" start="10000"><li>x</li></ol>';
    it('is an error of this message, which names nobody’s data', () => {
      const derived = template({ html: '{{ body | raw }}', text: null });
      expect(() => renderMessage(derived, { body: listOfNothing })).toThrowError(
        fault('render_bug', /^the renderer met an error of its own: (?!.*10000)/),
      );
    });

    it('is an error also where the template itself holds it, for each person', () => {
      const derived = template({ html: listOfNothing, text: null });
      for (const _ of [1, 2]) {
        expect(() => renderMessage(derived, {})).toThrowError(fault('render_bug', /error of its own/));
      }
    });

    it('is an error of this message and nothing else, for any data in any filter', () => {
      const filters = Object.keys(new Liquid().filters);
      const odd = fc.oneof(
        fc.jsonValue(),
        fc.constantFrom(
          1e308,
          -1e308,
          0.1,
          '%'.repeat(5_000),
          '\ud800',
          '9'.repeat(400),
          'x'.repeat(5_000),
          '<b>'.repeat(999),
        ),
        fc.array(fc.jsonValue(), { maxLength: 50 }),
      );
      fc.assert(
        fc.property(fc.constantFrom(...filters), odd, odd, odd, (filter, x, y, z) => {
          for (const args of ['', ': y', ': y, z', ': "a", y']) {
            const source = `{{ x | ${filter}${args} }}{% for i in x %}{{ i | ${filter} }}{% endfor %}`;
            try {
              renderMessage(
                template({ html: `${source}{{ z | raw }}`, text: null }),
                { x, y, z },
                'https://example.com/u',
              );
            } catch (error) {
              expect(error).toBeInstanceOf(PermanentError);
              expect(['template_error', 'render_limit', 'render_bug']).toContain((error as PermanentError).code);
            }
          }
        }),
        { numRuns: 300 },
      );
    });
  });

  it('knows the place in a loop', () => {
    const source =
      '{% for f in films %}{{ forloop.index }}/{{ forloop.length }} {{ f }}{% unless forloop.last %}, {% endunless %}{% endfor %}';
    expect(html(source, { films: ['M', 'Solaris'] })).toBe('1/2 M, 2/2 Solaris');
  });

  describe('limits', () => {
    const nested =
      '{% for a in (1..1000) %}{% for b in (1..1000) %}{% for c in (1..1000) %}{% endfor %}{% endfor %}{% endfor %}';
    it.each([
      ['endless loops', nested, /steps$/],
      [
        'loops that assign',
        '{% for a in (1..900) %}{% for b in (1..900) %}{% assign x = b %}{% endfor %}{% endfor %}',
        /steps$/,
      ],
      ['a big range', '{% for a in (1..1000000000) %}{% endfor %}', /on its way$/],
      [
        'doubling with append',
        '{% assign s = "aaaaaaaa" %}{% for a in (1..99) %}{% assign s = s | append: s %}{% endfor %}',
        /on its way$/,
      ],
      [
        'doubling with capture',
        '{% capture s %}aaaaaaaa{% endcapture %}{% for a in (1..99) %}{% capture s %}{{ s }}{{ s }}{% endcapture %}{% endfor %}',
        /on its way$/,
      ],
      ['a wide date', '{{ "now" | date: "%999999999d" }}', /on its way$/],
      ['a date of endless width', '{{ "now" | date: "%99999999999999999999999d" }}', /on its way$/],
      [
        'much output',
        '{% for a in (1..20000) %}aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa{% endfor %}',
        /writes more/,
      ],
      ['deep nesting', `${'{% if true %}'.repeat(20_000)}${'{% endif %}'.repeat(20_000)}`, /./],
    ])('stop %s', async (_, source, message) => {
      const stopped = () => expect(() => html(source)).toThrowError(fault('render_limit', message));
      // As long as one message may take.
      expect(await leastThreadMs(stopped)).toBeLessThan(1_000);
    });

    it('are different for each part', () => {
      const big = (chars: number) => ({ x: 'a'.repeat(chars) });
      expect(html('{{ x }}', big(maxHtmlChars))).toHaveLength(maxHtmlChars);
      expect(() => html('{{ x }}', big(maxHtmlChars + 1))).toThrowError(fault('render_limit', /^html line 1/));
      expect(() => text('{{ x }}', big(maxTextChars + 1))).toThrowError(fault('render_limit', /^text line 1/));
      expect(() => renderMessage(template({ subject: '{{ x }}' }), big(maxSubjectChars + 1))).toThrowError(
        fault('render_limit', /^subject line 1/),
      );
      expect(() => renderMessage(sms('{{ x }}'), big(maxSmsChars + 1))).toThrowError(
        fault('render_limit', /^text line 1/),
      );
    });

    it.each([
      ['<b>', 20_000],
      ['<table><tr><td>', 1_000],
      ['<blockquote>a', 5_000],
      ['<a href="https://example.com">', 300],
      ['<ul><li>a', 200],
      ['<svg><g>', 9_000],
    ])('stop a text that would be made from %s within each other, before it is made', async (tag, count) => {
      const derived = template({ html: '{{ body | raw }}', text: null });
      const stopped = () =>
        expect(() => renderMessage(derived, { body: tag.repeat(count) })).toThrowError(
          fault('render_limit', /^html: its tags lie more than 256 levels/),
        );
      expect(await leastThreadMs(stopped)).toBeLessThan(heldUpAtMostMs);
    });

    it('leave tags alone that close by themselves, and what nests as deep as mails do', () => {
      const derived = template({ html: '{{ body | raw }}', text: null });
      expect(renderMessage(derived, { body: '<p>a'.repeat(20_000) }).text).toHaveLength(59_999);
      expect(renderMessage(derived, { body: `${'<div>'.repeat(250)}deep` }).text).toBe('deep\n');
    });

    it('make no text in a time that grows faster than the text', async () => {
      const derived = template({ html: '{{ body | raw }}', text: null });
      const render = (chars: number) => {
        const body = `<pre>${' \t'.repeat(chars / 4)}x</pre>${'<!--'.repeat(chars / 8)}`;
        renderMessage(derived, { body: body.slice(0, chars) }, 'https://example.com/u/1');
      };
      expect(await excessOfSize(maxHtmlChars - 2_000, render)).toBeLessThan(4);
    });

    it('leave an ordinary long newsletter alone', () => {
      const films = Array.from({ length: 1_000 }, (_, n) => ({ title: `Film ${n}`, year: 1950 + (n % 70) }));
      const list =
        '<ul>{% for f in films %}<li>{{ f.title }}{% if f.year > 2000 %} (new){% endif %}</li>{% endfor %}</ul>';
      expect(html(list, { films })).toContain('<li>Film 989</li><li>Film 990');
    });
  });
});
