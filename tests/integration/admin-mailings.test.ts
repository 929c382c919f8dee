// A mailing's life in the pages: drafted, checked, confirmed, watched, paused, cancelled. The planner's rows are written by
// the test.

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startUserMock, type UserMock } from '../../user-mock/app.ts';
import { type AdminLab, startAdminLab, type Visitor } from '../support/admin-lab.ts';
import {
  adopt,
  confirm,
  count,
  makeConfirmed,
  makeDraft,
  saveDraft,
  setState,
  wordsOf,
} from '../support/mailing-desk.ts';
import { findReachable } from '../support/people.ts';
import { addTemplate } from '../support/templates.ts';

let users: UserMock;
let lab: AdminLab;
let sender: Visitor;
let editor: Visitor;
beforeAll(async () => {
  users = await startUserMock({ port: 0, host: '127.0.0.1' });
  lab = await startAdminLab(users.url);
  [sender, editor] = await Promise.all([lab.logIn('sender'), lab.logIn('editor')]);
  await addTemplate(lab.db, {
    templateId: 'welcome',
    subject: 'Hello {{ first_name }}',
    html: '<p>Hello {{ first_name }}</p>',
  });
});
afterAll(async () => {
  await lab?.stop();
  await users?.stop();
});

const mailing = (id: string) =>
  lab.db.selectFrom('mailings').selectAll().where('mailing_id', '=', id).executeTakeFirstOrThrow();
const holdOf = async (id: string) =>
  (await lab.db.selectFrom('holds').select('state').where('request_id', '=', id).executeTakeFirst())?.state;
const auditOf = async (id: string) => {
  const rows = lab.db.selectFrom('audit').select('action').where('subject', '=', `mailing ${id}`).orderBy('audit_id');
  const actions = (await rows.execute()).map(({ action }) => action);
  // The check shows the message to real people.
  return actions.filter((action) => action !== 'person.previewed');
};

describe('a mailing', () => {
  it('goes from a draft over the check to confirmed, with the count and the version that were shown', async () => {
    const people = findReachable(3).map(({ id }) => id);
    const id = await makeDraft(editor);
    expect((await saveDraft(editor, id, { people: people.join('\n'), categories: ['vip'] })).status).toBe(303);
    const check = wordsOf(await sender.page(`/mailings/${id}/check`));
    expect(check).toContain('This goes to 10,003 people.');
    expect(check).toContain('0 are both, and get it once');
    expect((await confirm(editor, id)).status).toBe(403);
    expect((await confirm(sender, id)).status).toBe(303);
    expect(await mailing(id)).toMatchObject({
      status: 'confirmed',
      template_version: 1,
      confirmed_count: 10_003,
      confirmed_by: sender.name,
      people_count: 3,
    });
    expect(await auditOf(id)).toEqual(['mailing.created', 'mailing.saved', 'mailing.confirmed']);
  });

  it('shows its numbers, pauses, resumes and cancels, and says so while the pipeline follows', async () => {
    const id = await makeConfirmed(sender, { categories: ['staff'] });
    await adopt(lab.db, id, { chunks: [['a', 'b', 'c'], ['d']] });
    await count(lab.db, id, 0, 'sent', '', 2);
    await count(lab.db, id, 0, 'failed', 'refused', 1);
    const shown = async () => wordsOf(await sender.page(`/mailings/${id}`));
    expect(await shown()).toMatch(/running .*Planned 4 .*Sent 2 .*Failed 1 .*In flight 1/);
    await sender.post(`/mailings/${id}/pause`);
    expect([await holdOf(id), await shown()]).toEqual(['paused', expect.stringContaining('pausing…')]);
    await setState(lab.db, id, 'paused');
    expect(await shown()).not.toContain('pausing…');
    await sender.post(`/mailings/${id}/resume`);
    expect([await holdOf(id), await shown()]).toEqual([undefined, expect.stringContaining('resuming…')]);
    await sender.post(`/mailings/${id}/pause`);
    await sender.post(`/mailings/${id}/cancel`);
    expect([await holdOf(id), await shown()]).toEqual(['cancelled', expect.stringContaining('cancelling…')]);
    await setState(lab.db, id, 'cancelled');
    await count(lab.db, id, 1, 'skipped', 'cancelled', 1);
    expect(await shown()).toMatch(/cancelled balanced .*Never planned 996/);
    expect((await auditOf(id)).slice(3)).toEqual([
      'mailing.paused',
      'mailing.resumed',
      'mailing.paused',
      'mailing.cancelled',
    ]);
  });
});

const flashOf = (answer: Response) =>
  decodeURIComponent(/posthorn_flash=([^;]*)/.exec(answer.headers.get('set-cookie') ?? '')?.[1] ?? '');
const press = async (id: string, button: string, visitor = sender) => {
  const answer = await visitor.post(`/mailings/${id}/${button}`);
  return { status: answer.status, says: flashOf(answer), to: answer.headers.get('location') };
};
const draftOf = async (to: string | null) => mailing(/mailings\/([0-9a-f-]{36})/.exec(to ?? '')?.[1] ?? '');

describe('the buttons of a mailing', () => {
  it('say kindly who was first when they are pressed twice', async () => {
    const id = await makeConfirmed(sender, { categories: ['staff'] });
    await adopt(lab.db, id, { chunks: [['a']] });
    const other = await lab.logIn('sender');
    expect((await press(id, 'pause')).says).toBe('It is being paused.');
    expect((await press(id, 'pause', other)).says).toMatch(`It was paused already, by ${sender.name}`);
    expect((await press(id, 'cancel')).says).toContain('It is being cancelled');
    expect((await press(id, 'cancel', other)).says).toMatch(`It was cancelled already, by ${sender.name}`);
    expect((await press(id, 'resume')).says).toMatch('It was cancelled already');
    expect((await press(id, 'pause')).says).toMatch('It was cancelled already');
    expect(await holdOf(id)).toBe('cancelled');
  });

  it('do nothing to what is over or a draft, and say so', async () => {
    const draft = await makeDraft(sender);
    expect((await press(draft, 'cancel')).says).toBe('This is a draft: nothing of it is sent.');
    expect((await press(draft, 'resume')).says).toBe('It was not paused.');
    const over = await makeConfirmed(sender, { categories: ['staff'] });
    await adopt(lab.db, over, { state: 'done', chunks: [['a']] });
    await count(lab.db, over, 0, 'sent', '', 1);
    for (const button of ['pause', 'cancel']) expect((await press(over, button)).says).toContain('It is done');
    expect([await holdOf(draft), await holdOf(over)]).toEqual([undefined, undefined]);
  });

  it('are for those who may: others are refused, and nothing is done', async () => {
    const id = await makeConfirmed(sender, { categories: ['staff'] });
    for (const button of ['pause', 'resume', 'cancel', 'release', 'withdraw']) {
      expect((await press(id, button, editor)).status, button).toBe(403);
    }
    const viewer = await lab.logIn('viewer');
    for (const button of ['duplicate', 'delete']) expect((await press(id, button, viewer)).status, button).toBe(403);
    for (const path of ['new', `${id}/edit`, `${id}/check`, `${id}/people`]) {
      expect((await viewer.get(`/mailings/${path}`)).status, path).toBe(403);
    }
    expect((await viewer.get(`/mailings/${id}`)).status).toBe(200);
    expect(await viewer.page(`/mailings/${id}`)).not.toContain('data-confirm');
    expect([await holdOf(id), (await mailing(id)).status]).toEqual([undefined, 'confirmed']);
  });

  it('take a confirmed mailing back to a draft as long as nothing has come of it', async () => {
    const id = await makeConfirmed(sender, { categories: ['staff'], expires: 'after', expires_hours: '3' });
    expect((await press(id, 'withdraw')).says).toContain('It is a draft again');
    const draft = {
      status: 'draft',
      confirmed_at: null,
      template_version: null,
      expires_at: null,
      expires_after_minutes: 180,
    };
    expect(await mailing(id)).toMatchObject(draft);
    expect((await press(id, 'withdraw')).says).toContain('not confirmed');
    await confirm(sender, id);
    await adopt(lab.db, id);
    expect((await press(id, 'withdraw')).says).toContain('It has begun');
    expect((await mailing(id)).status).toBe('confirmed');
  });

  it('ask before what came due late is sent, and release it', async () => {
    const id = await makeConfirmed(sender, { categories: ['staff'] });
    await adopt(lab.db, id, { state: 'paused', detail: 'late', planningComplete: false });
    expect(wordsOf(await sender.page(`/mailings/${id}`))).toContain('It came due more than an hour late');
    expect(wordsOf(await sender.page('/mailings?state=late'))).toContain('News');
    expect((await press(id, 'release')).says).toContain('It goes now');
    expect((await mailing(id)).released_at).not.toBeNull();
    expect((await auditOf(id)).at(-1)).toBe('mailing.released');
  });

  it('duplicate a mailing with its people, and without its time', async () => {
    const id = await makeConfirmed(sender, {
      people: 'u-1 u-2',
      categories: ['vip'],
      when: 'at',
      scheduled_local: '2030-01-01T09:00',
      context_json: '{"n":1}',
    });
    const { to } = await press(id, 'duplicate', editor);
    const copy = await draftOf(to);
    expect(copy).toMatchObject({
      status: 'draft',
      title: 'Copy of News',
      people_count: 2,
      user_categories: ['vip'],
      context: '{"n":1}',
      scheduled_at: null,
    });
    expect(copy.mailing_id).not.toBe(id);
  });

  it('delete a draft with its people, and nothing else', async () => {
    const draft = await makeDraft(editor);
    await saveDraft(editor, draft, { people: 'u-1' });
    expect(await press(draft, 'delete', editor)).toMatchObject({ status: 303, to: '/mailings' });
    expect((await sender.get(`/mailings/${draft}`)).status).toBe(404);
    const people = lab.db.selectFrom('mailing_people').selectAll().where('mailing_id', '=', draft);
    expect(await people.execute()).toEqual([]);
    const confirmed = await makeConfirmed(sender, { categories: ['staff'] });
    expect((await press(confirmed, 'delete')).status).toBe(409);
    expect((await mailing(confirmed)).status).toBe('confirmed');
  });
});

describe('a recurring mailing', () => {
  it('shows its next times and its firings, each with its numbers, and is paused by itself', async () => {
    const id = await makeConfirmed(sender, {
      people: 'u-1',
      when: 'repeat',
      preset: 'daily',
      preset_time: '09:00',
      title: 'Daily',
    });
    const firing = randomUUID();
    await adopt(lab.db, firing, {
      seriesId: id,
      scheduledAt: new Date('2026-11-20T09:00:00Z'),
      state: 'done',
      chunks: [['a', 'b']],
    });
    await count(lab.db, firing, 0, 'sent', '', 2);
    const page = await sender.page(`/mailings/${id}`);
    expect([...page.matchAll(/, 09:00 <span/g)]).toHaveLength(5);
    expect(wordsOf(page)).toMatch(/2026-11-20 09:00:00 UTC done 2 2 sent, 0 failed/);
    expect(wordsOf(await sender.page(`/mailings/${firing}`))).toMatch(/Daily .*done balanced/);
    await press(id, 'pause');
    expect(wordsOf(await sender.page(`/mailings/${id}`))).toContain('It does not go while it is paused');
    expect([await holdOf(id), await holdOf(firing)]).toEqual(['paused', undefined]);
    await press(id, 'cancel');
    expect(wordsOf(await sender.page(`/mailings?state=cancelled&search=Daily`))).toContain('Daily');
  });

  it.each(['BST', 'JST', 'Etc/GMT+5'])(
    'in the zone %s, which the release before took, says that it does not go, and goes once it has a place',
    async (zone) => {
      const id = await makeConfirmed(sender, { people: 'u-1', when: 'repeat', preset: 'daily', preset_time: '09:00' });
      const setZone = (time_zone: string) =>
        lab.db.updateTable('mailings').set({ time_zone }).where('mailing_id', '=', id).execute();
      await setZone(zone);
      expect(wordsOf(await sender.page(`/mailings/${id}`))).toMatch(/It does not go\..*does not name a time zone/);
      await sender.page('/mailings');
      await press(id, 'withdraw');
      const form = await sender.page(`/mailings/${id}/edit`);
      expect(wordsOf(form)).toContain('Until you choose one, times are shown in UTC');
      expect(form).toMatch(/name="time_zone" value="UTC"/);
      expect(wordsOf(await sender.page(`/mailings/${id}/check`))).toContain('does not name a time zone');
      expect((await confirm(sender, id)).status).toBe(409);
      await setZone('Europe/Berlin');
      expect((await confirm(sender, id)).status).toBe(303);
    },
  );

  it('has a late firing released on the page of that firing, by its own series', async () => {
    const id = await makeConfirmed(sender, { people: 'u-1', when: 'repeat', preset: 'daily', preset_time: '09:00' });
    const firing = randomUUID();
    await adopt(lab.db, firing, {
      seriesId: id,
      scheduledAt: new Date(Date.now() - 7_200_000),
      state: 'paused',
      detail: 'late',
    });
    await press(firing, 'release');
    expect((await mailing(id)).released_at).not.toBeNull();
  });
});
