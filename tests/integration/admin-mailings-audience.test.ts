// The people of a mailing who are named one by one: files and pasted ids, checked row by row, stored whole or not at all.
import { once } from 'node:events';
import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AdminLab, startAdminLab, type Visitor } from '../support/admin-lab.ts';
import { eventually } from '../support/eventually.ts';
import { adopt, makeDraft, saveDraft, wordsOf } from '../support/mailing-desk.ts';
import { addTemplate } from '../support/templates.ts';
import { startTestUserService, type TestUserService } from '../support/user-service.ts';

let users: TestUserService;
let lab: AdminLab;
let editor: Visitor;
beforeAll(async () => {
  users = await startTestUserService((id) => /^(?:no-|client$)/.test(id));
  lab = await startAdminLab(users.url);
  editor = await lab.logIn('editor');
  await addTemplate(lab.db, { templateId: 'welcome', html: 'Hello' });
});
afterAll(async () => {
  await lab?.stop();
  await users?.stop();
});

const revisionOf = async (id: string) =>
  (await lab.db.selectFrom('mailings').select('revision').where('mailing_id', '=', id).executeTakeFirst())?.revision;
const peopleOf = async (id: string) => {
  const rows = await lab.db.selectFrom('mailing_people').select('user_id').where('mailing_id', '=', id).execute();
  return rows.map(({ user_id }) => user_id).sort();
};
const countOf = async (id: string) =>
  (await lab.db.selectFrom('mailings').select('people_count').where('mailing_id', '=', id).executeTakeFirst())
    ?.people_count;

interface Upload {
  mode?: 'add' | 'replace';
  type?: string;
  revision?: number;
  visitor?: Visitor;
  /** What the page says about the file. */
  said?: Record<string, string>;
}
async function put(id: string, body: RequestInit['body'], upload: Upload = {}) {
  const { mode = 'add', type = 'text/csv', visitor = editor, said = {} } = upload;
  const revision = upload.revision ?? (await revisionOf(id));
  const query = new URLSearchParams({ mode, revision: String(revision), ...said });
  const answer = await fetch(`${lab.url}/mailings/${id}/people?${query}`, {
    method: 'PUT',
    headers: {
      cookie: visitor.cookie,
      'x-csrf-token': await visitor.csrf(),
      accept: 'application/json',
      'content-type': type,
    },
    body: body ?? null,
    ...(body instanceof ReadableStream ? { duplex: 'half' } : {}),
  });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}

describe('a file with people', () => {
  it('is stored, each person once, and tells what was there twice', async () => {
    const id = await makeDraft(editor);
    const first = await put(id, '\ufeffuser_id,name\r\nu-1,A\r\n"u-2",B\r\nu-1,C\r\n');
    expect(first).toMatchObject({ status: 200, body: { total: 2, added: 2, duplicates: 1, rows: 3 } });
    const second = await put(id, 'u-2\nu-3\n', { type: 'text/plain' });
    expect(second.body).toMatchObject({ total: 3, added: 1, duplicates: 1 });
    expect([await peopleOf(id), await countOf(id)]).toEqual([['u-1', 'u-2', 'u-3'], 3]);
    const third = await put(id, 'u-9', { mode: 'replace' });
    expect(third.body).toMatchObject({ total: 1, revision: await revisionOf(id) });
    expect(await peopleOf(id)).toEqual(['u-9']);
  });

  it('with another separator inside its cells is read by one separator, which is told', async () => {
    const id = await makeDraft(editor);
    const { status, body } = await put(id, 'address;user_id\nMain St 5,1002;1001\n');
    expect(status).toBe(200);
    expect(body.view).toMatchObject({
      separator: 'semicolon',
      column: 2,
      hasHeader: true,
      rows: [
        ['address', 'user_id'],
        ['Main St 5,1002', '1001'],
      ],
    });
    expect(await peopleOf(id)).toEqual(['1001']);
  });

  it('whose ids could stand in several columns is asked about, and stored as it was answered', async () => {
    const id = await makeDraft(editor);
    await put(id, 'kept');
    const file = 'order_id,customer\n7,u-1\n8,u-2\n';
    const asked = await put(id, file);
    expect(asked).toMatchObject({
      status: 422,
      body: { error: expect.stringContaining('not clear'), view: { separator: 'comma', column: null } },
    });
    expect(await peopleOf(id)).toEqual(['kept']);
    const said = { separator: 'comma', column: '2', header: 'yes' };
    expect(await put(id, file, { said })).toMatchObject({ status: 200, body: { rows: 2, added: 2 } });
    expect(await peopleOf(id)).toEqual(['kept', 'u-1', 'u-2']);
    for (const wrong of [
      { column: '0' },
      { column: 'x' },
      { separator: 'blank' },
      { header: 'maybe' },
      { unknown: 'keep' },
    ])
      expect((await put(id, file, { said: wrong })).status).toBe(400);
  });

  it.each([
    ['asked about', 'order_id,customer', '7,u-1'],
    ['no table', 'sep=#', 'u-1#u-2'],
    ['out of order in its first rows', 'Export', '7,u-1'],
    ['broken in its first rows', 'user_id\nu"1', 'u-2'],
  ])(
    'that is %s is answered though there are megabytes behind',
    async (_what, first, row) => {
      const id = await makeDraft(editor);
      const answer = await put(id, `${first}\n${`${row}\n`.repeat(500_000)}`);
      expect(answer).toMatchObject({ status: 422, body: { error: expect.stringMatching(/not clear|cannot be read/) } });
      expect(await peopleOf(id)).toEqual([]);
    },
    20_000,
  );

  it.each(['Kunden-ID', 'customer_id', 'client', 'user-id', 'Идентификатор пользователя', 'no-header'])(
    'has no person of the name %s above its ids',
    async (header) => {
      const id = await makeDraft(editor);
      expect(await put(id, `${header}\n1001\n1002\n`)).toMatchObject({
        status: 200,
        body: { rows: 2, view: { hasHeader: true } },
      });
      expect(await peopleOf(id)).toEqual(['1001', '1002']);
    },
  );

  it('whose first row could be a person is asked about when the user service knows that person', async () => {
    const id = await makeDraft(editor);
    const asked = await put(id, 'admin\n1001\n1002\n');
    expect(asked).toMatchObject({ status: 422, body: { view: { column: 1, hasHeader: null } } });
    expect((await put(id, 'admin\n1001\n1002\n', { said: { header: 'no' } })).body).toMatchObject({ added: 3 });
  });

  it('with people whom the user service does not know stores nobody until they are left out', async () => {
    const id = await makeDraft(editor);
    await put(id, 'kept');
    const file = 'user_id\nu-1\nno-1\n\nu-2\nno-761591733749525000000\n';
    const { status, body } = await put(id, file, { mode: 'replace' });
    expect([status, body.error, body.unknownCount]).toEqual([
      422,
      '2 of 4 people are unknown to the user service, so nothing was stored.',
      2,
    ]);
    const why = 'the user service does not know this id';
    expect(body.rows).toEqual([
      { line: 3, text: 'no-1', why },
      { line: 6, text: 'no-761591733749525000000', why },
    ]);
    expect(await peopleOf(id)).toEqual(['kept']);
    const stored = await put(id, file, { mode: 'replace', said: { unknown: 'leave_out' } });
    expect(stored).toMatchObject({ status: 200, body: { total: 2, added: 2, leftOut: 2 } });
    expect(await peopleOf(id)).toEqual(['u-1', 'u-2']);
    const nobody = await put(id, 'no-1\nno-2', { mode: 'replace', said: { unknown: 'leave_out' } });
    expect(nobody).toMatchObject({ status: 422, body: { unknownCount: 2 } });
    expect(await peopleOf(id)).toEqual(['u-1', 'u-2']);
  });

  it('stores nobody when the user service fails, at whichever batch', async () => {
    const id = await makeDraft(editor);
    await put(id, 'kept');
    const before = users.askedCount;
    let sent = 0;
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        if (sent === 3) return controller.close();
        if (sent === 2) {
          await eventually(() => users.askedCount >= before + 10_000, 'the first batch was asked for');
          users.isDown = true;
        }
        const rows = Array.from({ length: 10_000 }, (_, number) => `u-${sent * 10_000 + number}\n`);
        sent += 1;
        controller.enqueue(Buffer.from(rows.join('')));
      },
    });
    try {
      expect(await put(id, body)).toMatchObject({ status: 503, body: { error: expect.stringContaining('Try again') } });
    } finally {
      users.isDown = false;
    }
    expect([await peopleOf(id), await countOf(id)]).toEqual([['kept'], 1]);
    expect(await lab.db.selectFrom('uploaded_people').select('batch').execute()).toEqual([]);
  });

  it('with wrong rows stores nothing, and tells the first twenty and how many', async () => {
    const id = await makeDraft(editor);
    await put(id, 'kept');
    const rows = Array.from({ length: 15_000 }, (_, number) =>
      number % 500 === 499 ? `wrong id ${number}` : `u-${number}`,
    );
    const { status, body } = await put(id, rows.join('\n'), { mode: 'replace' });
    expect([status, body.faultCount, body.error]).toEqual([
      422,
      30,
      '30 of 15,000 rows have no usable id, so nothing was stored.',
    ]);
    expect(body.rows).toHaveLength(20);
    expect((body.rows as unknown[])[0]).toEqual({ line: 500, text: 'wrong id 499', why: 'an id has no blanks' });
    expect([await peopleOf(id), await countOf(id)]).toEqual([['kept'], 1]);
  });

  it.each([
    ['UTF-16', Buffer.from('\ufeffu-1', 'utf16le'), /UTF-16/],
    ['Latin-1', Buffer.from('name,id\nJürgen,u-1', 'latin1'), /not UTF-8/],
    ['an image', Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 0, 0, 0]), /binary/],
    ['a quote that is not closed', Buffer.from('"u-1\nu-2\n'), /quotation mark/],
    ['nothing', Buffer.from('user_id\n'), /no user id/],
  ])('of %s is refused in words', async (_what, bytes, words) => {
    const id = await makeDraft(editor);
    const { status, body } = await put(id, bytes);
    expect([status, body.error]).toEqual([422, expect.stringMatching(words)]);
    expect(await countOf(id)).toBe(0);
  });

  it('of two million rows is refused as soon as the first million is known, and the page may stop sending', async () => {
    const id = await makeDraft(editor);
    let sent = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (sent >= 2_000_000) return controller.close();
        const rows = Array.from({ length: 20_000 }, (_, number) => `u-${sent + number}`);
        sent += rows.length;
        controller.enqueue(Buffer.from(`${rows.join('\n')}\n`));
      },
    });
    let seen: { fault?: string; stored?: number } = {};
    const answer = put(id, body);
    const isRefused = async () => {
      seen = (await (await editor.get(`/mailings/${id}/people/progress`)).json()) as typeof seen;
      return seen.fault !== undefined;
    };
    // A million people are stored before.
    await eventually(isRefused, 'the progress tells the fault', 200_000);
    expect(seen.fault).toContain('more than 1,000,000');
    expect(seen.stored).toBeLessThanOrEqual(1_000_000);
    expect(await answer).toMatchObject({ status: 422, body: { error: seen.fault } });
    expect([await countOf(id), await peopleOf(id)]).toEqual([0, []]);
  });

  it('that breaks off leaves everything as it was', async () => {
    const id = await makeDraft(editor);
    await put(id, 'kept');
    const path = `/mailings/${id}/people?mode=replace&revision=${await revisionOf(id)}`;
    const headers = { cookie: editor.cookie, 'x-csrf-token': await editor.csrf(), 'content-type': 'text/csv' };
    const sending = request(`${lab.url}${path}`, { method: 'PUT', headers });
    const broken = once(sending, 'error');
    sending.write(Array.from({ length: 25_000 }, (_, number) => `u-${number}\n`).join(''));
    await eventually(async () => {
      const progress = (await (await editor.get(`/mailings/${id}/people/progress`)).json()) as { stored?: number };
      return (progress.stored ?? 0) > 0;
    }, 'something is stored');
    sending.destroy(new Error('the connection breaks'));
    await broken;
    // The next one gets the lock: the broken one is rolled back.
    await eventually(async () => (await put(id, 'more')).status === 200, 'the draft is free again');
    expect(await peopleOf(id)).toEqual(['kept', 'more']);
  });

  it('is refused for a draft that somebody else has changed, that is confirmed, or that is not there', async () => {
    const id = await makeDraft(editor);
    const revision = (await revisionOf(id)) ?? 0;
    await saveDraft(editor, id, {});
    expect(await put(id, 'u-1', { revision })).toMatchObject({
      status: 409,
      body: { error: expect.stringContaining('changed') },
    });
    await lab.db.updateTable('mailings').set({ status: 'confirmed' }).where('mailing_id', '=', id).execute();
    expect((await put(id, 'u-1')).status).toBe(409);
    expect((await put('00000000-0000-4000-8000-000000000000', 'u-1')).status).toBe(404);
    expect(await peopleOf(id)).toEqual([]);
  });

  it('is refused to who may not edit, of another type, and without the token', async () => {
    const id = await makeDraft(editor);
    const viewer = await lab.logIn('viewer');
    expect((await put(id, 'u-1', { visitor: viewer })).status).toBe(403);
    expect((await put(id, 'u-1', { type: 'application/json' })).status).toBe(415);
    const bare = await fetch(`${lab.url}/mailings/${id}/people`, {
      method: 'PUT',
      headers: { cookie: editor.cookie, 'content-type': 'text/csv' },
      body: 'u-1',
    });
    expect(bare.status).toBeGreaterThanOrEqual(400);
    expect(await peopleOf(id)).toEqual([]);
  });

  it('can be taken out again', async () => {
    const id = await makeDraft(editor);
    await put(id, 'u-1\nu-2');
    await editor.post(`/mailings/${id}/people/clear`, { revision: String(await revisionOf(id)) });
    expect([await peopleOf(id), await countOf(id)]).toEqual([[], 0]);
  });
});

describe('pasted ids', () => {
  it('are stored with the draft, however they are separated', async () => {
    const id = await makeDraft(editor);
    expect((await saveDraft(editor, id, { people: 'u-1, u-2;u-3\nu-4 u-1' })).status).toBe(303);
    await saveDraft(editor, id, { people: 'u-5', people_mode: 'replace' });
    expect([await peopleOf(id), await countOf(id)]).toEqual([['u-5'], 1]);
  });

  it('have no header among them, and are no table', async () => {
    const id = await makeDraft(editor);
    const saved = await saveDraft(editor, id, { people: 'Kunden-ID\n1001\n1002\nno-3', people_mode: 'replace' });
    expect(await peopleOf(id)).toEqual(['1001', '1002', 'no-3']);
    expect(decodeURIComponent(saved.headers.get('set-cookie') ?? '')).toContain('“Kunden-ID”, was taken for a header');
    expect(decodeURIComponent(saved.headers.get('set-cookie') ?? '')).toContain(
      '1 of the pasted ids is unknown to the user service: “no-3” on line 4.',
    );
    const table = await saveDraft(editor, id, { people: 'address;user_id\nMain St 5,1002;1001' });
    expect([table.status, wordsOf(await table.text())]).toEqual([
      422,
      expect.stringContaining('These lines are a table'),
    ]);
    expect(await peopleOf(id)).toEqual(['1001', '1002', 'no-3']);
  });

  it('that are wrong are told beside the field; nothing is saved, and what was typed stays', async () => {
    const id = await makeDraft(editor);
    const answer = await saveDraft(editor, id, { title: 'Changed', people: 'u-1\nwrong!\nu-2' });
    const page = await answer.text();
    expect(answer.status).toBe(422);
    expect(wordsOf(page)).toContain("Line 2: wrong! , an id has letters A to Z, digits and . _ : - only, not '!'");
    expect(page).toContain('u-1\nwrong!\nu-2</textarea>');
    expect(page).toContain('value="Changed"');
    expect([await peopleOf(id), await revisionOf(id)]).toEqual([[], 1]);
  });
});

it('keeps the people of a firing for its series: they cannot be changed while one is being planned', async () => {
  const sender = await lab.logIn('sender');
  const id = await makeDraft(editor);
  await saveDraft(editor, id, { people: 'u-1', when: 'repeat', preset: 'daily', preset_time: '09:00' });
  await lab.db.updateTable('mailings').set({ status: 'confirmed' }).where('mailing_id', '=', id).execute();
  const firing = '11111111-0000-4000-8000-000000000001';
  await adopt(lab.db, firing, { seriesId: id, planningComplete: false, scheduledAt: new Date() });
  await sender.post(`/mailings/${id}/withdraw`);
  expect(wordsOf(await sender.page(`/mailings/${id}`))).toContain('recurring');
  await lab.db.updateTable('requests').set({ planning_complete: true }).where('request_id', '=', firing).execute();
  await sender.post(`/mailings/${id}/withdraw`);
  expect(wordsOf(await sender.page(`/mailings/${id}`))).toContain('draft');
});
