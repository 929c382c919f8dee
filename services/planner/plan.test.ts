import { describe, expect, it } from 'vitest';
import { chunkId } from '../../domain/ids.ts';
import type { NotificationRequested } from '../../lib/events.ts';
import {
  type ActiveTemplate,
  checkRequest,
  cutChunks,
  hashBody,
  plan as planAt,
  toChunkPlanned,
  toPlausibleTime,
} from './plan.ts';

const now = Date.UTC(2026, 10, 23, 12);
const template: ActiveTemplate = {
  templateId: 'welcome',
  version: 3,
  kind: 'common',
  channel: 'email',
  onNoAnswer: 'park',
  isPromo: false,
};
const request = (changes: Partial<NotificationRequested> = {}): NotificationRequested => ({
  test: null,
  request_id: '0a1b2c3d-0000-4000-8000-000000000001',
  template_id: 'welcome',
  priority: 'low',
  is_promo: false,
  user_ids: ['ada'],
  user_categories: [],
  context: '{}',
  requested_at: now - 1_000,
  scheduled_at: null,
  expires_at: null,
  ...changes,
});

const plan = (asked: NotificationRequested, known: ActiveTemplate | undefined, atMs: number, rejection?: string) =>
  planAt(asked, known, atMs, asked.requested_at, rejection);

describe('plan', () => {
  it('turns a request that names people into chunks at once', () => {
    const planned = plan(request({ user_ids: ['ada', 'bob'] }), template, now);
    expect(planned).toMatchObject({
      state: 'running',
      chunks: [{ sequence: 0, userIds: ['ada', 'bob'] }],
      userIds: [],
    });
  });

  it('leaves a request with a category or a later time to the runner, with all its people', () => {
    expect(plan(request({ user_categories: ['active'] }), template, now)).toMatchObject({
      state: 'planning',
      driven: true,
      chunks: [],
      userIds: ['ada'],
      userCategories: ['active'],
    });
    expect(plan(request({ scheduled_at: now + 1 }), template, now)).toMatchObject({
      state: 'scheduled',
      driven: true,
      chunks: [],
      userIds: ['ada'],
    });
  });

  it.each([
    { said: true, marked: true, expected: true },
    { said: false, marked: true, expected: true },
    { said: true, marked: false, expected: true },
    { said: false, marked: false, expected: false },
  ])('is promotional: $expected, where the producer says $said and the template $marked', (one) => {
    for (const changes of [{}, { user_categories: ['active'] }, { scheduled_at: now + 1 }]) {
      const asked = request({ is_promo: one.said, ...changes });
      const planned = plan(asked, { ...template, isPromo: one.marked }, now);
      expect(planned.isPromo).toBe(one.expected);
      // A record that comes again is recognised by what it says itself.
      expect(planned.bodyHash).toEqual(hashBody(asked));
    }
  });

  it('plans a request at once whose time has passed', () => {
    expect(plan(request({ scheduled_at: now }), template, now).chunks).toHaveLength(1);
  });

  it('rejects without planning anybody when there is no template', () => {
    expect(plan(request({ template_id: 'a\u0000b' }), undefined, now, 'there is none')).toMatchObject({
      state: 'rejected',
      detail: 'there is none',
      templateId: 'a?b',
      chunks: [],
    });
  });
});

describe('toPlausibleTime', () => {
  const dayMs = 24 * 60 * 60 * 1000;
  const receivedAt = now - 3 * dayMs;
  it.each([
    ['the own time of the request', now - 1_000, receivedAt, now - 1_000],
    [
      "the broker's time where the request is from a clock that is far ahead",
      now + 2 * 60 * 60 * 1000,
      receivedAt,
      receivedAt,
    ],
    ["the broker's time where the request counts in seconds", now / 1000, receivedAt, receivedAt],
    ["the broker's time where the request says nothing", 0, receivedAt, receivedAt],
    ['the present where neither can be', 0, -1, now],
    ['the present where both are older than the ledger', now - 90 * dayMs, now - 90 * dayMs, now],
  ])('takes %s', (_, requestedAt, received, expected) => {
    expect(toPlausibleTime(requestedAt, received, now)).toBe(expected);
  });
});

describe('cutChunks', () => {
  it('goes on with the numbers after the chunks there are', () => {
    const people = Array.from({ length: 501 }, (_, index) => `u${index}`);
    expect(cutChunks(people, 7).map(({ sequence }) => sequence)).toEqual([7, 8]);
  });

  it('keeps each person once, in order, at most 500 a chunk', () => {
    const people = Array.from({ length: 1_001 }, (_, index) => `u${index}`);
    const chunks = cutChunks([...people, 'u0', 'u1000']);
    expect(chunks.map((chunk) => [chunk.sequence, chunk.userIds.length])).toEqual([
      [0, 500],
      [1, 500],
      [2, 1],
    ]);
    expect(chunks.flatMap((chunk) => chunk.userIds)).toEqual(people);
  });
});

describe('toChunkPlanned', () => {
  it('makes the same record from the same row, with the computed id', () => {
    const planned = plan(request(), template, now);
    const [chunk] = planned.chunks;
    if (!chunk) throw new Error('no chunk');
    const record = toChunkPlanned(planned, template, chunk, now);
    expect(record).toEqual(toChunkPlanned(planned, template, chunk, now));
    expect(record).toMatchObject({
      chunk_id: chunkId(planned.requestId, 0),
      template_version: 3,
      on_no_answer: 'park',
      user_ids: ['ada'],
      planned_at: now,
    });
  });
});

describe('a test-send', () => {
  const test = { address: 'me@example.com', template_version: 7 };

  it('is planned at once, for its address, and says that it is a test', () => {
    const planned = plan(request({ test }), { ...template, version: 7 }, now);
    expect(planned).toMatchObject({ state: 'running', origin: 'test', driven: false, testAddress: 'me@example.com' });
    const [chunk] = planned.chunks;
    if (!chunk || !planned.template) throw new Error('no chunk');
    const record = toChunkPlanned(planned, planned.template, chunk, now);
    expect(record).toMatchObject({ template_version: 7, test_address: 'me@example.com' });
  });

  it.each([
    ['two people', { user_ids: ['ada', 'bob'] }],
    ['a category', { user_categories: ['active'] }],
    ['a later time', { scheduled_at: now + 1 }],
  ])('is refused with %s', (_, changes) => {
    expect(() => checkRequest(request({ test, ...changes }), now)).toThrowError(
      expect.objectContaining({ code: 'test_invalid' }),
    );
  });
});

describe('hashBody', () => {
  it('is for what is no test what it was in the releases before', () => {
    expect(hashBody(request()).toString('hex')).toBe(
      '043959d22fcce254dbcc8ecf3244a9d75715043624bc8c7a25fa80e25538acbc',
    );
    expect(hashBody(request({ test: { address: 'a@b.example', template_version: 1 } }))).not.toEqual(
      hashBody(request()),
    );
  });

  it('is the same for a retry that differs only in its time, and another for another body', () => {
    expect(hashBody(request({ requested_at: 1 }))).toEqual(hashBody(request({ requested_at: 2 })));
    expect(hashBody(request({ context: '{"a":1}' }))).not.toEqual(hashBody(request()));
  });
});

describe('checkRequest', () => {
  const wrong: [string, Partial<NotificationRequested>][] = [
    ['request_id_invalid', { request_id: 'X' }],
    ['too_many_users', { user_ids: Array.from({ length: 10_001 }, (_, index) => `u${index}`) }],
    ['too_many_categories', { user_categories: Array.from({ length: 101 }, (_, index) => `c${index}`) }],
    ['no_audience', { user_ids: [] }],
    ['user_id_invalid', { user_ids: ['ada', 'b b'] }],
    ['category_invalid', { user_categories: ['a\u0000'] }],
    ['time_invalid', { expires_at: -1 }],
    ['time_invalid', { scheduled_at: Number.MAX_SAFE_INTEGER }],
    ['time_invalid', { scheduled_at: now / 1000 }],
    ['time_invalid', { expires_at: now / 1000 }],
    ['time_invalid', { scheduled_at: now * 1000 }],
    ['time_invalid', { scheduled_at: now + 2, expires_at: now + 2 }],
    ['context_invalid', { context: '[]' }],
    ['context_invalid', { context: '{' }],
    ['context_invalid', { context: '{"t":1e400}' }],
    ['context_invalid', { context: '{"order":7615917337495251231}' }],
    ['context_invalid', { context: '{"a":1,"a":2}' }],
    ['context_invalid', { context: '{"a":"\\u0000"}' }],
    ['context_invalid', { context: '{"a":["\\ud83d"]}' }],
    ['context_invalid', { context: `{"a":"${'x'.repeat(64 * 1024)}"}` }],
    ['context_invalid', { context: `${'{"a":'.repeat(17)}1${'}'.repeat(17)}` }],
  ];
  it.each(wrong)('refuses with %s', (code, changes) => {
    expect(() => checkRequest(request(changes), now)).toThrowError(expect.objectContaining({ code }));
  });

  it('accepts a context of 16 levels', () => {
    expect(() => checkRequest(request({ context: `${'{"a":'.repeat(16)}1${'}'.repeat(16)}` }), now)).not.toThrow();
  });
});
