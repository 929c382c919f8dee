// A mailing's life in the pages: drafted, checked, confirmed, watched, paused, cancelled. The planner's rows are written by
// the test.

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chunkId, notificationId } from '../../lib/ids.ts';
import { startUserMock, type UserMock } from '../../user-mock/app.ts';
import { type AdminLab, startAdminLab, type Visitor } from '../support/admin-lab.ts';
import { addDelivery } from '../support/admin-ledger.ts';
import { eventually } from '../support/eventually.ts';
import { rendered } from '../support/ledger-lab.ts';
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

describe('the live page', () => {
  it('sends the part that moves whenever it has changed, to everybody who looks', async () => {
    const id = await makeConfirmed(sender, { categories: ['staff'] });
    await adopt(lab.db, id, { chunks: [['a', 'b', 'c']] });
    const viewer = await lab.logIn('viewer');
    const stop = new AbortController();
    const seen = { sender: '', viewer: '' };
    const follow = async (who: 'sender' | 'viewer', cookie: string) => {
      const answer = await fetch(`${lab.url}/mailings/${id}/live`, { headers: { cookie }, signal: stop.signal });
      expect(answer.headers.get('content-type')).toContain('text/event-stream');
      for await (const piece of answer.body ?? []) seen[who] += Buffer.from(piece).toString();
    };
    const following = Promise.allSettled([follow('sender', sender.cookie), follow('viewer', viewer.cookie)]);
    try {
      await eventually(() => /Planned/.test(seen.sender) && /Planned/.test(seen.viewer), 'both see the numbers');
      await count(lab.db, id, 0, 'failed', 'refused', 1);
      await eventually(() => /reason=refused/.test(seen.sender) && /refused/.test(seen.viewer), 'both see the failure');
      // Who may not see people gets no links to them, and no buttons.
      expect(seen.viewer).not.toMatch(/people\?state|<form/);
    } finally {
      stop.abort();
      await following;
    }
  });

  it('needs no session to be refused, and a mailing to be found', async () => {
    const id = await makeConfirmed(sender, { categories: ['staff'] });
    expect((await fetch(`${lab.url}/mailings/${id}/live`, { redirect: 'manual' })).status).toBe(303);
    for (const wrong of [randomUUID(), 'x', `${id}x`])
      expect((await sender.get(`/mailings/${wrong}/live`)).status).toBe(404);
  });

  it('tells those who wait for a retry apart, with the time', async () => {
    const id = await makeConfirmed(sender, { categories: ['staff'] });
    await adopt(lab.db, id, { chunks: [['a', 'b', 'c']] });
    await count(lab.db, id, 0, 'deferred', 'greylisted', 2);
    for (const due of ['2030-01-01T10:00:00Z', '2030-01-01T11:00:00Z']) {
      const values = {
        notification_id: randomUUID(),
        request_id: id,
        month: '2026-11-01',
        priority: 'low' as const,
        due_at: new Date(due),
      };
      const rest = {
        attempt: 1,
        reason: 'greylisted',
        key: 'a',
        value: Buffer.from('x'),
        rendered_partition: 0,
        rendered_offset: 0,
      };
      await lab.db
        .insertInto('waiting')
        .values({ ...values, ...rest, traceparent: null, lease_until: null, resume_at: null })
        .execute();
    }
    const words = wordsOf(await sender.page(`/mailings/${id}`));
    expect(words).toMatch(
      /In flight 1 Waiting for a retry 2 tried again 2030-01-01 10:00:00 UTC , the last until 2030-01-01 11:00:00 UTC/,
    );
  });
});

describe('the people behind a number', () => {
  it('are found by the counters and the chunks, page by page, with masked addresses', async () => {
    const id = await makeConfirmed(sender, { categories: ['staff'] });
    const chunks = [0, 1, 2].map((chunk) =>
      Array.from({ length: 100 }, (_, number) => `u-${chunk}-${String(number).padStart(3, '0')}`),
    );
    await adopt(lab.db, id, { chunks });
    const requestedAt = (
      await lab.db.selectFrom('requests').select('requested_at').where('request_id', '=', id).executeTakeFirstOrThrow()
    ).requested_at;
    const add = (chunk: number, number: number, state: 'failed' | 'claimed' | 'sent', reason = '') => {
      const user = chunks[chunk]?.[number] ?? '';
      const of = { request_id: id, user_id: user, chunk_id: chunkId(id, chunk), requested_at: requestedAt.getTime() };
      const event = rendered({
        ...of,
        notification_id: notificationId(id, user, 'email'),
        address: `${user}@example.com`,
      });
      return addDelivery(lab.db, event, { state, reason });
    };
    for (let number = 0; number < 60; number++) await add(1, number, 'failed', 'refused');
    for (let number = 60; number < 100; number++) await add(1, number, 'sent');
    await add(2, 5, 'failed', 'template_error');
    await add(2, 6, 'claimed');
    await count(lab.db, id, 1, 'failed', 'refused', 60);
    await count(lab.db, id, 1, 'sent', '', 40);
    await count(lab.db, id, 2, 'failed', 'template_error', 1);

    const idsOf = (page: string) => [...page.matchAll(/href="\/people\/([^"]+)"/g)].map(([, user]) => user);
    const nextOf = (page: string) => /rel="next" href="([^"]+)"/.exec(page)?.[1]?.replaceAll('&amp;', '&');
    const first = await sender.page(`/mailings/${id}/people?state=failed&reason=refused`);
    expect(idsOf(first)).toEqual(chunks[1]?.slice(0, 50));
    expect(first).toContain('u…@example.com');
    const second = await sender.page(nextOf(first) ?? '');
    expect([idsOf(second), nextOf(second)]).toEqual([chunks[1]?.slice(50, 60), undefined]);
    expect(idsOf(await sender.page(`/mailings/${id}/people?state=failed`))).toHaveLength(50);
    expect(idsOf(await sender.page(`/mailings/${id}/people?state=failed&reason=template_error`))).toEqual(['u-2-005']);

    // In flight: claimed, and those the ledger does not know yet.
    const flying: (string | undefined)[] = [];
    for (let path: string | undefined = `/mailings/${id}/people?state=in_flight`; path; ) {
      const page: string = await sender.page(path);
      flying.push(...idsOf(page));
      path = nextOf(page);
    }
    expect(flying).toEqual([...(chunks[0] ?? []), ...(chunks[2] ?? []).filter((user) => user !== 'u-2-005')]);
    const everybody = await sender.page(`/mailings/${id}/people`);
    expect(wordsOf(everybody)).toMatch(/everybody 300 failed: refused 60/);
    expect(everybody).toContain(`/notifications/${notificationId(id, 'u-0-000', 'email')}?request=${id}`);
  });
});

describe('the list', () => {
  it('shows also what producers asked for with an audience, and finds by title and state', async () => {
    const requestId = randomUUID();
    await lab.db
      .insertInto('requests')
      .values({
        request_id: requestId,
        body_hash: Buffer.from('x'),
        state: 'running',
        template_id: 'welcome',
        template_version: 1,
        template_kind: 'common',
        channel: 'email',
        on_no_answer: 'resend',
        priority: 'low',
        is_promo: false,
        context: '{}',
        user_categories: ['vip'],
        user_ids: ['u-1'],
        planned: 3,
        chunk_count: 1,
        requested_at: new Date(),
        scheduled_at: null,
        expires_at: null,
      })
      .execute();
    await count(lab.db, requestId, 0, 'sent', '', 2);
    const row = (await sender.page('/mailings')).split('<tr>').find((one) => one.includes(requestId)) ?? '';
    expect(wordsOf(row)).toMatch(/welcome from the API running welcome at once 3 2 sent/);
    expect(wordsOf(await sender.page(`/mailings/${requestId}`))).toMatch(/from the API .*running/);
    const { to } = await press(requestId, 'duplicate');
    expect(await draftOf(to)).toMatchObject({ user_categories: ['vip'], people_count: 1, template_id: 'welcome' });
    await makeDraft(editor, { title: '100 % of_it' });
    const found = await sender.page(`/mailings?search=${encodeURIComponent('0 % of_')}&state=draft`);
    expect([...found.matchAll(/class="title-cell"/g)]).toHaveLength(1);
    expect(wordsOf(await sender.page('/mailings?search=nowhere'))).toContain('No mailing fits this');
  });

  it('goes on where a page ended, newest first, each mailing once', async () => {
    const ids: (string | undefined)[] = [];
    for (let n = 0; n < 35; n++) await makeDraft(editor, { title: `Many ${n}` });
    for (let path: string | undefined = '/mailings?search=Many'; path; ) {
      const page: string = await sender.page(path);
      ids.push(...[...page.matchAll(/class="title-cell"><a href="[^"]+">Many (\d+)/g)].map(([, n]) => n));
      path = /rel="next" href="([^"]+)"/.exec(page)?.[1]?.replaceAll('&amp;', '&');
    }
    expect(ids.map(Number)).toEqual(Array.from({ length: 35 }, (_, n) => 34 - n));
  });
});
