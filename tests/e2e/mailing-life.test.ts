// A mailing under way, paused, resumed and cancelled from the admin pages: what leaves, what does not, and that the
// numbers always balance with what the mail server really took.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Visitor, visit } from '../support/admin-lab.ts';
import { eventually } from '../support/eventually.ts';
import { type MailSink, startMailSink } from '../support/mail-sink.ts';
import { findPeople } from '../support/people.ts';
import { type System, startSystem } from '../support/system.ts';
import { addTemplate } from '../support/templates.ts';

let system: System;
let sink: MailSink;
let sender: Visitor;

const audience = findPeople(({ category }) => category === 'vip', 10_000);
const reachable = new Set(audience.flatMap(({ email }) => email ?? []));

beforeAll(async () => {
  sink = await startMailSink();
  // A window smaller than the audience: much of it is not planned yet when somebody presses a button.
  const env = { SMTP_URL: sink.smtpUrl, MAILING_WINDOW: '3000' };
  system = await startSystem({ name: 'mailing-life', infrastructure: 'shared', env });
  await addTemplate(system.db, { templateId: 'plain', subject: 'Hello {{ first_name }}', text: '{{ last_name }}' });
  const { ports, adminPassword } = system.launched;
  sender = await visit(`http://127.0.0.1:${ports.admin}`, 'admin', adminPassword);
});

afterAll(async () => {
  await system?.stop();
  await sink?.stop();
});

/** Starts a mailing to all VIPs. @returns its id, when the first thousand mails have come */
async function startMailing(): Promise<{ id: string; before: number }> {
  const id = randomUUID();
  const before = sink.mails.length;
  await system.db
    .insertInto('mailings')
    .values({
      mailing_id: id,
      status: 'confirmed',
      title: 'To our VIPs',
      template_id: 'plain',
      template_version: 1,
      user_categories: ['vip'],
      confirmed_at: new Date(),
    })
    .execute();
  await eventually(() => sink.mails.length - before >= 1_000, 'the first mails have come');
  return { id, before };
}

async function press(id: string, button: 'pause' | 'resume' | 'cancel'): Promise<number> {
  const answer = await sender.post(`/mailings/${id}/${button}`);
  expect(answer.status, await answer.text()).toBe(303);
  return Date.now();
}

const stateOf = async (id: string): Promise<string> => (await system.ingest.findRequest(id)).state;
const lastMailAtMs = (): number => sink.mails.at(-1)?.receivedAtMs ?? 0;

/** Everything that was planned before has come to the dispatcher and is behind it. */
async function untilQuiet(id: string): Promise<void> {
  let seen = -1;
  let sinceMs = Date.now();
  await eventually(async () => {
    const { in_flight } = await system.ingest.findRequest(id);
    const now = sink.mails.length + in_flight;
    if (now !== seen) sinceMs = Date.now();
    seen = now;
    return Date.now() - sinceMs > 3_000;
  }, 'nothing moves any more');
}

it('stops within two seconds of a pause, and is completed exactly by the resume', async () => {
  const { id, before } = await startMailing();
  const pausedAtMs = await press(id, 'pause');
  await eventually(async () => (await stateOf(id)) === 'paused', 'it is paused');
  await untilQuiet(id);
  expect(lastMailAtMs() - pausedAtMs).toBeLessThanOrEqual(2_000);
  expect(sink.mails.length - before, 'the pause came before the end').toBeLessThan(reachable.size);

  await press(id, 'resume');
  const request = await system.ingest.untilDone(id, 60_000);
  expect(request).toMatchObject({
    planned: 10_000,
    sent: reachable.size,
    skipped: 10_000 - reachable.size,
    failed: 0,
    unknown: 0,
  });
  const mails = sink.mails.slice(before);
  expect(new Set(mails.map(({ to }) => to))).toEqual(reachable);
  expect(mails).toHaveLength(reachable.size);
});

/** What was planned and not sent has ended as cancelled; what the numbers say was sent is what the mail server took. */
async function expectCancelled(id: string, before: number, cancelledAtMs: number): Promise<void> {
  await eventually(
    async () => {
      const { state, in_flight } = await system.ingest.findRequest(id);
      return state === 'cancelled' && in_flight === 0;
    },
    'the numbers balance',
    15_000,
  );
  const request = await system.ingest.findRequest(id);
  const mails = sink.mails.slice(before);
  expect(lastMailAtMs() - cancelledAtMs).toBeLessThanOrEqual(2_000);
  expect(request.sent).toBe(mails.length);
  expect(new Set(mails.map(({ messageId }) => messageId)).size).toBe(mails.length);
  expect(request.sent + request.skipped + request.failed + request.unknown).toBe(request.planned);
  expect(request.planned).toBeLessThan(10_000);
  expect(request.reasons.find(({ reason }) => reason === 'cancelled')?.count).toBeGreaterThan(0);
}

it('balances at once when it is cancelled: what was planned and not sent is skipped as cancelled', async () => {
  const { id, before } = await startMailing();
  await expectCancelled(id, before, await press(id, 'cancel'));
});

it('balances when it is cancelled while it is paused, and can be cancelled twice', async () => {
  const { id, before } = await startMailing();
  await press(id, 'pause');
  await eventually(async () => (await stateOf(id)) === 'paused', 'it is paused');
  const cancelledAtMs = await press(id, 'cancel');
  await press(id, 'cancel');
  await expectCancelled(id, before, cancelledAtMs);
});
