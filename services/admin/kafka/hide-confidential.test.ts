import { expect, it } from 'vitest';
import { hideConfidential } from './hide-confidential.ts';

it('hides values of context, address and texts, and leaves ids, times and what is empty', () => {
  const event = {
    request_id: 'r',
    user_id: 'u',
    address: 'ada@example.com',
    subject: 'Your code',
    text: '123456',
    html: null,
    context: '{"code": "123456", "__proto__": {"deep": "secret"}}',
    collected: '{}',
    requested_at: 1,
    unsubscribe_url: 'https://example.com/u/token',
    test: { address: 'me@example.com', template_version: 3 },
  };
  expect(JSON.parse(JSON.stringify(hideConfidential(event)))).toEqual({
    request_id: 'r',
    user_id: 'u',
    address: 'confidential',
    subject: 'confidential',
    text: 'confidential',
    html: null,
    context: JSON.parse('{"code": "confidential", "__proto__": "confidential"}'),
    collected: {},
    requested_at: 1,
    unsubscribe_url: 'confidential',
    test: { address: 'confidential', template_version: 3 },
  });
});

it.each(['[1, "secret"]', '"secret"', '{"broken": "secret'])(
  'hides a context that is no object whole: %s',
  (context) => {
    expect(JSON.stringify(hideConfidential({ context }))).toBe('{"context":"confidential"}');
  },
);
