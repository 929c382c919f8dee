// Hold all promotional messages while a mailing and single requests are under way: what leaves, what flows on, and that the
// lift sends everybody once, although planner and dispatcher were killed while the hold was in force.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { liftHold } from '../../lib/holds/lift-hold.ts';
import { placeHold } from '../../lib/holds/place-hold.ts';
import { eventually } from '../support/eventually.ts';
import { type MailSink, startMailSink } from '../support/mail-sink.ts';
import { findPeople } from '../support/people.ts';
import { type System, startSystem } from '../support/system.ts';
import { addTemplate } from '../support/templates.ts';

let system: System;
let sink: MailSink;
const audience = findPeople(({ category }) => category === 'staff', 1_000);
const named = findPeople(
  ({ category, email, promo_agree }) => category === 'vip' && email !== null && promo_agree,
  120,
);
const reachable = audience.filter(({ email, promo_agree }) => email !== null && promo_agree);

beforeAll(async () => {
  sink = await startMailSink();
  const env = { SMTP_URL: sink.smtpUrl, MAILING_WINDOW: '1000', SMTP_RATE_PER_SECOND: '150' };
  system = await startSystem({ name: 'holds', infrastructure: 'shared', env });
  await addTemplate(system.db, { templateId: 'offer', subject: 'Offer', text: '{{ last_name }}' });
  await addTemplate(system.db, { templateId: 'bill', subject: 'Bill', text: '{{ last_name }}' });
});
afterAll(async () => {
  await system?.stop();
  await sink?.stop();
});

const mailsOf = (subject: string) => sink.mails.filter((mail) => mail.subject === subject);

/** As a producer does: a 503 is tried again under the same key. @returns the request's id */
async function send(template_id: string, user_ids: string[], is_promo: boolean): Promise<string> {
  const [event, idempotencyKey] = [{ template_id, user_ids, is_promo, priority: 'low' }, randomUUID()];
  let id = '';
  await eventually(async () => {
    id = await system.ingest.send(event, { idempotencyKey }).catch(() => '');
    return id !== '';
  }, 'it is accepted');
  return id;
}

/** Requests that only name people: of one person each, and one of many. */
async function sendOffers(people: readonly { id: string }[]): Promise<string[]> {
  const ids = people.map(({ id }) => id);
  const single = ids.slice(0, 10).map((id) => send('offer', [id], true));
  return Promise.all([...single, send('offer', ids.slice(10), true)]);
}

/** One message that nobody holds. @returns how long it took, in milliseconds */
async function timeBill(userId: string): Promise<number> {
  const [before, atMs] = [mailsOf('Bill').length, Date.now()];
  await send('bill', [userId], false);
  await eventually(() => mailsOf('Bill').length > before, 'the bill has come');
  return Date.now() - atMs;
}

it('keeps promotional messages back within 2 s while others flow, and sends each once when lifted, through two restarts', async () => {
  const mailing = randomUUID();
  const values = { mailing_id: mailing, status: 'confirmed', title: 'Offers', template_id: 'offer' } as const;
  await system.db
    .insertInto('mailings')
    .values({ ...values, template_version: 1, is_promo: true, user_categories: ['staff'], confirmed_at: new Date() })
    .execute();
  const early = await sendOffers(named.slice(0, 60));
  await eventually(() => mailsOf('Offer').length >= 100, 'the first offers have come');

  const hold = { scope: 'promotional', subject: '', author: 'ada', reason: 'a wrong link', endsInMs: null } as const;
  await placeHold(system.db, hold);
  const heldFromMs = Date.now() + 2_000;
  const late = await sendOffers(named.slice(60));
  const states = () =>
    Promise.all([mailing, late[0] ?? ''].map(async (id) => (await system.ingest.findRequest(id)).state));
  await eventually(async () => (await states()).every((state) => state === 'paused'), 'both are said to be paused');
  const tookMs: number[] = [];
  for (const { id } of named.slice(0, 5)) tookMs.push(await timeBill(id));
  for (const service of ['dispatcher', 'planner'] as const) system.launched.services.kill(service, 'SIGKILL');
  await eventually(async () => (await system.waitingFor('dispatcher'))?.length === 0, 'the dispatcher is back');
  await eventually(async () => (await system.waitingFor('planner'))?.length === 0, 'the planner is back');
  for (const { id } of named.slice(5, 10)) tookMs.push(await timeBill(id));
  expect(Math.max(...tookMs)).toBeLessThan(15_000);
  const heldCount = mailsOf('Offer').length;
  expect(heldCount).toBeLessThan(reachable.length);
  expect(mailsOf('Offer').filter(({ receivedAtMs }) => receivedAtMs > heldFromMs)).toEqual([]);

  const { hold_id } = await system.db.selectFrom('sending_holds').select('hold_id').executeTakeFirstOrThrow();
  await liftHold(system.db, String(hold_id), 'ada');
  const all = [mailing, ...early, ...late];
  await eventually(
    async () =>
      (await Promise.all(all.map((id) => system.ingest.findRequest(id)))).every(({ state }) => state === 'done'),
    () => `everybody has an end: ${mailsOf('Offer').length} offers`,
    120_000,
  );
  const { planned, sent, failed, skipped, unknown } = await system.ingest.findRequest(mailing);
  expect([planned, failed, unknown, sent + skipped]).toEqual([audience.length, 0, 0, planned]);
  expect(sent).toBe(reachable.length);
  const ids = mailsOf('Offer').map(({ messageId }) => messageId);
  // A kill may repeat the few whose answer had not come; the claim lets nobody else through twice.
  expect(new Set(ids).size).toBe(reachable.length + named.length);
  expect(ids.length - new Set(ids).size).toBeLessThanOrEqual(20);
});
