// A request is judged by the same rules whether it comes over HTTP or by a record in a topic.
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
