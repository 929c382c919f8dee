// Writes tests/golden/<record>.json for a record that has none yet: the schema of its first version, an event, and its
// bytes. They are never written again: what was once in a topic stays readable for ever.
import { existsSync, writeFileSync } from 'node:fs';
import avsc from 'avsc';
import { type Records, recordSchemas } from '../lib/events.ts';

const ids = {
  request_id: '7c1e0f3a-52a5-8e0a-9d1f-3a1c6a4f5b20',
  chunk_id: '0b9a2d4e-8c11-8f6b-a2d3-5e7f90a1b2c3',
  notification_id: 'f3d5a7b9-1c2e-8d4f-b6a8-0c1d2e3f4a5b',
};
const template = { template_id: 'monthly-statistics', template_version: 7 };
const times = { requested_at: 1_790_000_000_000, planned_at: 1_790_000_000_123 };
const userId = '39275483-1f2e-4b6a-9c0d-7e8f9a0b1c2d';

const events: Records = {
  NotificationRequested: {
    test: null,
    request_id: ids.request_id,
    template_id: template.template_id,
    priority: 'low',
    is_promo: true,
    user_ids: [userId, 'a:b.c_d-1'],
    user_categories: ['active'],
    context: '{"film":"Ελένη 🎬"}',
    requested_at: times.requested_at,
    scheduled_at: 1_790_000_600_000,
    expires_at: null,
  },
  ChunkPlanned: {
    test_address: null,
    request_id: ids.request_id,
    chunk_id: ids.chunk_id,
    sequence: 3,
    priority: 'low',
    is_promo: true,
    ...template,
    template_kind: 'monthly_personal_statistic',
    channel: 'email',
    on_no_answer: 'park',
    context: '{"film":"Ελένη 🎬"}',
    ...times,
    expires_at: 1_790_086_400_000,
    user_ids: [userId, 'a:b.c_d-1'],
  },
  NotificationEnriched: {
    is_test: false,
    ...ids,
    user_id: userId,
    priority: 'low',
    channel: 'email',
    ...template,
    is_promo: true,
    on_no_answer: 'park',
    address: 'eleni@example.com',
    first_name: 'Ελένη',
    last_name: "O'Neil",
    collected: '{"films_month_count":12,"favourite_genre":"drama"}',
    context: '{}',
    ...times,
    enriched_at: 1_790_000_001_000,
    expires_at: null,
  },
  NotificationRendered: {
    is_test: false,
    unsubscribe_url: null,
    ...ids,
    user_id: userId,
    priority: 'high',
    channel: 'email',
    ...template,
    is_promo: false,
    on_no_answer: 'resend',
    address: 'eleni@example.com',
    from_name: null,
    reply_to: 'help@example.com',
    subject: 'Your month, Ελένη',
    text: 'You watched 12 films.',
    html: '<p>You watched <b>12</b> films.</p>',
    ...times,
    enriched_at: 1_790_000_001_000,
    rendered_at: 1_790_000_001_050,
    expires_at: 1_790_086_400_000,
  },
  NotificationOutcome: {
    is_test: false,
    ...ids,
    user_id: userId,
    priority: 'medium',
    channel: 'sms',
    ...template,
    state: 'failed',
    reason: 'template_error',
    detail: 'undefined variable, line:3, col:8',
    stage: 'renderer',
    attempt: 0,
    requested_at: times.requested_at,
    planned_at: times.planned_at,
    enriched_at: null,
    ended_at: 1_790_000_001_060,
  },
};

for (const [record, event] of Object.entries(events)) {
  const file = new URL(`../tests/golden/${record}.json`, import.meta.url);
  if (existsSync(file)) continue;
  const schema = JSON.parse(recordSchemas[record as keyof Records]);
  const bytes = avsc.Type.forSchema(schema).toBuffer(event).toString('hex');
  writeFileSync(file, `${JSON.stringify({ record, schema, event, bytes }, undefined, 2)}\n`);
}
