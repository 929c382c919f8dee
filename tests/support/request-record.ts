// A NotificationRequested as a producer fills it in: what it leaves out is as the schema's defaults say.
import { randomUUID } from 'node:crypto';
import type { NotificationRequested } from '../../lib/events.ts';

export function toRequestRecord(
  given: Partial<NotificationRequested> & Pick<NotificationRequested, 'template_id'>,
): NotificationRequested {
  return {
    test: null,
    request_id: randomUUID(),
    priority: 'medium',
    is_promo: false,
    user_ids: [],
    user_categories: [],
    context: '{}',
    requested_at: Date.now(),
    scheduled_at: null,
    expires_at: null,
    ...given,
  };
}
