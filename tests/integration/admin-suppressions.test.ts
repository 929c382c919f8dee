import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLedger } from '../../services/dispatcher/ledger.ts';
import { type AdminLab, startAdminLab, type Visitor } from '../support/admin-lab.ts';
import { auditOf } from '../support/admin-ledger.ts';
import { findBarriers, sidewaysPixels } from '../support/axe.ts';
import { type Look, looks, openWindow, startBrowser } from '../support/browser.ts';
import { rendered, toMessage } from '../support/ledger-lab.ts';

let lab: AdminLab;
let support: Visitor;
beforeAll(async () => {
  lab = await startAdminLab();
  support = await lab.logIn('support');
});
afterAll(() => lab?.stop());

const rowOf = (address: string) =>
  lab.db.selectFrom('suppressions').selectAll().where('address', '=', address).executeTakeFirst();
const add = (fields: Record<string, string>, visitor = support) =>
  visitor.post('/suppressions', { channel: 'email', words: 'asked by telephone', ...fields });

describe('suppressing by hand', () => {
  it('keeps the address as the claim looks for it, with who, when and why in the audit log', async () => {
    const answer = await add({ address: ' Jane.Doe@Example.COM ' });
    expect([answer.status, answer.headers.get('location')]).toEqual([303, '/suppressions']);
    expect(await rowOf('jane.doe@example.com')).toMatchObject({
      channel: 'email',
      reason: 'manual',
      detail: 'asked by telephone',
    });
    expect(await auditOf(lab.db, 'address jane.doe@example.com')).toEqual([`${support.name} suppression.added`]);
    await add({ channel: 'sms', address: '0099955 123-4567' });
    expect(await rowOf('+999551234567')).toMatchObject({ channel: 'sms' });
  });

  it('keeps the next message from being sent', async () => {
    await add({ address: 'stop@example.com' });
    const message = toMessage(rendered({ address: 'Stop@Example.com' }));
    const rows = await createLedger(lab.db).claim([message], { token: randomUUID(), fromWaiting: false });
    expect(rows).toMatchObject([{ verdict: 'ended', state: 'skipped', reason: 'suppressed' }]);
  });

  it.each([
    [{ address: 'not an address' }, 'This is not one e-mail address.'],
    [{ address: 'a@b.example, c@d.example' }, 'This is not one e-mail address.'],
    [{ channel: 'sms', address: '12345' }, 'This is not a phone number'],
    [{ channel: 'fax', address: 'a@b.example' }, 'Choose e-mail or SMS.'],
    [{ address: 'a@b.example', words: ' ' }, 'Say why, in a few words.'],
    [{ address: '' }, 'Enter the address.'],
  ])('says beside the field what is wrong with %j, and keeps what was typed', async (fields, fault) => {
    const answer = await add(fields);
    const text = await answer.text();
    expect(answer.status).toBe(422);
    expect(text).toContain(fault);
    expect(text).toContain(`value="${fields.address}"`);
  });

  it('leaves what the mail server said of an address that is suppressed already', async () => {
    const row = { channel: 'email', address: 'bounced@example.com', reason: 'refused', detail: '550 5.1.1' } as const;
    await lab.db.insertInto('suppressions').values(row).execute();
    const answer = await add({ address: 'bounced@example.com' });
    expect(await answer.text()).toContain('This address is suppressed already, since 20');
    expect(await rowOf('bounced@example.com')).toMatchObject({ reason: 'refused', detail: '550 5.1.1' });
  });

  it('is lifted with what it was in the audit log; lifting it twice is no fault', async () => {
    await add({ address: 'lift@example.com' });
    const lift = () => support.post('/suppressions/lift', { channel: 'email', address: 'lift@example.com' });
    expect((await lift()).status).toBe(303);
    expect(await rowOf('lift@example.com')).toBeUndefined();
    expect((await lift()).status).toBe(303);
    expect(await auditOf(lab.db, 'address lift@example.com')).toEqual([
      `${support.name} suppression.added`,
      `${support.name} suppression.lifted`,
    ]);
  });

  it('is for support, operators and admins', async () => {
    const sender = await lab.logIn('sender', 'editor', 'viewer');
    expect((await sender.get('/suppressions')).status).toBe(403);
    expect((await add({ address: 'x@example.com' }, sender)).status).toBe(403);
    const fields = { channel: 'email', address: 'jane.doe@example.com' };
    expect((await sender.post('/suppressions/lift', fields)).status).toBe(403);
    expect(await rowOf('jane.doe@example.com')).toBeDefined();
    for (const role of ['operator', 'admin'] as const) {
      expect((await (await lab.logIn(role)).get('/suppressions')).status).toBe(200);
    }
  });
});

describe('the list', () => {
  it('finds an address however it is written, and says so when it is not there', async () => {
    expect(await support.page('/suppressions?address=JANE.doe%40example.com')).toContain('>jane.doe@example.com<');
    expect(await support.page('/suppressions?address=%2B99955%20123%204567')).toContain('>+999551234567<');
    expect(await support.page('/suppressions?address=else%40example.com')).toContain('is not suppressed.');
  });

  it('pages through all of them, newest first, each once, also of the same moment', async () => {
    await sql`delete from suppressions`.execute(lab.db);
    await sql`
      insert into suppressions (channel, address, reason, created_at)
      select 'email', 'page-' || n || '@example.com', 'refused', now() - make_interval(secs => (n / 10) + 0.000001)
      from generate_series(1, 250) n`.execute(lab.db);
    const seen: number[] = [];
    for (let path: string | undefined = '/suppressions'; path; ) {
      const text: string = await support.page(path);
      seen.push(...[...text.matchAll(/class="break">page-(\d+)@/g)].map((match) => Number(match[1])));
      path = /class="pager"><a href="([^"]+)/.exec(text)?.[1]?.replaceAll('&amp;', '&');
    }
    expect(new Set(seen).size).toBe(250);
    expect(seen).toHaveLength(250);
    const tens = seen.map((n) => Math.floor(n / 10));
    expect(tens).toEqual([...tens].sort((a, b) => a - b));
  });
});

describe('in the browser', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await startBrowser();
    await sql`delete from suppressions`.execute(lab.db);
  });
  afterAll(() => browser?.close());

  it.each(Object.keys(looks) as Look[])('nothing keeps anybody from using the page (%s)', async (look) => {
    const detail = '550 5.1.1 <script>window.x=1</script> <jane@example.com>: recipient address rejected';
    await sql`delete from suppressions`.execute(lab.db);
    const window = await openWindow(browser, lab.url, support.cookie, look);
    try {
      const page = await window.newPage();
      await page.goto('/suppressions');
      expect(await findBarriers(page)).toEqual([]);
      await lab.db
        .insertInto('suppressions')
        .values([
          {
            channel: 'email',
            address: 'a-rather-long-address.of-somebody@some-department.example.com',
            reason: 'refused',
            detail,
          },
          { channel: 'sms', address: '+999551234567', reason: 'manual', detail: 'asked by telephone' },
        ])
        .execute();
      await page.goto('/suppressions');
      expect(await findBarriers(page)).toEqual([]);
      expect(await sidewaysPixels(page)).toBe(0);
      expect(await page.evaluate('window.x')).toBeUndefined();
      if (process.env.SCREENSHOTS) {
        await page.screenshot({ path: `${process.env.SCREENSHOTS}/suppressions-${look}.png`, fullPage: true });
      }
      await page.getByRole('button', { name: 'Lift +999551234567' }).click();
      await page.getByText('this 1 address again').waitFor();
      await page.getByRole('button', { name: 'Lift', exact: true }).click();
      await page.getByText('Messages may be sent to +999551234567 again.').waitFor();
      expect(await rowOf('+999551234567')).toBeUndefined();
    } finally {
      await window.close();
    }
  });
});

describe('what one key has reported', () => {
  it('is lifted at once, by key and time, and stands in the audit log', async () => {
    const [good, bad] = [randomUUID(), randomUUID()];
    const suppressed = (address: string, key: string, at: string) =>
      lab.db
        .insertInto('suppressions')
        .values({ channel: 'email', address, reason: 'bounce', api_key_id: key, created_at: new Date(at) })
        .execute();
    await suppressed('early@reports.example', bad, '2026-11-01T00:00:00Z');
    for (let at = 0; at < 700; at += 1) await suppressed(`p${at}@reports.example`, bad, '2026-11-02T12:00:00Z');
    await suppressed('other@reports.example', good, '2026-11-02T12:00:00Z');
    const query = { key: bad, since: '2026-11-02T00:00', until: '2026-11-03T00:00' };
    const seen = await support.page(`/suppressions/reported?${new URLSearchParams(query)}`);
    expect(seen).toMatch(/<strong>700<\/strong> addresses are suppressed/);
    const answer = await support.post('/suppressions/reported/lift', query);
    expect([answer.status, answer.headers.get('location')]).toEqual([303, '/suppressions']);
    const left = await lab.db
      .selectFrom('suppressions')
      .select('address')
      .where('address', 'like', '%@reports.example')
      .orderBy('address')
      .execute();
    expect(left.map(({ address }) => address)).toEqual(['early@reports.example', 'other@reports.example']);
    expect(await auditOf(lab.db, `key ${bad}`)).toEqual(Array(2).fill(`${support.name} suppressions.lifted`));
  });

  it.each([
    ['key=x', 404],
    [`key=${randomUUID()}&since=yesterday`, 400],
    [`key=${randomUUID()}&until=2026-99-99T00:00`, 400],
  ])('says what is wrong with ?%s', async (query, status) => {
    expect((await support.get(`/suppressions/reported?${query}`)).status).toBe(status);
  });
});
