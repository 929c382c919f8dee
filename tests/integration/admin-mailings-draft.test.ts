// Drafts: what the form refuses and says, two people at once, and that nothing of it runs in anybody's browser.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startUserMock, type UserMock } from '../../user-mock/app.ts';
import { type AdminLab, startAdminLab, type Visitor } from '../support/admin-lab.ts';
import { confirm, type Fields, makeDraft, saveDraft, wordsOf } from '../support/mailing-desk.ts';
import { addTemplate } from '../support/templates.ts';

let users: UserMock;
let lab: AdminLab;
let sender: Visitor;
let editor: Visitor;
beforeAll(async () => {
  users = await startUserMock({ port: 0, host: '127.0.0.1' });
  lab = await startAdminLab(users.url);
  [sender, editor] = await Promise.all([lab.logIn('sender'), lab.logIn('editor')]);
  await addTemplate(lab.db, { templateId: 'welcome', html: '<p>Hello {{ first_name }}</p>' });
  await addTemplate(lab.db, {
    templateId: 'film',
    html: '<p>{{ first_name }}: {{ film }} {% for one in list %}{{ one }}{% endfor %}</p>',
  });
});
afterAll(async () => {
  await lab?.stop();
  await users?.stop();
});

const mailing = (id: string) =>
  lab.db.selectFrom('mailings').selectAll().where('mailing_id', '=', id).executeTakeFirstOrThrow();
const setKnobs = (knobs: object) =>
  fetch(`${users.url}/knobs`, {
    method: 'PUT',
    body: JSON.stringify(knobs),
    headers: { 'content-type': 'application/json' },
  });

const tooLong = `{"a":"${'x'.repeat(66_000)}"}`;

describe('the form of a draft', () => {
  it.each<[RegExp, Fields]>([
    [/This must be a JSON object\./, { context_json: '[1, 2]' }],
    [/This is not JSON: at line 1, column /, { context_json: '{"a": ' }],
    [/66008 bytes long; 65536 are allowed/, { context_json: tooLong }],
    [/This is in the past/, { when: 'at', scheduled_local: '2020-01-01T09:00' }],
    [
      /Take 2027-03-28 01:59 or 2027-03-28 03:00/,
      { when: 'at', scheduled_local: '2027-03-28T02:30', time_zone: 'Europe/Berlin' },
    ],
    [/does not name a time zone/, { when: 'at', scheduled_local: '2027-06-01T09:00', time_zone: 'Mars/Base' }],
    [/Europe\/London or Asia\/Dhaka/, { when: 'repeat', preset: 'daily', preset_time: '09:00', time_zone: 'BST' }],
    [/Asia\/Tokyo/, { when: 'repeat', preset: 'daily', preset_time: '09:00', time_zone: 'JST' }],
    [/America\/New_York/, { when: 'at', scheduled_local: '2027-06-01T09:00', time_zone: 'Etc/GMT+5' }],
    [/5 min is as often as it may/, { when: 'repeat', preset: 'custom', cron: '*/2 * * * *' }],
    [/There is no category veterans any more/, { categories: ['vip', 'veterans'] }],
    [/The template gone was archived/, { template_id: 'gone' }],
    [/Give it a title/, { title: '' }],
  ])('says %s beside the field, keeps what was typed and saves nothing', async (words, fields) => {
    const id = await makeDraft(editor);
    const answer = await saveDraft(editor, id, { title: 'Kept as typed', ...fields });
    expect(answer.status).toBe(422);
    const page = await answer.text();
    expect(wordsOf(page)).toMatch(words);
    if (fields.title === undefined) expect(page).toContain('value="Kept as typed"');
    expect(await mailing(id)).toMatchObject({ title: 'News', revision: 1, user_categories: [], scheduled_at: null });
  });

  it('saves a time of its zone, says which of two equal ones it took, and shows it again', async () => {
    const id = await makeDraft(editor);
    await saveDraft(editor, id, { when: 'at', scheduled_local: '2027-10-31T02:30', time_zone: 'Europe/Berlin' });
    expect((await mailing(id)).scheduled_at?.toISOString()).toBe('2027-10-31T00:30:00.000Z');
    const page = await editor.page(`/mailings/${id}/edit`);
    expect(page).toContain('value="2027-10-31T02:30"');
    expect(wordsOf(page)).toContain('comes twice that day');
  });

  it('has a field for what the template needs, and loads those of another one', async () => {
    const id = await makeDraft(editor, { template_id: 'film' });
    expect(await editor.page(`/mailings/${id}/edit`)).toMatch(/name="context\.film"[\s\S]*name="context\.list"/);
    await saveDraft(editor, id, {
      template_id: 'film',
      'context.film': 'Stalker',
      'context.list': '["a","b"]',
      context_json: '{"n": 1}',
    });
    expect(JSON.parse((await mailing(id)).context)).toEqual({ n: 1, film: 'Stalker', list: ['a', 'b'] });
    const part = await (await editor.get(`/mailings/${id}/context?template_id=welcome`)).text();
    expect(part).not.toContain('context.film');
    expect(wordsOf(part)).toContain('needs nothing besides what is known of each person');
  });

  it('is promotional when its template is', async () => {
    await addTemplate(lab.db, { templateId: 'sale', html: 'Sale' });
    await lab.db.updateTable('templates').set({ is_promo: true }).where('template_id', '=', 'sale').execute();
    const id = await makeDraft(editor, { template_id: 'sale' });
    await saveDraft(editor, id, { template_id: 'sale' });
    expect((await mailing(id)).is_promo).toBe(true);
    expect(wordsOf(await editor.page(`/mailings/${id}/edit`))).toContain('promotional, because the template is');
  });

  it('tells the second of two people, overwrites nothing, and keeps what the second has typed', async () => {
    const id = await makeDraft(editor);
    const other = await lab.logIn('editor');
    const seen = (await mailing(id)).revision;
    await saveDraft(other, id, { title: 'Theirs' });
    const mine = { title: 'Mine', revision: String(seen), template_id: 'welcome', when: 'now', people: 'u-1' };
    expect((await editor.post(`/mailings/${id}/edit`, { ...mine, people: '' })).status).toBe(409);
    const answer = await editor.post(`/mailings/${id}/edit`, mine);
    const page = await answer.text();
    expect(answer.status).toBe(409);
    expect(wordsOf(page)).toContain(`${other.name} saved this draft while you were editing it`);
    expect(page).toContain('value="Mine"');
    expect(await mailing(id)).toMatchObject({ title: 'Theirs', people_count: 0 });
    const overwrite = /name="overwrite" value="(\d+)"/.exec(page)?.[1] ?? '';
    expect((await editor.post(`/mailings/${id}/edit`, { ...mine, overwrite })).status).toBe(303);
    expect(await mailing(id)).toMatchObject({ title: 'Mine', people_count: 1 });
  });

  it('works while the user service is down, and says what that means', async () => {
    const id = await makeDraft(editor);
    await saveDraft(editor, id, { categories: 'vip' });
    try {
      await setKnobs({ error_rate: 1 });
      expect(wordsOf(await editor.page(`/mailings/${id}/edit`))).toContain('The user service does not answer');
      expect((await saveDraft(editor, id, { categories: 'vip', title: 'Saved' })).status).toBe(303);
      const check = wordsOf(await editor.page(`/mailings/${id}/check`));
      expect(check).toContain('nobody can say how many people these are');
      expect((await confirm(sender, id)).status).toBe(409);
    } finally {
      await setKnobs({});
    }
    expect(await mailing(id)).toMatchObject({ status: 'draft', title: 'Saved' });
  });

  it('shows script as text wherever it is put', async () => {
    const script = '<script>alert(1)</script>"><img src=x onerror=alert(2)>';
    const id = await makeDraft(editor, { title: script, template_id: 'film' });
    await saveDraft(editor, id, {
      title: script,
      template_id: 'film',
      'context.film': script,
      'context.list': '["</textarea><script>"]',
      people: 'u-1',
    });
    for (const path of ['edit', 'check', '']) {
      const page = await sender.page(path === '' ? '/mailings' : `/mailings/${id}/${path}`);
      expect(page, path).not.toMatch(/<script>alert|<img src=x|<\/textarea><script>/);
    }
  });

  it('is made once, however often the form of a new one is sent', async () => {
    const fields = { mailing_id: randomUUID(), title: 'Twice', template_id: 'welcome' };
    const answers = [await editor.post('/mailings', fields), await editor.post('/mailings', fields)];
    expect(answers.map(({ status }) => status)).toEqual([303, 303]);
    const rows = lab.db.selectFrom('mailings').select('mailing_id').where('title', '=', 'Twice');
    expect(await rows.execute()).toHaveLength(1);
  });
});
