// A request is judged by the same rules whether it comes over HTTP or by a record in a topic.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readJsonText } from '../domain/json-text.ts';
import type { NotificationRequested } from '../lib/events.ts';
import { acceptNotification } from '../services/ingest/accept.ts';
import { checkRequest } from '../services/planner/plan.ts';

const requestedAt = Date.UTC(2026, 10, 30, 12);
const dayMs = 24 * 60 * 60 * 1000;

interface Asked {
  context?: string;
  scheduledAt?: number;
  expiresAt?: number;
  userIds?: string[];
  categories?: string[];
}

function isTakenOverHttp({
  context = '{}',
  scheduledAt,
  expiresAt,
  userIds = ['ada'],
  categories = [],
}: Asked): boolean {
  const toText = (time?: number) => (time === undefined ? 'null' : JSON.stringify(new Date(time).toISOString()));
  const event = `{"template_id": "news", "user_ids": ${JSON.stringify(userIds)}, "user_categories": ${JSON.stringify(categories)},
    "context": ${context}, "scheduled_at": ${toText(scheduledAt)}, "expires_at": ${toText(expiresAt)}}`;
  const body = readJsonText(`{"event": ${event}}`);
  const facts = { nowMs: requestedAt, templateIds: undefined, categories: undefined };
  return body.ok && acceptNotification(body.value, facts, body.lossyNumbers).ok;
}

function isTakenFromTopic({
  context = '{}',
  scheduledAt,
  expiresAt,
  userIds = ['ada'],
  categories = [],
}: Asked): boolean {
  const record: NotificationRequested = {
    request_id: '0a1b2c3d-0000-4000-8000-000000000001',
    template_id: 'news',
    priority: 'low',
    is_promo: false,
    user_ids: userIds,
    user_categories: categories,
    context,
    requested_at: requestedAt,
    scheduled_at: scheduledAt ?? null,
    expires_at: expiresAt ?? null,
    test: null,
  };
  try {
    checkRequest(record, requestedAt);
    return true;
  } catch {
    return false;
  }
}

const taken: Asked[] = [
  {},
  { context: '{"price": 19.90, "list": [1, 2.5, -3e2], "text": "ü\\n😀"}' },
  { context: '{"a": {"b": 1}, "c": {"b": 2}}' },
  { context: '{"a": "it\u0092s", "b": "\\u0085\\u009f", "c": "\\u2028\\u202e\\u2069\\ufeff", "\\u0092": "\\t\\r\\n"}' },
  { scheduledAt: requestedAt - 6 * dayMs },
  { scheduledAt: requestedAt + 4 * 365 * dayMs, expiresAt: requestedAt + 4 * 365 * dayMs + 1 },
  { categories: ['активные', 'vip-2'] },
];
const refused: Asked[] = [
  { context: '[]' },
  { context: '{"a": 1e400}' },
  { context: '{"a": 7615917337495251231}' },
  { context: '{"a": 0.12345678901234567891}' },
  { context: '{"a": 1, "a": 1}' },
  { context: '{"a": 1, "\\u0061": 2}' },
  { context: '{"a": "\\u0000"}' },
  { context: '{"a": "\\ud83d"}' },
  { context: '{"\\u001b": 1}' },
  { context: '{"a": "\\u000b"}' },
  { context: '{"a": "\\u007f"}' },
  { context: '{"a": ["\\udc00\\ud800"]}' },
  { context: `{"a": ${'['.repeat(16)}${']'.repeat(16)}}` },
  { context: `{"a": "${'x'.repeat(65_536)}"}` },
  { scheduledAt: Math.round(requestedAt / 1000) },
  { expiresAt: Math.round(requestedAt / 1000) },
  { scheduledAt: 0 },
  { scheduledAt: Date.UTC(9999, 11, 31) },
  { scheduledAt: requestedAt + 10, expiresAt: requestedAt + 10 },
  { userIds: ['a b'] },
  { userIds: [''] },
  { userIds: ['x'.repeat(65)] },
  { userIds: ['erased:0a1b2c3d-0000-4000-8000-000000000001'] },
  { userIds: [] },
  { categories: ['a b'] },
  { categories: ['\0'] },
  { categories: Array.from({ length: 101 }, (_, index) => `c${index}`) },
];

it.each(taken)('both doors take %j', (asked) => {
  expect([isTakenOverHttp(asked), isTakenFromTopic(asked)]).toEqual([true, true]);
});

it.each(refused)('both doors refuse %.120j', (asked) => {
  expect([isTakenOverHttp(asked), isTakenFromTopic(asked)]).toEqual([false, false]);
});

const oddUnits = [
  ...Array(0x20).keys(),
  0x7f,
  0x85,
  0x92,
  0x9f,
  0xa0,
  0x2028,
  0x2029,
  0x202e,
  0x2066,
  0xd800,
  0xdfff,
  0xfeff,
  0xffff,
];
const oddText = fc
  .array(
    fc.oneof(fc.constantFrom(...oddUnits), fc.integer({ min: 0x20, max: 0x7e }), fc.integer({ min: 0, max: 0xffff })),
    {
      maxLength: 8,
    },
  )
  .map((units) => String.fromCharCode(...units));
const numberText = fc.oneof(
  fc.double().map(String),
  fc.bigInt().map(String),
  fc.constantFrom('1e400', '-0', '0.1', '19.90', '9007199254740993', '1E+2', '01', '+1', 'NaN', '.5'),
);
/** JSON as some program may write it: texts escaped or as they are, names that may come twice, numbers of any length. */
const { value: jsonText } = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    oddText.map((text) => JSON.stringify(text)),
    oddText.map((text) => `"${text.replace(/["\\]/g, '')}"`),
    numberText,
    fc.constantFrom('null', 'true', '{}', '[]'),
    fc.array(tie('value'), { maxLength: 3 }).map((items) => `[${items.join(', ')}]`),
    fc
      .array(fc.tuple(oddText, tie('value')), { maxLength: 3 })
      .map((members) => `{${members.map(([name, value]) => `${JSON.stringify(name)}: ${value}`).join(', ')}}`),
  ),
}));
const someTime = fc.oneof(
  fc.constant(undefined),
  fc.integer({ min: 0, max: 8_640_000_000_000 }),
  fc.integer({ min: -10 * dayMs, max: 6 * 365 * dayMs }).map((ms) => requestedAt + ms),
);
/** What has expired within the last days: HTTP says so at once, and of a record everybody ends as skipped(expired). */
const hasJustExpired = (ms = requestedAt + 1): boolean => ms <= requestedAt && ms >= requestedAt - 7 * dayMs;
const asked: fc.Arbitrary<Asked> = fc.record({
  context: fc.oneof(
    jsonText,
    jsonText.map((value) => `{"a": ${value}}`),
  ),
  scheduledAt: someTime,
  expiresAt: someTime.filter((ms) => !hasJustExpired(ms)),
  userIds: fc.oneof(fc.constant(['ada']), fc.array(fc.oneof(oddText, fc.constantFrom('ada', 'a:b', 'x'.repeat(64))))),
  categories: fc.oneof(fc.constant([]), fc.array(fc.oneof(oddText, fc.constantFrom('vip', 'активные')))),
}) as fc.Arbitrary<Asked>;

it.each([
  ['a context', asked.map(({ context }): Asked => ({ context: context ?? '{}' }))],
  ['times', asked.map(({ scheduledAt, expiresAt }) => ({ scheduledAt, expiresAt }) as Asked)],
  ['people', asked.map(({ userIds, categories }) => ({ userIds, categories }) as Asked)],
  ['all of it', asked],
])('both doors judge %s alike, whatever somebody sends', (_what, wish) => {
  const seen = { taken: 0, refused: 0 };
  fc.assert(
    fc.property(wish, (one) => {
      const [http, topic] = [isTakenOverHttp(one), isTakenFromTopic(one)];
      seen[http ? 'taken' : 'refused'] += 1;
      expect(topic, JSON.stringify(one)).toBe(http);
    }),
    { numRuns: 500 },
  );
  expect(seen.refused).toBeGreaterThan(0);
});
