// Templates as editors meet them: list, make, save as versions, compare, roll back, settings, archive.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AdminLab, startAdminLab, type Visitor } from '../support/admin-lab.ts';
import { addTemplate } from '../support/templates.ts';

let lab: AdminLab;
let editor: Visitor;
let viewer: Visitor;
beforeAll(async () => {
  lab = await startAdminLab();
  [editor, viewer] = await Promise.all([lab.logIn('editor'), lab.logIn('viewer')]);
});
afterAll(() => lab?.stop());

/** What a page says, without its markup. */
const words = (html: string) =>
  html
    .replace(/<(script|style|datalist)[\s\S]*?<\/\1>/g, '')
    .replace(/<[^>]*>/g, ' ')
    .replace(/&#39;/g, "'")
    .replace(/&quot;|&#34;/g, '"')
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&amp;/g, '&')
    .replace(/\s+/g, ' ');
const texts = (changes: Record<string, string> = {}) => ({
  subject: 'Hello {{ first_name }}',
  html: '<p>Hello {{ first_name }}</p>',
  text: '',
  from_name: '',
  reply_to: '',
  ...changes,
});
const save = (templateId: string, base: number, changes: Record<string, string> = {}, who = editor) =>
  who.post(`/templates/${templateId}`, { base: String(base), activate: 'on', ...texts(changes) });
const row = async (templateId: string) =>
  lab.db.selectFrom('templates').selectAll().where('template_id', '=', templateId).executeTakeFirstOrThrow();
const versionsOf = async (templateId: string) =>
  lab.db.selectFrom('template_versions').selectAll().where('template_id', '=', templateId).orderBy('version').execute();
const auditOf = async (templateId: string) =>
  lab.db
    .selectFrom('audit')
    .select(['who', 'action', 'detail'])
    .where('subject', '=', `template ${templateId}`)
    .orderBy('audit_id')
    .execute();

describe('the list', () => {
  it('says what to do when there is nothing', async () => {
    expect(words(await editor.page('/templates?q=nothing-like-this'))).toContain('No template fits. Show all');
    expect(words(await viewer.page('/templates'))).toContain('Editors write them here.');
    expect(words(await editor.page('/templates'))).toContain('Write the first one');
  });

  it('shows what is in use, last changed first, by channel, by words, and what is archived apart', async () => {
    await addTemplate(lab.db, { templateId: 'list-mail', html: 'x' });
    await addTemplate(lab.db, { templateId: 'list-sms', channel: 'sms', text: 'x', legacyNumber: 4711 });
    await addTemplate(lab.db, { templateId: 'list-away', html: 'x' });
    await lab.db
      .updateTable('templates')
      .set({ archived_at: new Date() })
      .where('template_id', '=', 'list-away')
      .execute();
    const listed = async (query: string) =>
      [...(await viewer.page(`/templates${query}`)).matchAll(/href="\/templates\/(list-[a-z]+)"/g)].map(([, id]) => id);
    expect(await listed('?q=list-')).toEqual(['list-sms', 'list-mail']);
    expect(await listed('?q=LIST-M')).toEqual(['list-mail']);
    expect(await listed('?q=4711')).toEqual(['list-sms']);
    expect(await listed('?channel=sms')).toEqual(['list-sms']);
    expect(await listed('?archived=yes')).toEqual(['list-away']);
    expect(await listed('?q=%25')).toEqual([]);
    expect((await viewer.get('/templates?after=nonsense')).status).toBe(400);
  });

  it('goes on page by page without losing or repeating any', async () => {
    await lab.db
      .insertInto('templates')
      .values(
        Array.from({ length: 60 }, (_, n) => ({
          template_id: `paged-${n}`,
          legacy_number: null,
          title: 'Paged',
          kind: 'common',
          channel: 'email' as const,
          active_version: 1,
          archived_at: null,
        })),
      )
      .execute();
    const seen: string[] = [];
    for (let path: string | undefined = '/templates?q=paged'; path; ) {
      const html: string = await viewer.page(path);
      seen.push(...[...html.matchAll(/href="\/templates\/(paged-\d+)"/g)].map(([, id]) => id ?? ''));
      path = /href="([^"]+)">Next page/.exec(html)?.[1]?.replaceAll('&amp;', '&');
    }
    expect(seen).toHaveLength(60);
    expect(new Set(seen).size).toBe(60);
    await lab.db.deleteFrom('templates').where('title', '=', 'Paged').execute();
  });
});

describe('making a template', () => {
  const make = (fields: Record<string, string>, who = editor) =>
    who.post('/templates/new', { title: 'A title', channel: 'email', kind: 'common', ...texts(), ...fields });

  it('stores it with its first version, in use at once, promotional ones put aside by default', async () => {
    const answer = await make({ title: 'Ваш месяц: Итоги', is_promo: 'on', kind: 'monthly_personal_statistic' });
    expect([answer.status, answer.headers.get('location')]).toEqual([303, '/templates/vash-mesiats-itogi']);
    expect(await row('vash-mesiats-itogi')).toMatchObject({
      title: 'Ваш месяц: Итоги',
      is_promo: true,
      on_no_answer: 'park',
      confidential: false,
      active_version: 1,
      updated_by: editor.name,
    });
    expect(await versionsOf('vash-mesiats-itogi')).toMatchObject([
      { version: 1, subject: 'Hello {{ first_name }}', text: null, from_name: null, created_by: editor.name },
    ]);
    expect(await auditOf('vash-mesiats-itogi')).toMatchObject([{ who: editor.name, action: 'template.created' }]);
    expect(await editor.page('/templates/vash-mesiats-itogi')).toContain('Ваш месяц: Итоги');
  });

  it('drops what nobody can see from its title, subject and sender', async () => {
    const odd = { title: 'Ti\u0092tle\u202e', subject: 'Sub\u0007ject\u0085of it', from_name: ' a\u0007b\u2028c ' };
    await make({ template_id: 'unseen', ...odd });
    expect(await row('unseen')).toMatchObject({ title: 'Title' });
    expect(await versionsOf('unseen')).toMatchObject([{ subject: 'Subject of it', from_name: 'ab c' }]);
  });

  it('makes an SMS, whose unknown outcomes are sent once more unless said otherwise', async () => {
    expect(
      (await make({ title: 'Code', template_id: 'code', channel: 'sms', text: 'Hi {{ first_name }}' })).status,
    ).toBe(303);
    expect(await row('code')).toMatchObject({ channel: 'sms', on_no_answer: 'resend' });
    expect(await versionsOf('code')).toMatchObject([{ subject: '', html: null, text: 'Hi {{ first_name }}' }]);
    await make({ title: 'x', template_id: 'code-park', channel: 'sms', text: 'x', on_no_answer: 'park' });
    expect(await row('code-park')).toMatchObject({ on_no_answer: 'park' });
  });

  it.each([
    [{ title: ' ' }, 'Give it a title.'],
    [{ template_id: 'Not good' }, 'Small letters a to z, digits and hyphens only'],
    [{ template_id: 'new' }, 'This name is not free'],
    [{ title: '???', template_id: '' }, 'Nothing in the title can stand in a short name'],
    [{ kind: 'nonsense' }, 'Choose one of these.'],
    [{ on_no_answer: 'nonsense' }, 'Choose one of these.'],
    [{ subject: ' ' }, 'An e-mail needs a subject.'],
    [{ subject: 'x'.repeat(999) }, 'At most 998 characters.'],
    [{ reply_to: 'Ada <a@example.com>' }, 'This is not an e-mail address'],
    [{ html: '', text: '  ' }, 'Write the HTML, the text, or both.'],
    [{ channel: 'sms', text: '' }, 'Write the text of the SMS.'],
    [{ html: '<p>\n  {% if %}' }, 'It was not saved. HTML, line 2, column 8: '],
  ])('is refused with %j, says why, and keeps what was typed', async (fields, why) => {
    const answer = await make({ template_id: 'refused', ...fields, context: '{"kept": 1}' });
    const html = await answer.text();
    expect(answer.status).toBe(422);
    expect(words(html)).toContain(why);
    expect(html).toContain('{&#34;kept&#34;: 1}');
    expect(await lab.db.selectFrom('templates').selectAll().where('template_id', '=', 'refused').execute()).toEqual([]);
  });

  it('is refused with a short name that is taken', async () => {
    await addTemplate(lab.db, { templateId: 'taken', html: 'x' });
    const answer = await make({ template_id: 'taken' });
    expect(answer.status).toBe(422);
    expect(words(await answer.text())).toContain('There is a template called “taken” already');
    expect(await versionsOf('taken')).toHaveLength(1);
  });
});

describe('saving', () => {
  it('makes the next version and never touches one that is there', async () => {
    await addTemplate(lab.db, { templateId: 'saved', html: 'first' });
    expect((await save('saved', 1)).headers.get('location')).toBe('/templates/saved');
    expect((await versionsOf('saved')).map(({ version, html }) => [version, html])).toEqual([
      [1, 'first'],
      [2, '<p>Hello {{ first_name }}</p>'],
    ]);
    expect(await row('saved')).toMatchObject({ active_version: 2, revision: 2, updated_by: editor.name });
    const answer = await editor.post('/templates/saved', { base: '2', ...texts({ html: 'third' }) });
    expect(answer.status).toBe(303);
    expect(await row('saved')).toMatchObject({ active_version: 2, revision: 3 });
    expect(words(await editor.page('/templates/saved'))).toContain('Version 3 is the newest; version 2 is in use.');
    expect(await auditOf('saved')).toEqual([
      {
        who: editor.name,
        action: 'template.saved',
        detail: { version: 2, base: 1, changed: ['subject', 'html'], activated: true },
      },
      {
        who: editor.name,
        action: 'template.saved',
        detail: { version: 3, base: 2, changed: ['html'], activated: false },
      },
    ]);
  });

  it('makes no version when nothing was changed', async () => {
    await addTemplate(lab.db, { templateId: 'same', html: 'x' });
    const answer = await save('same', 1, { subject: 'same', html: 'x' });
    expect(answer.status).toBe(303);
    expect(decodeURIComponent(answer.headers.get('set-cookie') ?? '')).toContain('Nothing was changed since version 1');
    expect(await versionsOf('same')).toHaveLength(1);
  });

  it.each([
    ['a syntax error', { html: '<p>\n  {% if %}</p>' }, 'It was not saved. HTML, line 2, column 8: '],
    [
      'a link that mail must not have',
      { html: '<a href="javascript:x">' },
      'It was not saved. HTML, line 1, column 4: the attribute href',
    ],
    [
      'an endless loop',
      { html: '{% for i in (1..9999999) %}x{% endfor %}' },
      'no message can be made of it. HTML, line 1',
    ],
    [
      'a huge output',
      { html: `{% for i in (1..9000) %}${'x'.repeat(80)}{% endfor %}` },
      'it writes more than 524288 characters',
    ],
    [
      'a memory bomb',
      { html: '{% assign s = "xxxxxxxx" %}{% for i in (1..40) %}{% assign s = s | append: s %}{% endfor %}' },
      'it makes more than',
    ],
  ])('refuses %s with its place, and keeps what was typed', async (_, changes, why) => {
    await addTemplate(lab.db, { templateId: 'sound', html: 'x' }).catch(() => undefined);
    const answer = await save('sound', 1, changes);
    const html = await answer.text();
    expect(answer.status).toBe(422);
    expect(words(html)).toContain(why);
    expect(words(html)).toMatch(/Error, html/);
    expect(html).toContain(
      changes.html.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&#34;'),
    );
    expect(await versionsOf('sound')).toHaveLength(1);
  });

  it('tells the second of two people, loses nothing of theirs, and saves when they have seen it', async () => {
    const other = await lab.logIn('editor');
    await addTemplate(lab.db, { templateId: 'shared', html: '<p>one</p>' });
    expect((await save('shared', 1, { html: '<p>theirs</p>' }, other)).status).toBe(303);
    const answer = await save('shared', 1, { html: '<p>mine</p>' });
    const html = await answer.text();
    expect(answer.status).toBe(409);
    expect(words(html)).toContain(`${other.name} has saved version 2`);
    expect(html).toContain('/templates/shared/difference?from=1&amp;to=2');
    expect(words(html)).toContain('- <p>theirs</p> + <p>mine</p>');
    expect(html).toContain('name="base" value="2"');
    expect(html).toMatch(/<textarea id="f-html"[^>]*>\n&lt;p&gt;mine&lt;\/p&gt;<\/textarea>/);
    expect((await versionsOf('shared')).map((version) => version.html)).toEqual(['<p>one</p>', '<p>theirs</p>']);
    expect((await save('shared', 2, { html: '<p>mine</p>' })).status).toBe(303);
    expect((await versionsOf('shared')).map((version) => version.html)).toEqual([
      '<p>one</p>',
      '<p>theirs</p>',
      '<p>mine</p>',
    ]);
  });

  it('lets one of ten people win who save at the same moment', async () => {
    await addTemplate(lab.db, { templateId: 'crowded', html: 'x' });
    const answers = await Promise.all(Array.from({ length: 10 }, (_, n) => save('crowded', 1, { html: `by ${n}` })));
    expect(answers.map(({ status }) => status).sort()).toEqual([303, ...Array.from({ length: 9 }, () => 409)]);
    expect(await versionsOf('crowded')).toHaveLength(2);
  });
});

describe('versions', () => {
  beforeAll(async () => {
    await addTemplate(lab.db, { templateId: 'history', html: '<p>one</p>\n<p>same</p>' });
    await save('history', 1, { html: '<p>two</p>\n<p>same</p>', from_name: 'Lumen' });
  });

  it('are listed, shown and compared, also to viewers, who are offered nothing to change', async () => {
    const list = await viewer.page('/templates/history/versions');
    expect(words(list)).toContain(editor.name);
    expect(list).not.toContain('<form class="inline" method="post" action="/templates');
    expect(words(await viewer.page('/templates/history/versions/1'))).toContain('<p>one</p> <p>same</p>');
    expect(words(await viewer.page('/templates/history'))).toContain('<p>two</p> <p>same</p>');
    const difference = words(await viewer.page('/templates/history/difference?from=1&to=2'));
    expect(difference).toContain('- <p>one</p> + <p>two</p> <p>same</p>');
    expect(difference).toContain('From-name');
    expect(words(await viewer.page('/templates/history/difference?from=2&to=2'))).toContain('The two are the same.');
  });

  it('are put in use and rolled back, by those who saw what is in use', async () => {
    const activate = (from: string, version: string) => editor.post('/templates/history/activate', { from, version });
    expect((await activate('2', '1')).status).toBe(303);
    expect(await row('history')).toMatchObject({ active_version: 1 });
    const late = await activate('2', '2');
    expect(late.status).toBe(409);
    expect(words(await late.text())).toContain(
      `${editor.name} has put version 1 in use while you were looking at version 2`,
    );
    expect((await activate('1', '2')).status).toBe(303);
    expect((await auditOf('history')).slice(-2)).toMatchObject([
      { action: 'template.activated', detail: { from: 2, to: 1 } },
      { action: 'template.activated', detail: { from: 1, to: 2 } },
    ]);
    expect((await activate('2', '99')).status).toBe(404);
    expect((await activate('2', '')).status).toBe(404);
  });

  it.each([
    '/templates/nobody',
    '/templates/NOT%20A%20NAME',
    '/templates/history/versions/9',
    '/templates/history/versions/x',
    '/templates/history?version=999999999',
  ])('at %s there is nothing, and the page says so', async (path) => {
    const answer = await editor.get(path);
    expect(answer.status).toBe(404);
    expect(words(await answer.text())).toMatch(/There is no template called|has no version/);
  });
});

describe('settings', () => {
  const change = (templateId: string, fields: Record<string, string>) =>
    editor.post(`/templates/${templateId}/settings`, { title: 'New title', on_no_answer: 'park', ...fields });

  it('are changed together, with what was and what is in the audit log', async () => {
    await addTemplate(lab.db, { templateId: 'settings', html: 'x' });
    expect((await change('settings', { revision: '1', is_promo: 'on', confidential: 'on' })).status).toBe(303);
    const changed = { title: 'New title', is_promo: true, confidential: true, on_no_answer: 'park', revision: 2 };
    expect(await row('settings')).toMatchObject(changed);
    expect(await auditOf('settings')).toMatchObject([
      {
        action: 'template.changed',
        detail: {
          title: ['settings', 'New title'],
          isPromo: [false, true],
          onNoAnswer: ['resend', 'park'],
          confidential: [false, true],
        },
      },
    ]);
  });

  it('of a page that is out of date are not saved; both are shown', async () => {
    await addTemplate(lab.db, { templateId: 'stale', html: 'x' });
    await change('stale', { revision: '1', title: 'Theirs' });
    const answer = await change('stale', { revision: '1', title: 'Mine' });
    const html = await answer.text();
    expect(answer.status).toBe(409);
    expect(words(html)).toContain(`${editor.name} has changed this template`);
    expect(words(html)).toContain('It is now: “Theirs”, not promotional, put aside when no answer comes');
    expect(html).toContain('value="Mine"');
    expect(html).toContain('name="revision" value="2"');
    expect(await row('stale')).toMatchObject({ title: 'Theirs' });
  });

  it('keep what was typed beside what is wrong with it', async () => {
    await addTemplate(lab.db, { templateId: 'wrong-settings', html: 'x' });
    const answer = await change('wrong-settings', { revision: '1', title: 'x'.repeat(121) });
    expect(answer.status).toBe(422);
    expect(words(await answer.text())).toContain('At most 120 characters.');
  });
});

describe('the archive', () => {
  it('says what still uses a template, puts it away and brings it back', async () => {
    await addTemplate(lab.db, { templateId: 'used', html: 'x' });
    expect(words(await editor.page('/templates/used/settings'))).toContain('Nothing that is scheduled uses it.');
    const mailing = { title: 'm', template_id: 'used', scheduled_at: new Date(), status: 'confirmed' as const };
    const unset = {
      legacy_number: null,
      template_version: 1,
      expires_at: null,
      expires_after_minutes: null,
      confirmed_count: 1,
    };
    const rest = { ...unset, confirmed_at: new Date(), confirmed_by: 'x', released_at: null };
    await lab.db
      .insertInto('mailings')
      .values([
        { mailing_id: crypto.randomUUID(), ...mailing, ...rest, recurrence: null },
        { mailing_id: crypto.randomUUID(), ...mailing, ...rest, recurrence: '0 9 * * *' },
        { mailing_id: crypto.randomUUID(), ...mailing, ...rest, recurrence: null, status: 'draft' },
      ])
      .execute();
    const used = 'It is used by 1 scheduled mailing, 1 recurring mailing and 0 waiting requests.';
    expect(await editor.page('/templates/used/settings')).toContain(`will be refused. ${used}"`);
    expect((await editor.post('/templates/used/archive')).status).toBe(303);
    expect((await row('used')).archived_at).toBeInstanceOf(Date);
    expect(words(await editor.page('/templates/used'))).toContain('This template is archived');
    expect((await editor.post('/templates/used/restore')).status).toBe(303);
    expect((await editor.post('/templates/used/restore')).status).toBe(303);
    expect(await row('used')).toMatchObject({ archived_at: null });
    expect((await auditOf('used')).map(({ action }) => action)).toEqual(['template.archived', 'template.restored']);
  });
});

describe('who may not write', () => {
  it.each([
    ['GET', '/templates/new'],
    ['GET', '/templates/saved/settings'],
    ['GET', '/templates/saved/test'],
    ['POST', '/templates/new'],
    ['POST', '/templates/preview'],
    ['POST', '/templates/saved'],
    ['POST', '/templates/saved/preview'],
    ['POST', '/templates/saved/activate'],
    ['POST', '/templates/saved/settings'],
    ['POST', '/templates/saved/archive'],
    ['POST', '/templates/saved/restore'],
    ['POST', '/templates/saved/test'],
  ])('is told so at %s %s', async (method, path) => {
    for (const who of [viewer, await lab.logIn('support', 'operator')]) {
      const answer = await (method === 'GET' ? who.get(path) : who.post(path));
      expect(answer.status).toBe(403);
      expect(words(await answer.text())).toContain('It takes one of: editor, sender, admin.');
    }
  });
});
