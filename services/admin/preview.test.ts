// On a real worker thread: what is tested is that a template cannot do harm to the pages.
import { afterAll, describe, expect, it } from 'vitest';
import type { TemplateVersion } from '../../content/template.ts';
import { createPreviewer, type Previewer } from './preview.ts';

const previewers: Previewer[] = [];
afterAll(() => Promise.all(previewers.map((previewer) => previewer.stop())));

const create = (options: Parameters<typeof createPreviewer>[0] = {}) => {
  // A busy machine must not fail what is fine.
  const previewer = createPreviewer({ limitMs: 5_000, ...options });
  previewers.push(previewer);
  return previewer;
};
const user = {
  id: 'u1',
  first_name: 'Ada <b>',
  last_name: 'Lovelace',
  email: 'ada@example.com',
  phone: null,
  promo_agree: true,
  films_month_count: 7,
  favourite_genre: 'drama',
};
const template = (html: string, text: string | null = null): TemplateVersion => ({
  templateId: 't',
  version: 1,
  channel: 'email',
  subject: 'For {{ first_name }}',
  html,
  text,
  fromName: null,
  replyTo: null,
});
const preview = (previewer: Previewer, html: string, changes: { kind?: string; context?: string } = {}) =>
  previewer.preview({
    template: template(html),
    kind: 'common',
    user,
    context: '{}',
    unsubscribeUrl: null,
    ...changes,
  });
const list = JSON.stringify({ list: Array.from({ length: 10_000 }, (_, n) => n) });
// Neither steps nor characters show what it costs: one filter that looks through a list for each of its items.
const slow = '{% assign found = list | where_exp: "x", "list contains 99999999" %}'.repeat(20);
const greedy =
  '{% assign s = "aaaaaaaaaaaaaaaa" %}{% for i in (1..15) %}{% assign s = s | append: s %}{% endfor %}{% assign a = s | split: "" | sort %}';

describe('a preview', { timeout: 60_000 }, () => {
  const previewer = create();

  it('is what sending makes: the collector’s data, the context, the name, escaped', async () => {
    const html = '{{ first_name }} {{ films_month_count }} {{ city }}';
    const answer = await preview(previewer, html, { kind: 'monthly_personal_statistic', context: '{"city":"Ulm"}' });
    expect(answer).toEqual({
      kind: 'message',
      message: { subject: 'For Ada <b>', html: 'Ada &lt;b&gt; 7 Ulm', text: 'Ada <b> 7 Ulm\n' },
    });
  });

  it('shows the link to unsubscribe that a promotional mail will have', async () => {
    const job = { template: template('<p>Hi</p>'), kind: 'common', user, context: '{}' };
    const answer = await previewer.preview({ ...job, unsubscribeUrl: 'https://example.com/u/test' });
    expect(answer).toMatchObject({ message: { html: expect.stringContaining('href="https://example.com/u/test"') } });
  });

  it.each([
    ['<p>\n  {{ x | nope }}</p>', 'html', 2, 3, 'undefined filter: nope'],
    ['{% for i in (1..100000) %}x{% endfor %}', 'html', 1, 1, 'it takes more than 100000 steps'],
    [
      '{% for i in (1..20000) %}12345678901234567890123456789012{% endfor %}',
      'html',
      undefined,
      undefined,
      'it writes more than',
    ],
  ])('of %s is a fault with its place', async (html, part, line, column, detail) => {
    const answer = await preview(previewer, html);
    expect(answer).toMatchObject({ kind: 'fault', part, detail: expect.stringContaining(detail) });
    if (line !== undefined) expect(answer).toMatchObject({ line, column });
  });

  it('leaves out a bad link that comes with the data, and says so', async () => {
    const answer = await preview(previewer, '<a href="{{ x }}">x</a>', { context: '{"x":"javascript:y()"}' });
    expect(answer).toMatchObject({
      kind: 'message',
      message: { html: '<a >x</a>', leftOut: [{ attribute: 'href', protocol: 'javascript' }] },
    });
  });

  it('with a context or a kind that cannot be used says so', async () => {
    expect(await preview(previewer, 'x', { context: '[]' })).toMatchObject({
      detail: 'context: it is not a JSON object',
    });
    expect(await preview(previewer, 'x', { kind: 'new' })).toMatchObject({
      detail: "this release has no collector for the kind 'new'",
    });
  });
});

describe('a template that means harm', { timeout: 60_000 }, () => {
  it('is stopped when it takes too long, and the next preview is fine', async () => {
    const previewer = create({ limitMs: 800 });
    const answers = await Promise.all([preview(previewer, slow, { context: list }), preview(previewer, 'fine')]);
    expect(answers[0]).toMatchObject({ kind: 'fault', detail: 'it did not end within 800 ms and was stopped' });
    expect(answers[1]).toMatchObject({ kind: 'message' });
  });

  it('is stopped when it uses up the memory of its thread, and the next preview is fine', async () => {
    const previewer = create({ heapMb: 20 });
    expect(await preview(previewer, greedy)).toMatchObject({
      kind: 'fault',
      detail: 'it needed more than 20 MB of memory and was stopped',
    });
    expect(await preview(previewer, 'fine')).toMatchObject({ kind: 'message' });
  });

  it('makes others wait only as far as a short queue goes', async () => {
    const previewer = create({ maxWaiting: 2 });
    const answers = await Promise.all(['1', '2', '3'].map((html) => preview(previewer, html)));
    expect(answers.map((answer) => answer.kind)).toEqual(['message', 'message', 'fault']);
    expect(await preview(previewer, '4')).toMatchObject({ kind: 'message' });
  });
});

describe('a check', { timeout: 60_000 }, () => {
  it('tells all faults at once and every variable with its place', async () => {
    const check = await create().check({ ...template('{{ a }}\n{% if %}', '{{ b'), replyTo: 'x' });
    expect(check.variables).toEqual([{ part: 'subject', name: 'first_name', line: 1, column: 8 }]);
    expect(check.faults.map(({ part, line }) => [part, line])).toEqual([
      ['html', 2],
      ['text', 1],
      [undefined, undefined],
    ]);
  });

  it('finds a bad link that is written in the template, with its place, and marks of other systems', async () => {
    const check = await create().check(template('<p>\n<a href="javascript:x()">*|NAME|*</a>'));
    expect(check.faults).toMatchObject([{ part: 'html', line: 2, column: 4 }]);
    expect(check.warnings).toMatchObject([{ part: 'html', line: 2, column: 26 }]);
  });
});
