// Short hands for tests of the ledger: claims, and what they are settled with.
import { randomUUID } from 'node:crypto';
import { toMonth } from '../../lib/db/database.ts';
import type { NotificationOutcome, NotificationRendered } from '../../lib/events.ts';
import type { DueWish } from '../../services/dispatcher/ledger/claim-due.ts';
import type { ClaimRequest, Settlement } from '../../services/dispatcher/ledger/types.ts';
import { toParked } from '../../services/dispatcher/messages.ts';
import { type LedgerLab, toMessage } from '../support/ledger-lab.ts';

export const toRequest = (event: NotificationRendered, changes: Partial<ClaimRequest> = {}): ClaimRequest => ({
  event,
  partition: 3,
  offset: '42',
  mayHaveLeft: false,
  ...changes,
});

export async function claim(
  { ledger }: LedgerLab,
  events: readonly NotificationRendered[],
  { token = randomUUID(), fromWaiting = false, mayHaveLeft = false } = {},
) {
  const rows = await ledger.claim(
    events.map((event) => toRequest(event, { mayHaveLeft })),
    { token, fromWaiting },
  );
  const byId = new Map(rows.map((row) => [row.notification_id, row]));
  return { token, rows: events.map((event) => byId.get(event.notification_id)) };
}

export const held = (event: NotificationRendered, token: string, attempt = 1) => ({
  notificationId: event.notification_id,
  month: toMonth(event.requested_at),
  attempt,
  token,
});

export function settlement(event: NotificationRendered, token: string, changes: Partial<Settlement> = {}): Settlement {
  return {
    ...held(event, token, changes.attempt),
    state: 'sent',
    reason: '',
    detail: '250 ok',
    endedAtMs: Date.now(),
    requestedAtMs: event.requested_at,
    suppress: false,
    ...changes,
  };
}

export const deferral = (event: NotificationRendered, token: string, attempt = 1): Settlement =>
  settlement(event, token, {
    attempt,
    state: 'deferred',
    reason: 'greylisted',
    parked: toParked(toMessage(event, 42), Buffer.from('payload'), { reason: 'greylisted', dueInMs: 60_000, attempt }),
  });

/** Of somebody who ended at an earlier stage. */
export const outcome = (
  event: NotificationRendered,
  changes: Partial<NotificationOutcome> = {},
): NotificationOutcome => ({
  notification_id: event.notification_id,
  request_id: event.request_id,
  chunk_id: event.chunk_id,
  user_id: event.user_id,
  priority: event.priority,
  channel: event.channel,
  template_id: event.template_id,
  template_version: event.template_version,
  state: 'skipped',
  reason: 'no_consent',
  detail: '',
  stage: 'enricher',
  attempt: 0,
  requested_at: event.requested_at,
  planned_at: null,
  enriched_at: null,
  ended_at: Date.now(),
  is_test: event.is_test,
  ...changes,
});

/** Whatever is due, so many rows at most. */
export const anyDue = (limit: number): DueWish => ({
  channels: ['email', 'sms'],
  withUnknownChannel: true,
  onlyCancelled: false,
  limit,
  maxBytes: 8 * 1024 * 1024,
});
