import { expect, it } from 'vitest';
import { excessOfSize } from '../../tests/support/processor-time.ts';
import type { OldTemplate } from './template-entry.ts';
import { findTemplateFaults } from './template-faults.ts';

const template = (body: string, changes: Partial<OldTemplate> = {}): OldTemplate => ({
  legacyNumber: 1,
  title: 'Проба',
  kind: 'common',
  channel: 'email',
  subject: 'Тема',
  html: body,
  text: null,
  createdAt: null,
  updatedAt: null,
  ...changes,
});

it.each([
  'Здравствуйте, {{ first_name }} {{ last_name|default:"друг" }}!',
  '{% if films_month_count > 0 %}{{ films_month_count }}{% else %}0{% endif %}',
  '{% if first_name != blank and city == "in Moscow" %}x{% endif %}',
  '{% for film in films %}{{ forloop.index }}. {{ film }}{% endfor %}',
  '{% for film in films reversed %}{{ film }}{% endfor %}',
  '{{ until|date:"%d.%m.%Y" }} {% cycle "a", "b" %} {% comment %}нет{% endcomment %}',
  '<p style="color: #{x}">{ #1 }</p>',
])('finds nothing in %j', (body) => {
  expect(findTemplateFaults(template(body))).toEqual({ parseFault: null, differences: [] });
});

it.each([
  ['<p>\n  {% load i18n %}</p>', 'html line 2, column 3: tag "load" not found'],
  ['{% trans "Здравствуйте" %}', 'html line 1, column 1: tag "trans" not found'],
  ['{{ first_name|title }}', 'html line 1, column 1: undefined filter: title'],
  ['{% if a %}1{% elif b %}2{% endif %}', 'html line 1, column 12: tag "elif" not found'],
  ['{{ first_name', 'html line 1, column 1: output "{{ first_name" not closed'],
])('says where %j does not parse', (body, fault) => {
  expect(findTemplateFaults(template(body)).parseFault).toBe(fault);
});

it('names the part: the subject, or the text of a mail without HTML', () => {
  expect(findTemplateFaults(template('x', { subject: '{% now "Y" %}' })).parseFault).toMatch(
    /^subject line 1, column 1: /,
  );
  expect(findTemplateFaults(template('', { html: null, text: 'a\n{{ b|safe }}' })).parseFault).toMatch(
    /^text line 2, /,
  );
});

it.each([
  ['a\n {# нет #}', /^html line 2, column 2: \{# нет #\}: a comment of Django's/],
  ['{{ forloop.counter }}', /^html line 1, column 4: forloop\.counter: empty here/],
  ['{{ until|date:"d.m.Y" }}', /column 9: \|date:"d\.m\.Y": dates are written with strftime/],
  ["{{ name|slice:':5' }}", /takes numbers here/],
  ["{% cycle 'a' 'b' %}", /put commas between them/],
  ['{% if name is None %}x{% endif %}', /`is` and `in` are not known here/],
  ['{% if "a" in list %}x{% endif %}', /`is` and `in` are not known here/],
  ['{% if name == True %}x{% endif %}', /None, True and False/],
  ['{% if name %}x{% endif %}', /0 and an empty text count as true/],
  ['{% if not user.name %}x{% endif %}', /0 and an empty text count as true/],
])('%j parses, but comes out otherwise, and is told', (body, difference) => {
  const { parseFault, differences } = findTemplateFaults(template(body));
  expect(parseFault).toBeNull();
  expect(differences.join('\n')).toMatch(difference);
});

it('tells what is empty', () => {
  expect(findTemplateFaults(template('x', { subject: '' })).differences).toEqual(['subject: it is empty']);
  const sms = template('', { channel: 'sms', subject: '', html: null, text: ' \n' });
  expect(findTemplateFaults(sms).differences).toEqual(['text: it is empty, and sends fail']);
});

it.each(['{% if is ', '{#', '{% cycle "a" ', '|date:"', '{{ '])(
  'reads a source that begins %j many times and ends none in a time that grows no faster than the source',
  async (piece) => {
    const find = (count: number) =>
      expect(findTemplateFaults(template(piece.repeat(count))).differences.length).toBeLessThanOrEqual(20);
    expect(await excessOfSize(10_000, find)).toBeLessThan(4);
  },
);
