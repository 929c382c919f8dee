// What is confidential stays so, and who may see people's data, values and the log: the rights of product roles, page by page.
import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { examplePersonId } from '../../content/example-person.ts';
import { isConfidential } from '../../services/admin/queries/confidential-templates.ts';
import type { TryOut } from '../../services/admin/template/try-out.ts';
import { startUserMock, type UserMock } from '../../user-mock/app.ts';
import { type AdminLab, startAdminLab, type Visitor } from '../support/admin-lab.ts';
import { makeDraft, saveDraft } from '../support/mailing-desk.ts';
import { findReachable } from '../support/people.ts';
import { addTemplate } from '../support/templates.ts';

let lab: AdminLab;
let users: UserMock;
let editor: Visitor;
let both: Visitor;
let admin: Visitor;
const [person] = findReachable(1, 70);
if (!person) throw new Error('there is somebody');

beforeAll(async () => {
  users = await startUserMock({ port: 0, host: '127.0.0.1' });
  lab = await startAdminLab(users.url);
  [editor, both, admin] = await Promise.all([lab.logIn('editor'), lab.logIn('editor', 'support'), lab.logIn('admin')]);
  await addTemplate(lab.db, { templateId: 'mail', subject: 's', html: '<p>{{ first_name }} {{ note }}</p>' });
  await addTemplate(lab.db, { templateId: 'welcome', subject: 's', html: '<p>{{ first_name }} {{ note }}</p>' });
  await addTemplate(lab.db, { templateId: 'sms', channel: 'sms', text: 'x' });
});
afterAll(async () => {
  await lab?.stop();
  await users?.stop();
});

const settings = async (who: Visitor, templateId: string, fields: Record<string, string>) => {
  const page = await who.page(`/templates/${templateId}/settings`);
  const revision = /name="revision" value="(\d+)"/.exec(page)?.[1] ?? '';
  return who.post(`/templates/${templateId}/settings`, {
    title: templateId,
    on_no_answer: 'resend',
    revision,
    ...fields,
  });
};
const isHidden = (templateId: string, version?: number, requestId?: string) =>
  isConfidential(lab.db, { templateId, version, requestId });

describe('confidential', () => {
  it('stays what was made while the template was marked, and what later versions make is not', async () => {
    await addTemplate(lab.db, { templateId: 'code', subject: 's', text: 'one' });
    expect(await isHidden('code', 1)).toBe(false);
    expect((await settings(editor, 'code', { confidential: 'on' })).status).toBe(303);
    expect((await settings(admin, 'code', {})).status).toBe(303);
    expect(await isHidden('code', 1)).toBe(true);
    const saved = await admin.post('/templates/code', { base: '1', subject: 's', text: 'two', activate: 'on' });
    expect(saved.status).toBe(303);
    expect(await isHidden('code', 2)).toBe(false);
    // A request says no version: the one it was planned with decides, else all of them.
    expect(await isHidden('code')).toBe(true);
    const requestId = randomUUID();
    await sql`insert into requests (request_id, body_hash, state, template_id, template_version, priority, is_promo, context,
      requested_at) values (${requestId}, '', 'running', 'code', 2, 'low', false, '{}', now())`.execute(lab.db);
    expect(await isHidden('code', undefined, requestId)).toBe(false);
  });

  it('is taken off by an admin only', async () => {
    await addTemplate(lab.db, { templateId: 'marked', subject: 's', text: 'one' });
    expect((await settings(editor, 'marked', { confidential: 'on' })).status).toBe(303);
    const refused = await settings(editor, 'marked', {});
    expect(refused.status).toBe(422);
    expect(await refused.text()).toContain('Only an admin takes this mark off.');
    expect((await settings(await lab.logIn('sender'), 'marked', {})).status).toBe(422);
    expect((await settings(admin, 'marked', {})).status).toBe(303);
  });

  it('is what nobody knows: a template or version that is not there, also by number', async () => {
    expect(await isHidden('nowhere', 1)).toBe(true);
    expect(await isHidden('mail', 99)).toBe(true);
    expect(await isHidden('0', 1)).toBe(true);
    expect(await isHidden('mail', 1)).toBe(false);
  });

  it('is a version that is saved while the template is marked, also when a release before wrote it', async () => {
    await addTemplate(lab.db, { templateId: 'old', subject: 's', text: 'one' });
    await sql`update templates set confidential = true where template_id = 'old'`.execute(lab.db);
    expect(await isHidden('old', 1)).toBe(true);
    expect((await settings(admin, 'old', {})).status).toBe(303);
    expect(await isHidden('old', 1)).toBe(true);
  });
});

describe('a preview', () => {
  const preview = async (who: Visitor, userId: string) => {
    const answer = await fetch(`${lab.url}/templates/mail/preview`, {
      method: 'POST',
      headers: { cookie: who.cookie, accept: 'application/json' },
      body: new URLSearchParams({ _csrf: await who.csrf(), subject: 's', html: '{{ first_name }}', user_id: userId }),
    });
    return (await answer.json()) as TryOut;
  };
  const audited = async (who: Visitor) =>
    (
      await lab.db
        .selectFrom('audit')
        .selectAll()
        .where('action', '=', 'person.previewed')
        .where('who', '=', who.name)
        .execute()
    ).length;

  it('of an editor has example values, whoever is asked for, and reads nobody at the user service', async () => {
    for (const userId of ['', person.id]) {
      const tried = await preview(editor, userId);
      expect(tried.person).toEqual({ userId: examplePersonId, name: 'Ada Lovelace', from: 'examples' });
      expect(tried.message?.html).toBe('Ada');
    }
    expect((await preview(editor, person.id)).userFault).toContain('example values only');
    expect(await audited(editor)).toBe(0);
  });

  it('with a person’s data stands in the audit log, once for many keys', async () => {
    for (let n = 0; n < 3; n++) expect((await preview(both, person.id)).person.from).toBe('chosen');
    expect(await audited(both)).toBe(1);
  });

  it('of a mailing shows an editor example values, and those who may see people five of them', async () => {
    const draft = await makeDraft(both, { template_id: 'welcome' });
    await saveDraft(both, draft, { template_id: 'welcome', people: person.id, context_json: '{"note": "hello"}' });
    const shown = await editor.page(`/mailings/${draft}/check`);
    expect(shown).toContain('With example values');
    expect(shown).not.toContain(person.last_name);
    expect(shown).not.toContain(person.id);
    const before = await audited(both);
    expect(await both.page(`/mailings/${draft}/check`)).toContain(person.last_name);
    expect(await audited(both)).toBe(before + 1);
  });
});

describe('a test', () => {
  const test = (who: Visitor, templateId: string, address: string, userId = '') =>
    who.post(`/templates/${templateId}/test`, { version: '1', address, user_id: userId });

  it('goes to the domain of the sender, by SMS nowhere, and elsewhere only from an admin', async () => {
    expect((await test(editor, 'mail', 'me@example.com')).status).toBe(303);
    for (const who of [editor, both, await lab.logIn('sender')]) {
      const refused = await test(who, 'mail', 'me@elsewhere.example');
      expect(refused.status).toBe(422);
      expect(await refused.text()).toContain('Tests go to your own address');
      expect((await test(who, 'sms', '+4915123456789')).status).toBe(422);
    }
    expect((await test(admin, 'mail', 'me@elsewhere.example')).status).toBe(303);
    expect((await test(admin, 'sms', '+4915123456789')).status).toBe(303);
  });

  it('of an editor is made with example values and with nobody’s data', async () => {
    const answer = await test(editor, 'mail', 'me@example.com');
    const id = (answer.headers.get('location') ?? '').split('/').at(-1) ?? '';
    const row = await lab.db
      .selectFrom('test_sends')
      .selectAll()
      .where('request_id', '=', id)
      .executeTakeFirstOrThrow();
    expect(row.user_id).toBe(examplePersonId);
    expect((await test(editor, 'mail', 'me@example.com', person.id)).status).toBe(422);
  });
});

describe('values', () => {
  it('of a mailing are read by those who write it, of a producer’s request by those who read messages', async () => {
    const draft = await makeDraft(both, { template_id: 'welcome' });
    await saveDraft(both, draft, {
      template_id: 'welcome',
      people: person.id,
      context_json: '{"note": "only-here-7f"}',
    });
    const requestId = randomUUID();
    await sql`insert into requests (request_id, body_hash, state, template_id, template_version, channel, priority, is_promo,
      context, user_categories, requested_at, planning_complete) values (${requestId}, '', 'running', 'welcome', 1, 'email',
      'low', false, '{"note": "only-here-7f"}', '{vip}', now(), true)`.execute(lab.db);
    const [viewer, support] = await Promise.all([lab.logIn('viewer'), lab.logIn('support')]);
    const sees = async (who: Visitor, id: string) => (await who.page(`/mailings/${id}`)).includes('only-here-7f');
    expect(await sees(viewer, draft)).toBe(false);
    expect(await sees(editor, draft)).toBe(true);
    expect(await sees(support, draft)).toBe(true);
    expect(await sees(viewer, requestId)).toBe(false);
    expect(await sees(editor, requestId)).toBe(false);
    expect(await sees(support, requestId)).toBe(true);
    expect(await viewer.page(`/mailings/${requestId}`)).toContain('your role does not read values');
    await sql`update template_versions set confidential = true where template_id = 'welcome'`.execute(lab.db);
    expect(await sees(support, requestId)).toBe(false);
    await sql`update template_versions set confidential = false where template_id = 'welcome'`.execute(lab.db);
  });
});

describe('the audit log', () => {
  it('shows operators what they did themselves, whoever they ask for, and others nothing', async () => {
    const operator = await lab.logIn('operator');
    await operator.page(`/people/${person.id}`);
    for (const path of ['/audit', `/audit?who=${both.name}`, '/audit?action=person.opened']) {
      const shown = await operator.page(path);
      expect(shown).toContain(operator.name);
      expect(shown, path).toContain(`person ${person.id}`);
      for (const other of [both, editor, admin]) expect(shown, path).not.toContain(other.name);
    }
    expect(await operator.page('/')).toContain('href="/audit"');
    for (const role of ['viewer', 'support', 'editor', 'sender'] as const) {
      expect((await (await lab.logIn(role)).get('/audit')).status).toBe(403);
    }
    expect(await admin.page(`/audit?who=${operator.name}`)).toContain(`person ${person.id}`);
    expect(((await admin.page('/')).match(/href="\/audit"/g) ?? []).length).toBe(2);
  });
});
