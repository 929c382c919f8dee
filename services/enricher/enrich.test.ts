import { describe, expect, it } from 'vitest';
import { examplePersonId } from '../../content/example-person.ts';
import { notificationId } from '../../domain/ids.ts';
import type { ChunkPlanned } from '../../lib/events.ts';
import type { User } from '../../lib/user-service.ts';
import { enrich, type Facts, failChunk, toErasedKey, toSubscriptionKey } from './enrich.ts';

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
const factsOf = (users: Map<string, User | { fault: string }>, ...unsubscribed: string[]): Facts => ({
  users,
  unsubscribed: new Set(unsubscribed),
  erased: new Map(),
});
const one = (
  who: User | { fault: string } | undefined,
  changes: Partial<ChunkPlanned> = {},
  ...unsubscribed: string[]
) => enrich(chunk(changes), factsOf(new Map(who ? [['ada', who]] : []), ...unsubscribed), now);

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

  it('hands on an address as one, however the user service writes it', () => {
    expect(one(user({ email: ' Ada <ada@bücher.example>\n' })).enriched[0]?.address).toBe('ada@xn--bcher-kva.example');
    const sms = one(user({ phone: '001 (555) 010-0000' }), { channel: 'sms' });
    expect(sms.enriched[0]?.address).toBe('+15550100000');
  });

  it.each([
    ['unknown_user', undefined, {}],
    ['no_address', user({ email: ' \n' }), {}],
    ['no_address', user({ email: '\u200b\ufeff' }), {}],
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

  it('makes a test for the example person of example values, and asks for nobody; without a test it is nobody', () => {
    const changes = { user_ids: [examplePersonId], test_address: 'me@here.example' };
    const { enriched, outcomes } = enrich(chunk(changes), factsOf(new Map()), now);
    expect(outcomes).toEqual([]);
    expect(enriched).toMatchObject([{ address: 'me@here.example', first_name: 'Ada', is_test: true }]);
    expect(Object.keys(JSON.parse(enriched[0]?.collected ?? ''))).toEqual(['films_month_count', 'favourite_genre']);
    const others = [
      { ...changes, test_address: null },
      { ...changes, user_ids: [examplePersonId, 'bob'] },
    ];
    for (const other of others) {
      const made = enrich(chunk(other), factsOf(new Map()), now);
      expect(made.enriched).toEqual([]);
      expect(made.outcomes[0]?.reason).toBe('unknown_user');
    }
  });

  it('sends nothing to an id that was erased, whatever it is, nor its test', () => {
    const facts = {
      ...factsOf(new Map([['ada', user()]])),
      erased: new Map([[toErasedKey('person', 'ada'), 'all' as const]]),
    };
    for (const changes of [{}, { is_promo: true }, { channel: 'sms' as const }, { test_address: 'me@here.example' }]) {
      const { enriched, outcomes } = enrich(chunk(changes), facts, now);
      expect(enriched).toEqual([]);
      expect(outcomes).toMatchObject([
        { state: 'skipped', reason: 'suppressed', detail: expect.stringContaining('erased') },
      ]);
    }
  });

  it.each([
    ['all', { is_promo: false }, 'suppressed'],
    ['all', { is_promo: true }, 'suppressed'],
    ['promotional', { is_promo: true }, 'suppressed'],
    ['promotional', { is_promo: false }, undefined],
    ['all', { channel: 'sms' }, undefined],
    ['all', { test_address: 'me@here.example' }, undefined],
  ] as const)('of an address that was refused (%s) before its owner was erased, %j is %s', (scope, changes, reason) => {
    const erased = new Map([[toErasedKey('email', 'ada@example.com'), scope]]);
    const facts = { ...factsOf(new Map([['ada', user({ email: ' ADA@example.com' })]])), erased };
    const { outcomes } = enrich(chunk(changes), facts, now);
    expect(outcomes[0]?.reason).toBe(reason);
  });

  it('skips who unsubscribed from this channel, for promotional messages only', () => {
    const key = toSubscriptionKey('email', 'ada');
    const skipped = one(user(), { is_promo: true }, key);
    expect(skipped.enriched).toEqual([]);
    expect(skipped.outcomes).toMatchObject([{ state: 'skipped', reason: 'unsubscribed', user_id: 'ada' }]);
    expect(one(user(), { is_promo: true, channel: 'sms' }, key).enriched).toHaveLength(1);
    expect(one(user(), { is_promo: false }, key).enriched).toHaveLength(1);
  });

  describe('a test-send', () => {
    const test = { is_promo: true, test_address: 'me@example.com' };

    it("goes to its own address with the person's data, whether or not the person consents or has an address", () => {
      const { enriched, outcomes } = one(
        user({ promo_agree: false, email: null }),
        test,
        toSubscriptionKey('email', 'ada'),
      );
      expect(outcomes).toEqual([]);
      expect(enriched).toMatchObject([
        { user_id: 'ada', address: 'me@example.com', first_name: 'Ada', is_promo: true, is_test: true },
      ]);
    });

    it.each(['me@example.com, eve@example.com', ''])('fails for the address %j', (test_address) => {
      const { enriched, outcomes } = one(user(), { ...test, test_address });
      expect(enriched).toEqual([]);
      expect(outcomes).toMatchObject([
        { state: 'failed', reason: 'invalid_address', detail: 'the given e-mail address is not one', is_test: true },
      ]);
    });

    it('is skipped for a person whom nobody knows', () => {
      expect(one(undefined, test).outcomes).toMatchObject([{ reason: 'unknown_user', is_test: true }]);
    });
  });

  it.each([
    ['invalid_address', user({ email: 'ada@example.com, eve@example.com' })],
    ['bad_user_data', { fault: '/email: expected string' }],
  ])('fails with %s without touching the others of the chunk', (reason, who) => {
    const users = new Map<string, User | { fault: string }>([
      ['ada', who],
      ['bob', user({ id: 'bob' })],
    ]);
    const { enriched, outcomes } = enrich(chunk({ user_ids: ['ada', 'bob'] }), factsOf(users), now);
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
