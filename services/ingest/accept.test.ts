import { hash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { acceptNotification, acceptRegistration, type Facts, toRecord, toRecordKey } from './accept.ts';

const nowMs = Date.UTC(2026, 10, 23, 9);
const facts: Facts = { nowMs, templateIds: new Set(['welcome', 'news', '7']), categories: new Set(['active', 'vip']) };
const event = (over: object = {}) => ({ event: { template_id: 'news', user_ids: ['u1'], ...over } });
const accept = (body: unknown, over: Partial<Facts> = {}) => acceptNotification(body, { ...facts, ...over });
const draftOf = (body: unknown) => {
  const decision = accept(body);
  if (!decision.ok) throw new Error(JSON.stringify(decision.faults));
  return decision;
};
const pointersOf = (body: unknown, over: Partial<Facts> = {}) => {
  const decision = accept(body, over);
  return decision.ok ? [] : decision.faults.map((fault) => ('pointer' in fault ? fault.pointer : fault));
};

describe('a notification', () => {
  it('unites people and categories, each once, in the order given', () => {
    const { draft } = draftOf(event({ user_ids: ['b', 'a', 'b'], user_categories: ['vip', 'active', 'vip'] }));
    expect([draft.user_ids, draft.user_categories]).toEqual([
      ['b', 'a'],
      ['vip', 'active'],
    ]);
  });

  it('has one hash for one meaning: order of names, spacing, defaults and repeated people do not count', () => {
    const hashOf = (body: unknown) => draftOf(body).bodyHash.toString('hex');
    const plain = hashOf(event({ context: { a: { x: 1, y: 2 }, b: [1] } }));
    expect(
      hashOf({ event: { context: { b: [1], a: { y: 2, x: 1 } }, user_ids: ['u1', 'u1'], template_id: 'news' } }),
    ).toBe(plain);
    expect(hashOf(event({ context: { a: { x: 1, y: 2 }, b: [1] }, priority: 'medium', scheduled_at: null }))).toBe(
      plain,
    );
    expect(hashOf(event({ context: { a: { x: 1, y: 2 }, b: [2] } }))).not.toBe(plain);
    expect(hashOf(event({ context: { a: { x: 1, y: 2 }, b: [1] }, is_promo: true }))).not.toBe(plain);
  });

  it('has the hash that the first release stored for it, so that a retry after an upgrade is the same request', () => {
    const stored =
      '{"template_id":"news","priority":"medium","is_promo":false,"user_ids":["u1"],"user_categories":[],' +
      '"context":"{}","scheduled_at":null,"expires_at":null}';
    expect(draftOf(event()).bodyHash.toString('hex')).toBe(hash('sha256', stored));
  });

  it('is taken with times in any zone, and with either null', () => {
    const { draft } = draftOf(event({ scheduled_at: '2030-01-01T02:00:00+02:00', expires_at: null }));
    expect(draft).toMatchObject({ scheduled_at: Date.UTC(2030, 0, 1), expires_at: null });
  });

  it('expires in the past from the very moment on', () => {
    const at = (ms: number) => event({ expires_at: new Date(ms).toISOString() });
    expect(pointersOf(at(nowMs))).toEqual(['/event/expires_at']);
    expect(pointersOf(at(nowMs + 1))).toEqual([]);
  });

  it.each([
    '2026-12-01',
    '2026-12-01T09:00:00',
    '2026-12-01T09:00Z',
    '2026-02-29T09:00:00Z',
    '2026-12-01T24:00:00Z',
    '2026-12-01 09:00:00Z',
    'tomorrow',
    '',
  ])('refuses the time "%s"', (text) => {
    expect(pointersOf(event({ scheduled_at: text }))).toEqual(['/event/scheduled_at']);
  });

  it.each([
    ['scheduled_at', '1970-01-21T15:33:18Z'],
    ['scheduled_at', '2026-11-16T08:59:59.999Z'],
    ['scheduled_at', '2031-11-23T09:00:00.001Z'],
    ['scheduled_at', '9999-12-31T23:59:59Z'],
    ['expires_at', '1970-01-21T15:33:18Z'],
    ['expires_at', '9999-12-31T23:59:59Z'],
  ])('refuses %s of %s: more than 7 days past, or 5 years ahead', (field, text) => {
    expect(pointersOf(event({ [field]: text }))).toEqual([`/event/${field}`]);
  });

  it('takes a schedule of up to 7 days ago and up to 5 years ahead', () => {
    expect(pointersOf(event({ scheduled_at: '2026-11-16T09:00:00Z' }))).toEqual([]);
    expect(pointersOf(event({ scheduled_at: '2031-11-23T09:00:00Z' }))).toEqual([]);
  });

  it('refuses numbers that lost digits, wherever they stand, beside all other faults', () => {
    const lossy = [{ path: ['event', 'context', 'order', 0], detail: 'would lose digits' }];
    expect(acceptNotification(event({ context: { order: [7615917337495251000] } }), facts, lossy)).toMatchObject({
      ok: false,
      faults: [{ pointer: '/event/context/order/0', detail: 'would lose digits' }],
    });
    expect(acceptNotification(event({ priority: 1 }), facts, lossy)).toMatchObject({
      faults: [{ pointer: '/event/priority' }, { pointer: '/event/context/order/0' }],
    });
  });

  it('does not judge what is not known', () => {
    expect(
      pointersOf(event({ template_id: 'x', user_categories: ['y'] }), {
        templateIds: undefined,
        categories: undefined,
      }),
    ).toEqual([]);
  });

  it('says that newer facts may help only when nothing else is wrong', () => {
    const unknown = accept(event({ template_id: 'x' }));
    expect(unknown).toMatchObject({ ok: false, outdated: { draft: { template_id: 'x' } } });
    expect(accept(event({ template_id: 'x', context: { a: '\u0000' } }))).not.toHaveProperty('outdated');
  });

  it('names faults of shape, content and facts together', () => {
    expect(pointersOf({ event: { priority: 1, context: { a: '\u0000' } } }).sort()).toEqual([
      '/event/context/a',
      '/event/priority',
      '/event/template_id',
      '/event/user_ids',
    ]);
  });

  it('tells who left the envelope out what is missing', () => {
    const decision = accept(event().event);
    expect(JSON.stringify(decision)).toMatch(/belongs into/);
  });

  it('refuses or accepts whatever JSON there is, and never throws', () => {
    const loose = fc.record(
      { template_id: fc.jsonValue(), user_ids: fc.jsonValue(), context: fc.jsonValue(), expires_at: fc.jsonValue() },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), fc.record({ event: fc.oneof(fc.jsonValue(), loose) })), (body) => {
        const decision = accept(body);
        expect(decision.ok || decision.faults.length > 0).toBe(true);
      }),
    );
  });

  it('keeps a context as it is: what is read back from the record equals what was posted', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.stringMatching(/^[a-z_]{1,8}$/), fc.jsonValue({ maxDepth: 4 })), (context) => {
        const decision = accept(event({ context: JSON.parse(JSON.stringify(context)) }));
        if (decision.ok) expect(JSON.parse(decision.draft.context)).toEqual(JSON.parse(JSON.stringify(context)));
      }),
    );
  });
});

describe('a registration', () => {
  it('is the welcome template to one person at high priority', () => {
    const decision = acceptRegistration({ user_id: 'u1' }, facts);
    expect(decision).toMatchObject({ ok: true, draft: { template_id: 'welcome', priority: 'high', user_ids: ['u1'] } });
  });

  it.each([
    [{}],
    [{ user_id: '' }],
    [{ user_id: 'x'.repeat(65) }],
    [{ user_id: 1 }],
    [{ user_id: 'u', more: 1 }],
    [null],
  ])('refuses %j', (body) => {
    expect(acceptRegistration(body, facts).ok).toBe(false);
  });
});

it('keys a record by its person when there is one, else by the request', () => {
  const keyOf = (over: object) => toRecordKey(toRecord(draftOf(event(over)).draft, 'request', nowMs));
  expect(keyOf({ user_ids: ['u1', 'u1'] })).toBe('u1');
  expect(keyOf({ user_ids: ['u1', 'u2'] })).toBe('request');
  expect(keyOf({ user_ids: ['u1'], user_categories: ['vip'] })).toBe('request');
});
