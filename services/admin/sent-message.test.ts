import { expect, it } from 'vitest';
import { rendered } from '../../tests/support/ledger-lab.ts';
import { readMailHeader } from './sent-message.ts';

const sender = { mailFrom: 'Lumen <post@lumen.example>', mailDomain: 'lumen.example' };
const headerOf = (event: Parameters<typeof readMailHeader>[0]): Record<string, string> =>
  Object.fromEntries(readMailHeader(event, sender).header ?? []);

it('shows the header as the mail has it, long and foreign subjects read back whole', () => {
  const subject = 'Ваши фильмы за ноябрь, Zoë: драма, комедия и ещё несколько десятков других историй';
  const event = rendered({ subject, from_name: 'Кинозал', reply_to: 'help@lumen.example' });
  expect(headerOf(event)).toMatchObject({
    Subject: subject,
    From: 'Кинозал <post@lumen.example>',
    'Reply-To': 'help@lumen.example',
    To: event.address,
    'Message-ID': `<${event.notification_id}@lumen.example>`,
    Date: new Date(event.rendered_at).toUTCString().replace('GMT', '+0000'),
  });
});

it('shows the fields to unsubscribe by, for promotional mail alone', () => {
  const url = 'https://post.example/u/abc.0123456789abcdef0123456789abcdef';
  expect(headerOf(rendered({ is_promo: true, unsubscribe_url: url }))).toMatchObject({
    'List-Unsubscribe': `<${url}>`,
    'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
  });
  expect(headerOf(rendered())).not.toHaveProperty('List-Unsubscribe');
});

it('says why no mail could be made of it', () => {
  expect(readMailHeader(rendered({ address: 'a@b.example, c@d.example' }), sender).fault).toContain('address');
});
