import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import type { NotificationRendered } from '../../lib/events.ts';
import { failRendered, findFault } from './messages.ts';

const event: NotificationRendered = {
  is_test: false,
  unsubscribe_url: null,
  notification_id: randomUUID(),
  request_id: randomUUID(),
  chunk_id: randomUUID(),
  user_id: 'ada',
  priority: 'high',
  channel: 'email',
  template_id: 'welcome',
  template_version: 1,
  is_promo: false,
  on_no_answer: 'resend',
  address: 'ada@people.example',
  from_name: null,
  reply_to: null,
  subject: 'Hello',
  text: 'Hello',
  html: null,
  requested_at: 1,
  planned_at: 2,
  enriched_at: 3,
  rendered_at: 4,
  expires_at: null,
};

it('finds what one statement for hundreds of records must not meet', () => {
  expect(findFault(event)).toBeUndefined();
  const broken: Partial<NotificationRendered>[] = [
    { notification_id: 'x' },
    { request_id: '' },
    { chunk_id: 'ABC' },
    { user_id: 'a b' },
    { address: 'a\0@b.example' },
    { template_id: 'a\0' },
    { address: `${'a'.repeat(3_000)}@b.example` },
    { requested_at: -1 },
    { rendered_at: Number.NaN },
    { expires_at: 9e15 },
  ];
  for (const change of broken) expect(findFault({ ...event, ...change }), JSON.stringify(change)).toBeDefined();
  const [outcome] = failRendered(event, { code: 'bug', message: 'boom' }, 99);
  if (!outcome) throw new Error('there is an outcome');
  expect(findFault(outcome)).toBeUndefined();
  for (const field of ['reason', 'stage', 'detail', 'template_id']) {
    expect(findFault({ ...outcome, [field]: 'a\0b' }), field).toBeDefined();
  }
});

it('ends the person of a record that was put aside as failed, too_large apart', () => {
  const [outcome] = failRendered(event, { code: 'bug', message: 'boom' }, 99);
  expect(outcome).toMatchObject({
    notification_id: event.notification_id,
    state: 'failed',
    reason: 'dead_lettered',
    detail: 'boom',
    stage: 'dispatcher',
    ended_at: 99,
  });
  expect(failRendered(event, { code: 'too_large', message: '' }, 99)[0]?.reason).toBe('too_large');
});

it('tells no outcome that the ledger could not hold: it would be put aside as well', () => {
  for (const change of [{ request_id: 'order 17' }, { user_id: 'a b' }, { requested_at: -1 }, { template_id: '\0' }]) {
    expect(failRendered({ ...event, ...change }, { code: 'record_invalid', message: 'poison' }, 99)).toEqual([]);
  }
  // What is wrong with the message alone does not keep its person without an end.
  expect(failRendered({ ...event, address: '\0' }, { code: 'record_invalid', message: 'poison' }, 99)).toHaveLength(1);
});
