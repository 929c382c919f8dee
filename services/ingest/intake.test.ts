// What callers are told when a part below hangs, fails or recovers, in an order and at moments that real parts do not
// offer. The real ones are in tests/integration/ingest-outage.test.ts.
import { pino } from 'pino';
import { beforeEach, expect, it, vi } from 'vitest';
import { DependencyError } from '../../lib/errors.ts';
import type { NotificationRequested } from '../../lib/events.ts';
import type { Outgoing } from '../../lib/kafka/stage.ts';
import { createTopics } from '../../lib/topics.ts';
import type { Admission } from './accepted-store.ts';
import { createIntake, type Submission } from './intake.ts';
import type { Problem } from './problem.ts';

const acceptedAtMs = 1_700_000_000_000;
let admission: Admission;
let marked: string[];
let published: Outgoing<'NotificationRequested'>[];
let publish: (records: readonly Outgoing<'NotificationRequested'>[]) => Promise<void>;
let markPublished: (ids: readonly string[]) => Promise<void>;

beforeEach(() => {
  admission = { state: 'open', acceptedAtMs };
  marked = [];
  published = [];
  publish = async (records) => void published.push(...records);
  markPublished = async (ids) => void marked.push(...ids);
});

/** @param limitMs short only where a test waits it out: a busy machine must not make an answer late */
const start = (limitMs = 20_000) =>
  createIntake({
    store: {
      admit: async (rows) => rows.map(() => admission),
      markPublished: (ids) => markPublished(ids),
      find: async () => undefined,
      deleteOld: async () => 0,
    },
    publish: (records) => publish(records),
    topics: createTopics(),
    logger: pino({ level: 'silent' }),
    onBatch: () => {},
    limitMs,
  });

const draft: Omit<NotificationRequested, 'request_id' | 'requested_at'> = {
  test: null,
  template_id: 'welcome',
  priority: 'medium',
  is_promo: false,
  user_ids: ['u1'],
  user_categories: [],
  context: '{}',
  scheduled_at: null,
  expires_at: null,
};
const submission = (requestId: string, over: Partial<Submission> = {}): Submission => ({
  requestId,
  apiKeyId: 'key',
  idempotencyKey: null,
  draft,
  bodyHash: Buffer.alloc(32),
  traceparent: '00',
  byteCount: 100,
  ...over,
});
const codeOf = (work: Promise<void>) =>
  work.then(
    () => 'accepted',
    (problem: Problem) => problem.code,
  );

it('publishes with the time of the row, and marks only what a retry can ask for', async () => {
  const intake = start();
  const keyed = submission('b', { idempotencyKey: 'k', draft: { ...draft, priority: 'high' } });
  await Promise.all([intake.submit(submission('a')), intake.submit(keyed)]);
  expect(published.map(({ event }) => event.requested_at)).toEqual([acceptedAtMs, acceptedAtMs]);
  expect(new Set(published.map(({ topic }) => topic.name))).toEqual(
    new Set(['notifications.requests', 'notifications.requests.high']),
  );
  expect(marked).toEqual(['b']);
});

it('accepts although the mark fails: Kafka has the record', async () => {
  markPublished = async () => {
    throw new DependencyError('postgres', 'down');
  };
  expect(await codeOf(start().submit(submission('a', { idempotencyKey: 'k' })))).toBe('accepted');
});

it('does not publish what was answered before', async () => {
  admission = { state: 'answered' };
  expect(await codeOf(start().submit(submission('a', { idempotencyKey: 'k' })))).toBe('accepted');
  expect(published).toEqual([]);
});

it('answers 503 when a publish hangs, and refuses at once until it is through', async () => {
  const hanging = Promise.withResolvers<void>();
  publish = () => hanging.promise;
  const intake = start(100);
  expect(await codeOf(intake.submit(submission('a')))).toBe('unavailable');
  const codes = await Promise.all(['b', 'c', 'd'].map((id) => codeOf(intake.submit(submission(id)))));
  expect(codes).toEqual(Array(3).fill('unavailable'));
  hanging.resolve();
  publish = async (records) => void published.push(...records);
  await vi.waitFor(async () => expect(await codeOf(intake.submit(submission('e')))).toBe('accepted'));
  await intake.drain();
  expect(published.map(({ event }) => event.request_id)).not.toContain('c');
});

it('sends nothing behind the back of a caller who had his 503 while it waited for its turn', async () => {
  const hanging = Promise.withResolvers<void>();
  publish = () => hanging.promise;
  const intake = start(100);
  const first = ['a', 'b', 'c'].map(async (id) => {
    const code = codeOf(intake.submit(submission(id, { byteCount: 600_000 })));
    return code;
  });
  const late = codeOf(intake.submit(submission('late', { byteCount: 600_000 })));
  await Promise.all([...first, late]);
  publish = async (records) => void published.push(...records);
  hanging.resolve();
  await intake.drain();
  expect(published).toEqual([]);
});

it('lets the retry of a key in at once after a 503, for the same record', async () => {
  publish = async () => {
    throw new DependencyError('kafka', 'down');
  };
  const intake = start(100);
  const keyed = submission('a', { idempotencyKey: 'k' });
  expect(await codeOf(intake.submit(keyed))).toBe('unavailable');
  admission = { state: 'unanswered', retryAfterMs: 9_000, acceptedAtMs };
  publish = async (records) => void published.push(...records);
  await vi.waitFor(async () => expect(await codeOf(intake.submit(keyed))).toBe('accepted'), { timeout: 3_000 });
  expect(published.map(({ event }) => [event.request_id, event.requested_at])).toEqual([['a', acceptedAtMs]]);
  expect(await codeOf(intake.submit(keyed))).toBe('request_unanswered');
});
