// What the pages show of mailings: numbers as they move, the people behind them, the list. The planner's and the dispatcher's
// rows are written by the test.

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chunkId, notificationId } from '../../domain/ids.ts';
import { startUserMock, type UserMock } from '../../user-mock/app.ts';
import { type AdminLab, startAdminLab, type Visitor } from '../support/admin-lab.ts';
import { addDelivery } from '../support/admin-ledger.ts';
import { eventually } from '../support/eventually.ts';
import { rendered } from '../support/ledger-lab.ts';
import { adopt, count, makeConfirmed, makeDraft, wordsOf } from '../support/mailing-desk.ts';
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

const flashOf = (answer: Response) =>
  decodeURIComponent(/posthorn_flash=([^;]*)/.exec(answer.headers.get('set-cookie') ?? '')?.[1] ?? '');
const press = async (id: string, button: string, visitor = sender) => {
  const answer = await visitor.post(`/mailings/${id}/${button}`);
  return { status: answer.status, says: flashOf(answer), to: answer.headers.get('location') };
};
const draftOf = async (to: string | null) => mailing(/mailings\/([0-9a-f-]{36})/.exec(to ?? '')?.[1] ?? '');

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
    for (let number = 0; number < 40; number++) await add(1, number, 'failed', 'refused');
    for (let number = 40; number < 100; number++) await add(1, number, 'sent');
    await add(2, 5, 'failed', 'template_error');
    await add(2, 6, 'claimed');
    await count(lab.db, id, 1, 'failed', 'refused', 40);
    await count(lab.db, id, 1, 'sent', '', 60);
    await count(lab.db, id, 2, 'failed', 'template_error', 1);

    const idsOf = (page: string) => [...page.matchAll(/href="\/people\/([^"]+)"/g)].map(([, user]) => user);
    const nextOf = (page: string) => /rel="next" href="([^"]+)"/.exec(page)?.[1]?.replaceAll('&amp;', '&');
    const first = await sender.page(`/mailings/${id}/people?state=failed&reason=refused`);
    expect(idsOf(first)).toEqual(chunks[1]?.slice(0, 30));
    expect(first).toContain('u…@example.com');
    const second = await sender.page(nextOf(first) ?? '');
    expect([idsOf(second), nextOf(second)]).toEqual([chunks[1]?.slice(30, 40), undefined]);
    expect(idsOf(await sender.page(`/mailings/${id}/people?state=failed`))).toHaveLength(30);
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
    expect(wordsOf(everybody)).toMatch(/everybody 300 failed: refused 40/);
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
