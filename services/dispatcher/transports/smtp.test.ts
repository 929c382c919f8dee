import { expect, it } from 'vitest';
import type { NotificationRendered } from '../../../lib/events.ts';
import { rendered } from '../../../tests/support/ledger-lab.ts';
import { Breaker } from './breaker.ts';
import { createSmtpTransport, type Sender } from './smtp.ts';
import type { SmtpPool } from './smtp-pool.ts';

const sound: Sender = {
  mailFrom: 'Posthorn <no-reply@sender.example>',
  envelopeFrom: 'no-reply@sender.example',
  mailDomain: 'sender.example',
};

function send(changes: Partial<NotificationRendered>, sender: Sender) {
  const pool = {
    send: async () => ({ kind: 'reply', to: 'message', code: 250, text: '250 Ok' }),
  } as unknown as SmtpPool;
  const breaker = new Breaker('mail-server', () => 0);
  return createSmtpTransport({ pool, breaker, parallel: 1, sender }).send(rendered(changes), () => true);
}

it.each([
  { changes: { address: 'a@x.example, b@x.example' }, reason: 'invalid_address' },
  { changes: { reply_to: 'nobody' }, reason: 'refused' },
  { changes: { subject: null as unknown as string }, reason: 'refused' },
])('ends a message of which no mail can be made, while others can: $changes', async ({ changes, reason }) => {
  expect(await send(changes, sound)).toMatchObject({ kind: 'failed', reason, suppress: false });
  expect(await send({}, sound)).toMatchObject({ kind: 'sent' });
});

it.each([
  { ...sound, mailDomain: 'no domain' },
  { ...sound, mailFrom: 'nobody' },
])('blames no message for what keeps every mail from being made: $mailFrom $mailDomain', async (sender) => {
  await expect(send({}, sender)).rejects.toThrow('no mail can be made');
  // Its own fault is known all the same.
  expect(await send({ address: 'nobody' }, sender)).toMatchObject({ kind: 'failed', reason: 'invalid_address' });
});
