// The renderer's decision: what becomes of one message, now that it is rendered or not. Pure.
import type { TemplateVersion } from '../../content/template.ts';
import type { Reason } from '../../domain/reasons.ts';
import type { NotificationEnriched, NotificationOutcome, NotificationRendered } from '../../lib/events.ts';
import { findRecordFault } from '../../lib/record-fault.ts';
import type { Rendering } from './work.ts';

export type Rendered =
  | { kind: 'forward'; notification: NotificationRendered }
  | { kind: 'end'; outcome: NotificationOutcome };

/** Kafka refuses batches over 1 MB; the rest of the record needs a little. */
const maxMessageBytes = 900_000;

export function isExpired(event: Pick<NotificationEnriched, 'expires_at'>, now: number): boolean {
  return event.expires_at !== null && event.expires_at <= now;
}

export function render(
  event: NotificationEnriched,
  template: TemplateVersion,
  rendering: Exclude<Rendering, { kind: 'postponed' }>,
  unsubscribeUrl: string | null,
  now: number,
): Rendered {
  if (rendering.kind === 'failed') return end(event, 'failed', rendering.reason, rendering.detail, now);
  const { message } = rendering;
  const bytes = measure(message.subject) + measure(message.text) + measure(message.html ?? '');
  if (bytes > maxMessageBytes) {
    return end(event, 'failed', 'too_large', `the message has ${bytes} bytes; ${maxMessageBytes} are allowed`, now);
  }
  return {
    kind: 'forward',
    notification: {
      notification_id: event.notification_id,
      request_id: event.request_id,
      chunk_id: event.chunk_id,
      user_id: event.user_id,
      priority: event.priority,
      channel: event.channel,
      template_id: event.template_id,
      template_version: event.template_version,
      is_promo: event.is_promo,
      on_no_answer: event.on_no_answer,
      address: event.address,
      from_name: template.fromName,
      reply_to: template.replyTo,
      subject: message.subject,
      text: message.text,
      html: message.html,
      requested_at: event.requested_at,
      planned_at: event.planned_at,
      enriched_at: event.enriched_at,
      rendered_at: now,
      expires_at: event.expires_at,
      is_test: event.is_test,
      unsubscribe_url: unsubscribeUrl,
    },
  };
}

export function skipExpired(event: NotificationEnriched, now: number): Rendered {
  return end(event, 'skipped', 'expired', '', now);
}

/** The outcome for a record that cannot be handled at all; none when the ledger could not hold it. */
export function failRecord(
  event: NotificationEnriched,
  error: { code: string; message: string },
  now: number,
): NotificationOutcome[] {
  if (findRecordFault(event)) return [];
  const reason = error.code === 'too_large' ? 'too_large' : 'dead_lettered';
  return [toOutcome(event, 'failed', reason, error.message, now)];
}

function end<S extends 'failed' | 'skipped'>(
  event: NotificationEnriched,
  state: S,
  reason: Reason<S>,
  detail: string,
  now: number,
): Rendered {
  return { kind: 'end', outcome: toOutcome(event, state, reason, detail, now) };
}

function toOutcome(
  event: NotificationEnriched,
  state: 'failed' | 'skipped',
  reason: Reason,
  detail: string,
  now: number,
): NotificationOutcome {
  return {
    notification_id: event.notification_id,
    request_id: event.request_id,
    chunk_id: event.chunk_id,
    user_id: event.user_id,
    priority: event.priority,
    channel: event.channel,
    template_id: event.template_id,
    template_version: event.template_version,
    state,
    reason,
    detail,
    stage: 'renderer',
    attempt: 0,
    requested_at: event.requested_at,
    planned_at: event.planned_at,
    enriched_at: event.enriched_at,
    ended_at: now,
    is_test: event.is_test,
  };
}

function measure(text: string): number {
  return Buffer.byteLength(text);
}
