// What the editor's script and people without one are told about a template that is being written.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TryOut } from '../../services/admin/template/try-out.ts';
import { startUserMock, type UserMock } from '../../user-mock/app.ts';
import { type AdminLab, startAdminLab, type Visitor } from '../support/admin-lab.ts';
import { findReachable } from '../support/people.ts';
import { addTemplate } from '../support/templates.ts';

let lab: AdminLab;
let users: UserMock;
let editor: Visitor;
beforeAll(async () => {
  users = await startUserMock({ port: 0, host: '127.0.0.1' });
  lab = await startAdminLab(users.url);
  // Who may see people as well: editors alone preview with examples.
  editor = await lab.logIn('editor', 'support');
  const kind = 'monthly_personal_statistic';
  await addTemplate(lab.db, { templateId: 'mail', html: 'x', kind });
  await addTemplate(lab.db, { templateId: 'promo', html: 'x', kind });
  await lab.db.updateTable('templates').set({ is_promo: true }).where('template_id', '=', 'promo').execute();
  await addTemplate(lab.db, { templateId: 'sms', channel: 'sms', text: 'x' });
});
afterAll(async () => {
  await lab?.stop();
  await users?.stop();
});

const [person, other] = findReachable(2, 40);
const ask = async (templateId: string, fields: Record<string, string>, visitor = editor, url = lab.url) => {
  const answer = await fetch(`${url}/templates/${templateId}/preview`, {
    method: 'POST',
    headers: { cookie: visitor.cookie, accept: 'application/json' },
    body: new URLSearchParams({ _csrf: await visitor.csrf(), subject: 'x', ...fields }),
  });
  expect(answer.status).toBe(200);
  return (await answer.json()) as TryOut;
};

describe('a preview', () => {
  it('has the data of the person that was chosen, through the collector of the kind', async () => {
    const html = '{{ first_name }} {{ last_name }}: {{ films_month_count }}';
    const tried = await ask('mail', { html, subject: 'For {{ first_name }}', user_id: person?.id ?? '' });
    const { first_name: first, last_name: last, films_month_count: films } = person ?? {};
    expect(tried.message).toEqual({
      subject: `For ${first}`,
      html: `${first} ${last}: ${films}`,
      text: `${first} ${last}: ${films}\n`,
    });
    expect(tried.person).toEqual({ userId: person?.id, name: `${first} ${last}`, from: 'chosen' });
    expect(tried.marks).toEqual([]);
    expect((await ask('mail', { html: '{{ last_name }}', user_id: other?.id ?? '' })).message?.html).toBe(
      other?.last_name,
    );
  });

  it('has the data of a real person when none was chosen', async () => {
    const tried = await ask('mail', { html: '{{ first_name }}' });
    expect(tried.person.from).toBe('somebody');
    expect(tried.message?.html).toBe(tried.person.name.split(' ')[0]);
  });

  it.each([
    ['nobody-has-this', 'The user service does not know this id.'],
    ['not an id', 'A user id has 1 to 64 of the characters'],
  ])('for the user id %s says what is wrong with it, and shows examples', async (userId, why) => {
    const tried = await ask('mail', { html: '{{ first_name }} {{ films_month_count }}', user_id: userId });
    expect(tried.userFault).toContain(why);
    expect(tried.message?.html).toBe('Ada 12');
  });

  it('takes the request’s context, which wins over what was collected, but not over the name', async () => {
    const context = '{"city":"<Ulm>","films_month_count":99,"first_name":"nobody"}';
    const html = '{{ city }} {{ films_month_count }} {{ first_name }}';
    const tried = await ask('mail', { html, context, user_id: person?.id ?? '' });
    expect(tried.message?.html).toBe(`&lt;Ulm&gt; 99 ${person?.first_name}`);
    expect(tried.marks).toEqual([]);
  });

  it.each([
    ['[1]', 'It must be a JSON object.'],
    ['{', 'It is not JSON: at line 1, column 2 the text ends where a name in double quotes is expected.'],
    [`{"a":"${'x'.repeat(70_000)}"}`, '65536 are allowed.'],
    [`{"a":${'['.repeat(20)}${']'.repeat(20)}}`, 'It may have at most 16 levels.'],
  ])('with the context %s says what is wrong with it, and leaves it out', async (context, why) => {
    const tried = await ask('mail', { html: 'fine', context });
    expect(tried.contextFault).toContain(why);
    expect(tried.message?.html).toBe('fine');
  });

  it('warns of variables that nothing offers, with line and column, until the context has them', async () => {
    const fields = { html: '{{ first_name }}\n  {{ city }}{% assign x = 1 %}{{ x }}', text: '{{ city }}' };
    const { marks } = await ask('mail', fields);
    expect(marks.map(({ level, part, line, column }) => [level, part, line, column])).toEqual([
      ['warning', 'html', 2, 6],
      ['warning', 'text', 1, 4],
    ]);
    expect(marks[0]?.detail).toBe(
      "“city” is none of the variables offered: it comes from the request's context, if the producer sends it",
    );
    expect((await ask('mail', { ...fields, context: '{"city":"Ulm"}' })).marks).toEqual([]);
  });

  it('warns of so many and no more', async () => {
    const { marks } = await ask('mail', { html: Array.from({ length: 500 }, (_, n) => `{{ v${n} }}`).join('') });
    expect(marks).toHaveLength(31);
    expect(marks.at(-1)?.detail).toBe('and 470 more of this kind');
  });

  it('of a promotional e-mail has the link to unsubscribe, of another one has none', async () => {
    expect((await ask('promo', { html: '<p>x</p>' })).message?.html).toContain(`href="${lab.config.publicUrl}/u/test"`);
    expect((await ask('promo', { html: '{{ unsubscribe_url }}' })).marks).toEqual([]);
    expect((await ask('mail', { html: '<p>x</p>' })).message?.html).toBe('<p>x</p>');
  });

  it('of an SMS counts its parts', async () => {
    const tried = await ask('sms', { text: 'я'.repeat(71) });
    expect(tried.sms).toMatchObject({ characters: 71, encoding: 'UCS-2', parts: 2 });
    expect((await ask('sms', { text: '{{ unsubscribe_url }}x' })).marks).toMatchObject([
      { level: 'warning', column: 4 },
    ]);
  });

  it.each([
    [
      'an endless loop',
      { html: '{% for i in (1..99999) %}{% for j in (1..99999) %}x{% endfor %}{% endfor %}' },
      'it takes more than',
    ],
    [
      'a memory bomb',
      { html: '{% assign s = "xxxxxxxx" %}{% for i in (1..40) %}{% assign s = s | append: s %}{% endfor %}' },
      'it makes more than',
    ],
    ['a huge output', { html: `{% for i in (1..9000) %}${'x'.repeat(80)}{% endfor %}` }, 'it writes more than'],
    [
      'a slow filter',
      {
        html: '{% assign found = list | where_exp: "x", "list contains 99999999" %}'.repeat(400),
        context: JSON.stringify({ list: Array.from({ length: 9_000 }, (_, n) => n) }),
      },
      'it did not end within 1000 ms and was stopped',
    ],
  ])('of %s ends with a clear fault, and the pages go on meanwhile', async (_, fields, why) => {
    const ended: string[] = [];
    const preview = ask('mail', fields).finally(() => ended.push('preview'));
    await editor.page('/templates').finally(() => ended.push('page'));
    const { marks, message } = await preview;
    if (why.startsWith('it did not end')) expect(ended).toEqual(['page', 'preview']);
    expect(marks.filter(({ level }) => level === 'fault').map(({ detail }) => detail)).toEqual([
      expect.stringContaining(why),
    ]);
    expect(message).toBeNull();
    expect((await ask('mail', { html: 'fine' })).message?.html).toBe('fine');
  });

  it('works without script: the page comes back with what was typed, the faults and the frame', async () => {
    const answer = await editor.post('/templates/mail/preview', {
      base: '1',
      subject: 'x',
      html: '<b>{{ city }}</b><script>x</script>',
    });
    const html = await answer.text();
    expect(answer.status).toBe(200);
    expect(html).toContain('sandbox="" data-frame srcdoc="&lt;b&gt;&lt;/b&gt;&lt;script&gt;x&lt;/script&gt;"');
    expect(html).toContain('Warning, html line 1, column 7:');
    expect(html).toContain('<input type="hidden" name="base" value="1">');
    expect(answer.headers.get('content-security-policy')).toContain("script-src 'self';");
    const created = await editor.post('/templates/preview', {
      channel: 'sms',
      text: 'Hi {{ first_name }}',
      title: 'kept',
    });
    expect(await created.text()).toMatch(/Hi .*\n[\s\S]* 1 part in /);
  });
});

describe('when the user service is down', () => {
  it('the preview shows examples and says so, quickly', async () => {
    const without = await startAdminLab('http://127.0.0.1:9');
    try {
      const visitor = await without.logIn('editor', 'support');
      await addTemplate(without.db, { templateId: 'mail', html: 'x', kind: 'monthly_personal_statistic' });
      const html =
        '{{ first_name }} {{ last_name }} {{ films_month_count }} {{ favourite_genre }}{{ unsubscribe_url }}';
      const tried = await ask('mail', { html, user_id: 'somebody' }, visitor, without.url);
      expect(tried.message?.html).toBe('Ada Lovelace 12 science fiction');
      expect(tried.notice).toBe('The user service does not answer: these are examples, not a real person.');
      expect(tried.userFault).toBeNull();
      const answer = await visitor.post('/templates/mail/test', { version: '1', address: 'a@example.com' });
      expect(answer.status).toBe(422);
      expect(await answer.text()).toContain('the user service gives none at the moment');
    } finally {
      await without.stop();
    }
  });
});
