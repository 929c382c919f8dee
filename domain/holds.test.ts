import { describe, expect, it } from 'vitest';
import { authorKind, covers, describeTarget, type Holdable, holdScopes, subjectsOf } from './holds.ts';

const news: Holdable = { templateId: 'news', channel: 'email', priority: 'low', isPromo: true, isTest: false };

describe('a hold covers', () => {
  it.each<[string, Parameters<typeof covers>[0], Partial<Holdable>, boolean]>([
    ['its template', { scope: 'template', subject: 'news' }, {}, true],
    ['no other template', { scope: 'template', subject: 'welcome' }, {}, false],
    ['no test of its template', { scope: 'template', subject: 'news' }, { isTest: true }, false],
    ['its channel', { scope: 'channel', subject: 'email' }, {}, true],
    ['tests by its channel', { scope: 'channel', subject: 'email' }, { isTest: true }, true],
    ['no other channel', { scope: 'channel', subject: 'sms' }, {}, false],
    ['promotional messages', { scope: 'promotional', subject: '' }, {}, true],
    ['nothing else when it is promotional', { scope: 'promotional', subject: '' }, { isPromo: false }, false],
    ['no promotional test', { scope: 'promotional', subject: '' }, { isTest: true }, false],
    ['its lane', { scope: 'lane', subject: 'low/email' }, {}, true],
    ['no lane of another priority', { scope: 'lane', subject: 'high/email' }, {}, false],
    ['no lane of another channel', { scope: 'lane', subject: 'low/sms' }, {}, false],
  ])('%s', (_what, hold, changes, expected) => {
    expect(covers(hold, { ...news, ...changes })).toBe(expected);
  });
});

it('names what every scope covers, and who its author is', () => {
  const targets = holdScopes.map((scope) => ({ scope, subject: subjectsOf(scope)?.[0] ?? 'some-id' }));
  expect(targets.map(describeTarget)).toEqual([
    'request some-id',
    'template some-id',
    'all e-mail',
    'all promotional messages',
    'e-mail of high priority',
  ]);
  expect(['guard', 'cli:ada', 'ada'].map(authorKind)).toEqual(['guard', 'command', 'person']);
});
