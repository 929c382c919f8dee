// A mailing's life in the pages: drafted, checked, confirmed, watched, paused, cancelled. The planner's rows are written by
// the test.
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
  return (await rows.execute()).map(({ action }) => action);
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
