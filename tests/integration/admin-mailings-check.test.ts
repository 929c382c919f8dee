import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startUserMock, type UserMock } from '../../user-mock/app.ts';
import { type AdminLab, startAdminLab, type Visitor } from '../support/admin-lab.ts';
import { confirm, type Fields, makeConfirmed, makeDraft, saveDraft, wordsOf } from '../support/mailing-desk.ts';
import { findReachable } from '../support/people.ts';
import { addTemplate, changeTemplate } from '../support/templates.ts';

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

describe('the check before confirming', () => {
  const people = findReachable(5).map(({ id }) => id);
  const draft = async (fields: Fields, saved: Fields = {}) => {
    const id = await makeDraft(sender, fields);
    expect((await saveDraft(sender, id, { ...fields, ...saved })).status).toBe(303);
    return id;
  };
  const check = async (id: string) => wordsOf(await sender.page(`/mailings/${id}/check`));
  const isStopped = async (id: string) => {
    const words = await check(id);
    expect((await confirm(sender, id)).status).toBe(409);
    expect((await mailing(id)).status).toBe('draft');
    return words;
  };

  it('shows five samples of real people, rendered as they are sent', async () => {
    const id = await draft(
      { template_id: 'film' },
      { people: people.join(' '), 'context.film': 'Mirror', 'context.list': '[]' },
    );
    const page = await sender.page(`/mailings/${id}/check`);
    const frames = [...page.matchAll(/srcdoc="([^"]*)"/g)].map(([, html]) => html);
    expect(frames).toHaveLength(5);
    expect(frames[0]).toContain(': Mirror');
    expect(page).not.toContain(findReachable(1)[0]?.email);
  });

  it('stops what lacks a value, a template, people, or a category', async () => {
    expect(await isStopped(await draft({ template_id: 'film' }, { people: 'u-1' }))).toContain(
      'needs a value for film, list',
    );
    expect(await isStopped(await draft({ template_id: '' }, { people: 'u-1' }))).toContain('It has no template yet');
    expect(await isStopped(await draft({}))).toContain('It goes to nobody');
    const id = await draft({}, { categories: 'vip' });
    await lab.db
      .updateTable('mailings')
      .set({ user_categories: ['vip', 'veterans'] })
      .where('mailing_id', '=', id)
      .execute();
    expect(await isStopped(id)).toContain('There is no category veterans any more');
  });

  it('stops a mailing whose template was archived, whose time is over, or whose template cannot be parsed', async () => {
    await addTemplate(lab.db, { templateId: 'old', html: 'Old' });
    const archived = await draft({ template_id: 'old' }, { people: 'u-1' });
    await lab.db.updateTable('templates').set({ archived_at: new Date() }).where('template_id', '=', 'old').execute();
    expect(await isStopped(archived)).toContain("The template 'old' was archived");
    const late = await draft({}, { people: 'u-1' });
    await lab.db
      .updateTable('mailings')
      .set({ scheduled_at: new Date(Date.now() - 600_000) })
      .where('mailing_id', '=', late)
      .execute();
    expect(await isStopped(late)).toContain('Its time is over');
    await addTemplate(lab.db, { templateId: 'broken', html: '{% if %}' });
    expect(await isStopped(await draft({ template_id: 'broken' }, { people: 'u-1' }))).toContain(
      'The template cannot be sent as it is',
    );
  });

  it('says who is skipped or unknown, what is promotional, and what high priority to many means', async () => {
    const id = await draft({}, { people: 'nobody-known', is_promo: 'on', categories: ['vip'], priority: 'high' });
    const words = await check(id);
    expect(words).toContain('This goes to 10,001 people');
    expect(words).toContain('password resets wait behind these people');
    expect(words).toContain(
      '1 of the people named are unknown to the user service; they end as skipped: nobody-known.',
    );
    expect(words).toContain('Gets nothing: the user service knows nobody with this id');
    expect(words).toContain('It is promotional');
  });

  it('says at most where too many are named to ask for each', async () => {
    const many = Array.from({ length: 10_001 }, (_, number) => `u-${number}`).join('\n');
    const id = await draft({}, { people: many, categories: ['staff'] });
    expect(await check(id)).toContain('This goes to at most 11,001 people');
  });

  it('confirms what was looked at, not what somebody changed since', async () => {
    const id = await draft({}, { people: 'u-1' });
    const { revision } = await mailing(id);
    await saveDraft(editor, id, { title: 'Changed meanwhile' });
    const stale = await sender.post(`/mailings/${id}/confirm`, { revision: String(revision), version: '1' });
    expect([stale.status, wordsOf(await stale.text())]).toEqual([
      409,
      expect.stringContaining('has changed it since you looked'),
    ]);
    await addTemplate(lab.db, { templateId: 'moving', html: 'One' });
    const moved = await draft({ template_id: 'moving' }, { people: 'u-1' });
    await changeTemplate(lab.db, { templateId: 'moving', html: 'Two' }, 2);
    const old = await sender.post(`/mailings/${moved}/confirm`, {
      revision: String((await mailing(moved)).revision),
      version: '1',
    });
    expect([old.status, wordsOf(await old.text())]).toEqual([
      409,
      expect.stringContaining('another version since you looked'),
    ]);
    expect((await confirm(sender, moved)).status).toBe(303);
    expect((await mailing(moved)).template_version).toBe(2);
  });

  it('is there for mailings only', async () => {
    for (const id of ['x', '%', randomUUID()]) {
      expect((await sender.post(`/mailings/${id}/confirm`, { revision: '1', version: '1' })).status).toBe(404);
    }
  });

  it('is passed once: pressed twice it says so kindly', async () => {
    const id = await makeConfirmed(sender, { people: people.join(' ') });
    const again = await sender.post(`/mailings/${id}/confirm`, { revision: '2', version: '1' });
    expect([again.status, again.headers.get('location')]).toEqual([303, `/mailings/${id}`]);
    expect(decodeURIComponent(again.headers.get('set-cookie') ?? '')).toContain('confirmed already');
  });

  it('binds a mailing that goes once to its expiry, and leaves the version of a series open', async () => {
    const once = await makeConfirmed(sender, { people: 'u-1', expires: 'after', expires_hours: '2' });
    const row = await mailing(once);
    expect((row.expires_at?.getTime() ?? 0) - (row.confirmed_at?.getTime() ?? 0)).toBe(2 * 3_600_000);
    const series = await makeConfirmed(sender, {
      people: 'u-1',
      when: 'repeat',
      preset: 'daily',
      preset_time: '09:00',
      expires: 'after',
      expires_hours: '2',
    });
    expect(await mailing(series)).toMatchObject({
      template_version: null,
      recurrence: '0 9 * * *',
      expires_at: null,
      expires_after_minutes: 120,
    });
  });
});
