import { expect, it } from 'vitest';
import type { TestProgress } from '../queries/templates-tests.ts';
import { describeProgress } from './test-progress.ts';

const delivery = (state: string, reason = '', detail = '') =>
  ({ notificationId: 'n', state, reason, detail, endedAt: null }) as NonNullable<TestProgress['delivery']>;
const running = { state: 'running', detail: '' } as const;
const progress = (delivery?: TestProgress['delivery'], request?: TestProgress['request'], ageMs = 0) =>
  describeProgress({ request, delivery }, ageMs);

it.each([
  [progress(), 'accepted', 'It waits for the planner.', false],
  [progress(undefined, running), 'planning', 'It is planned and being made.', false],
  [progress(undefined, { state: 'rejected', detail: 'no' }), 'rejected', 'The planner has refused it: no', true],
  [progress(delivery('claimed'), running), 'claimed', 'It is being sent.', false],
  [progress(delivery('deferred', 'busy'), running), 'deferred', 'It will be tried again.', false],
  [progress(delivery('sent'), running), 'sent', 'It was sent: the mail server or SMS gateway has taken it.', true],
  [progress(delivery('failed', 'refused', '550 no'), running), 'failed', '550 no', true],
  [progress(delivery('skipped', 'suppressed'), running), 'skipped', 'It was not sent. The address is on the', true],
  [progress(delivery('unknown', 'no_answer'), running), 'unknown', 'Nobody knows whether it was sent.', true],
])('says %j', (shown, state, sentence, hasEnded) => {
  expect(shown).toMatchObject({ state, sentence: expect.stringContaining(sentence), hasEnded });
});

it('says when it takes longer than it should', () => {
  expect(progress(undefined, undefined, 61_000).sentence).toContain('ask an operator');
});
