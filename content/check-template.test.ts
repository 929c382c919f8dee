import { describe, expect, it } from 'vitest';
import { checkTemplate } from './check-template.ts';
import type { TemplateVersion } from './template.ts';
import { toTemplateFault } from './template-fault.ts';

const template = (changes: Partial<TemplateVersion> = {}): TemplateVersion => ({
  templateId: 't',
  version: 1,
  channel: 'email',
  subject: 'x',
  html: '',
  text: null,
  fromName: null,
  replyTo: null,
  ...changes,
});
const read = (html: string) =>
  checkTemplate(template({ html })).variables.map(({ name, line, column }) => `${name} ${line}:${column}`);

describe('the variables of a template', () => {
  it('are told with line and column, each place of them', () => {
    expect(read('{{ a }}\n  {{ b.c }} {{ a }}')).toEqual(['a 1:4', 'b 2:6', 'a 2:16']);
  });

  it('do not include what the template makes itself, from there on', () => {
    expect(read('{% assign a = b %}{{ a }}{% capture c %}x{% endcapture %}{{ c }}')).toEqual(['b 1:15']);
    expect(read('{{ early }}{% assign early = 1 %}{{ early }}')).toEqual(['early 1:4']);
    expect(read('{% increment n %}{{ n }}{% decrement m %}{{ m }}')).toEqual([]);
  });

  it('do not include those of loops within their loop', () => {
    expect(read('{% for x in list %}{{ x.y }}{{ forloop.index }}{% endfor %}')).toEqual(['list 1:13']);
    expect(read('{% for x in list %}{% endfor %}{{ x }}')).toEqual(['list 1:13', 'x 1:35']);
    expect(read('{% tablerow x in list %}{{ x }}{% endtablerow %}')).toEqual(['list 1:18']);
  });

  it('include those of conditions, filters and cases', () => {
    expect(read('{% if a == b %}{% elsif c %}{% endif %}').map((use) => use[0])).toEqual(['a', 'b', 'c']);
    expect(read('{{ a | append: b | default: c }}').map((use) => use[0])).toEqual(['a', 'b', 'c']);
    expect(read('{% case a %}{% when b %}{% endcase %}').map((use) => use[0])).toEqual(['a', 'b']);
  });

  it('are none in comments and raw text', () => {
    expect(read('{% comment %}{{ a }}{% endcomment %}{% raw %}{{ b }}{% endraw %}')).toEqual([]);
  });
});

describe('a check', () => {
  it('finds the faults of all parts, each with its place, and the variables of the parts that can be read', () => {
    const check = checkTemplate(template({ subject: '{{ a', html: '\n{% if a %}', text: '{{ b }}', replyTo: 'x' }));
    expect(check.faults.map(({ part, line, column }) => [part, line, column])).toEqual([
      ['subject', 1, 1],
      ['html', 2, 1],
      [undefined, undefined, undefined],
    ]);
    expect(check.variables).toEqual([{ part: 'text', name: 'b', line: 1, column: 4 }]);
  });

  it('finds nothing wrong with a sound template', () => {
    expect(checkTemplate(template({ html: '<p>{{ first_name }}</p>' })).faults).toEqual([]);
    expect(checkTemplate(template({ channel: 'sms', html: null, text: 'x' })).faults).toEqual([]);
  });

  it.each([
    ['<p>\n  <a href="javascript:x">', 2, 6, 'a javascript: address; only'],
    ['{% if a < b %}\n<img src="{{ x }}"> <a href="tel:">call</a>{% endif %}', 2, 24, 'a tel: address without'],
    ['{{ name }}<a href="sms:call">', 1, 14, 'a sms: address without'],
  ])('finds the bad link that is written in %j, with its place', (html, line, column, detail) => {
    const check = checkTemplate(template({ html }));
    expect(check.faults).toEqual([{ part: 'html', line, column, detail: expect.stringContaining(detail) }]);
  });

  it('leaves links alone that come from variables', () => {
    expect(checkTemplate(template({ html: '<a href="{{ a }}"><a href="tel:{{ b }}">' })).faults).toEqual([]);
  });

  it('calls HTML a fault of which no text can be made', () => {
    const { faults } = checkTemplate(template({ html: `{% if a<b %}x{% endif %}${'<div>'.repeat(300)}` }));
    expect(faults.map(({ detail }) => detail)).toEqual(['its tags lie more than 256 levels within each other']);
  });

  it('misses the text of a template that has none', () => {
    expect(checkTemplate(template({ html: null })).faults).toEqual([
      { part: 'text', line: undefined, column: undefined, detail: 'it is empty, and there is nothing to make it from' },
    ]);
  });

  it('calls tags within tags beyond measure a fault', () => {
    const { faults } = checkTemplate(
      template({ html: `${'{% if a %}'.repeat(20_000)}${'{% endif %}'.repeat(20_000)}` }),
    );
    expect(faults).toHaveLength(1);
  });
});

describe('a fault', () => {
  it('has its place read from its words', () => {
    expect(toTemplateFault('html line 3, column 5: tag "if" not closed')).toEqual({
      part: 'html',
      line: 3,
      column: 5,
      detail: 'tag "if" not closed',
    });
    expect(toTemplateFault('subject: it holds a control character')).toMatchObject({
      part: 'subject',
      line: undefined,
    });
    expect(toTemplateFault('it did not end')).toEqual({
      part: undefined,
      line: undefined,
      column: undefined,
      detail: 'it did not end',
    });
  });
});
