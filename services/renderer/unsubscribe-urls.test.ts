import { expect, it } from 'vitest';
import { toUnsubscribeUrl } from '../../content/unsubscribe.ts';
import { createUnsubscribeUrls, isOneClickable } from './unsubscribe-urls.ts';

const links = { publicUrl: 'https://example.com', secret: 'a secret of a few words' };
const event = {
  is_promo: true,
  is_test: false,
  channel: 'email' as const,
  user_id: 'ada',
  request_id: '01890000-0000-7000-8000-00000000abcd',
};

it('gives promotional e-mail an address of the person, tests one of nobody, and nothing else any', () => {
  const urlOf = createUnsubscribeUrls(links);
  const ada = { userId: 'ada', channel: 'email' } as const;
  expect(urlOf(event)).toBe(toUnsubscribeUrl(links.publicUrl, links.secret, ada, event.request_id));
  expect(urlOf({ ...event, is_test: true })).toBe('https://example.com/u/test');
  expect(urlOf({ ...event, is_promo: false })).toBeNull();
  expect(urlOf({ ...event, channel: 'sms' })).toBeNull();
});

it.each([
  ['https://example.com/mail', true],
  ['http://127.0.0.1:8001', true],
  ['http://localhost:8001', true],
  ['http://[::1]:8001', true],
  ['http://example.com', false],
])('knows whether mail programs would post to %s: %s', (publicUrl, expected) => {
  expect(isOneClickable(publicUrl)).toBe(expected);
});
