import { describe, expect, it } from 'vitest';
import type { TemplateVersion } from '../../content/template.ts';
import type { NotificationEnriched } from '../../lib/events.ts';
import { failRecord, isExpired, render, skipExpired } from './render.ts';
import type { Rendering } from './work.ts';

const now = Date.UTC(2026, 10, 23, 12);
const event: NotificationEnriched = {
  is_test: false,
  notification_id: '0a1b2c3d-0000-8000-8000-000000000003',
  request_id: '0a1b2c3d-0000-4000-8000-000000000001',
  chunk_id: '0a1b2c3d-0000-8000-8000-000000000002',
  user_id: 'ada',
  priority: 'low',
  channel: 'email',
  template_id: 'welcome',
  template_version: 3,
  is_promo: false,
  on_no_answer: 'resend',
  address: 'ada@example.com',
  first_name: 'Ada',
  last_name: 'Lovelace',
  collected: '{}',
  context: '{}',
  requested_at: now - 3_000,
  planned_at: now - 2_000,
  enriched_at: now - 1_000,
  expires_at: null,
};
const template: TemplateVersion = {
  templateId: 'welcome',
  version: 3,
  channel: 'email',
  subject: '',
  html: '',
  text: '',
  fromName: 'Lumen',
  replyTo: 'help@example.com',
};
const message = (changes: { text?: string; html?: string | null } = {}): Extract<Rendering, { kind: 'message' }> => ({
  kind: 'message',
  message: { subject: 'Hello', text: 'Hello', html: '<p>Hello</p>', ...changes },
});

describe('render', () => {
  it('forwards the message with all that the dispatcher needs', () => {
    const { first_name, last_name, collected, context, ...rest } = event;
    expect(render(event, template, message(), 'https://example.com/u/x', now)).toEqual({
      kind: 'forward',
      notification: {
        ...rest,
        from_name: 'Lumen',
        reply_to: 'help@example.com',
        subject: 'Hello',
        text: 'Hello',
        html: '<p>Hello</p>',
        rendered_at: now,
        unsubscribe_url: 'https://example.com/u/x',
      },
    });
  });

  it.each(['template_error', 'render_limit'] as const)('ends with failed(%s) and its detail', (reason) => {
    const failed = render(event, template, { kind: 'failed', reason, detail: 'html line 3, column 14: no' }, null, now);
    expect(failed).toMatchObject({
      kind: 'end',
      outcome: {
        state: 'failed',
        reason,
        detail: 'html line 3, column 14: no',
        stage: 'renderer',
        user_id: 'ada',
        ended_at: now,
      },
    });
  });

  it('ends with failed(too_large) when the record would not fit into Kafka, counted in bytes', () => {
    expect(render(event, template, message({ html: 'x'.repeat(500_000) }), null, now).kind).toBe('forward');
    expect(render(event, template, message({ html: '電'.repeat(300_000) }), null, now)).toMatchObject({
      outcome: { state: 'failed', reason: 'too_large', detail: 'the message has 900010 bytes; 900000 are allowed' },
    });
  });
});

describe('expiry', () => {
  it('is reached at the moment itself', () => {
    expect([null, now + 1, now, now - 1].map((expires_at) => isExpired({ expires_at }, now))).toEqual([
      false,
      false,
      true,
      true,
    ]);
    expect(skipExpired(event, now)).toMatchObject({ outcome: { state: 'skipped', reason: 'expired' } });
  });
});

describe('failRecord', () => {
  it.each([
    ['too_large', 'too_large'],
    ['template_unknown', 'dead_lettered'],
  ])('ends a record refused with %s as failed(%s)', (code, reason) => {
    expect(failRecord(event, { code, message: 'why' }, now)).toMatchObject([
      { state: 'failed', reason, detail: 'why' },
    ]);
  });
});
