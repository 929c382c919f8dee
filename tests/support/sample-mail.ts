// A message as the renderer wrote it, for tests of what stands on the wire.
import type { Mail } from '../../content/mime.ts';

export function sampleMail(changes: Partial<Mail> = {}): Mail {
  return {
    notification_id: '0a1b2c3d-0000-8000-8000-000000000002',
    request_id: '0a1b2c3d-0000-4000-8000-000000000001',
    address: 'ada@example.org',
    from_name: null,
    reply_to: null,
    subject: 'Hello',
    text: 'Hello Ada\n',
    html: '<p>Hello Ada</p>\n',
    rendered_at: Date.UTC(2026, 10, 23, 9, 5, 7),
    ...changes,
  };
}
