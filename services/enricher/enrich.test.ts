import { describe, expect, it } from 'vitest';
import type { ChunkPlanned } from '../../lib/events.ts';
import { notificationId } from '../../lib/ids.ts';
import type { User } from '../../lib/user-service.ts';
import { enrich, failChunk } from './enrich.ts';

const now = Date.UTC(2026, 10, 23, 12);
const chunk = (changes: Partial<ChunkPlanned> = {}): ChunkPlanned => ({
  test_address: null,
  chunk_id: '0a1b2c3d-0000-8000-8000-000000000002',
  request_id: '0a1b2c3d-0000-4000-8000-000000000001',
  sequence: 0,
  priority: 'low',
  is_promo: false,
  template_id: 'monthly-statistics',
  template_version: 1,
  template_kind: 'monthly_personal_statistic',
  channel: 'email',
  on_no_answer: 'park',
  context: '{"month":"May"}',
  requested_at: now - 2_000,
  planned_at: now - 1_000,
  expires_at: null,
  user_ids: ['ada'],
  ...changes,
});
const user = (changes: Partial<User> = {}): User => ({
  id: 'ada',
  first_name: 'Ada',
  last_name: 'Lovelace',
  email: 'ada@example.com',
  phone: '+15550100000',
  promo_agree: true,
  films_month_count: 7,
  favourite_genre: 'drama',
  ...changes,
});
const one = (who: User | { fault: string } | undefined, changes: Partial<ChunkPlanned> = {}) =>
  enrich(chunk(changes), new Map(who ? [['ada', who]] : []), now);

describe('enrich', () => {
  it("adds the person's name, address and what the template's kind collects", () => {
    const { enriched, outcomes } = one(user());
    expect(outcomes).toEqual([]);
    expect(enriched).toEqual([
      expect.objectContaining({
        notification_id: notificationId(chunk().request_id, 'ada', 'email'),
        address: 'ada@example.com',
        first_name: 'Ada',
        last_name: 'Lovelace',
        collected: '{"films_month_count":7,"favourite_genre":"drama"}',
        context: '{"month":"May"}',
        enriched_at: now,
      }),
    ]);
  });

  it('takes the phone number for an SMS', () => {
    expect(one(user(), { channel: 'sms' }).enriched[0]?.address).toBe('+15550100000');
  });

  it.each([
    ['unknown_user', undefined, {}],
    ['no_address', user({ email: null }), {}],
    ['no_address', user({ phone: null }), { channel: 'sms' as const }],
    ['no_consent', user({ promo_agree: false }), { is_promo: true }],
    ['expired', user(), { expires_at: now }],
  ])('skips with %s', (reason, who, changes) => {
    const { enriched, outcomes } = one(who, changes);
    expect(enriched).toEqual([]);
    expect(outcomes).toMatchObject([{ state: 'skipped', reason, stage: 'enricher', user_id: 'ada', attempt: 0 }]);
  });

  it('sends what is not promotional also to people who refuse promotional messages', () => {
    expect(one(user({ promo_agree: false })).enriched).toHaveLength(1);
  });

  it.each([
    ['invalid_address', user({ email: 'ada@example.com, eve@example.com' })],
    ['bad_user_data', { fault: '/email: expected string' }],
  ])('fails with %s without touching the others of the chunk', (reason, who) => {
    const users = new Map<string, User | { fault: string }>([
      ['ada', who],
      ['bob', user({ id: 'bob' })],
    ]);
    const { enriched, outcomes } = enrich(chunk({ user_ids: ['ada', 'bob'] }), users, now);
    expect(outcomes).toMatchObject([{ state: 'failed', reason, user_id: 'ada' }]);
    expect(enriched).toMatchObject([{ user_id: 'bob' }]);
  });

  it('refuses a kind that it has no collector for', () => {
    expect(() => one(user(), { template_kind: 'horoscope' })).toThrowError(
      expect.objectContaining({ code: 'kind_unknown' }),
    );
  });
});

describe('failChunk', () => {
  it('ends every person of a chunk that cannot be handled', () => {
    const outcomes = failChunk(chunk({ user_ids: ['ada', 'bob'] }), { code: 'bounds', message: 'too deep' }, now);
    expect(outcomes).toMatchObject([
      { user_id: 'ada', state: 'failed', reason: 'dead_lettered', detail: 'too deep' },
      { user_id: 'bob', state: 'failed', reason: 'dead_lettered' },
    ]);
  });
});
