// /notifications/<id>/message: the exact message as it was sent. Each opening is written down before anything is shown; of
// confidential templates nothing but the fact is.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { writeAudit } from '../audit.ts';
import { page } from '../page.ts';
import { PageError } from '../page-error.ts';
import type { AdminApp, AdminContext, Parts } from '../parts.ts';
import { findNotification, type NotificationRow } from '../queries/notifications.ts';
import { requireAbility } from '../roles.ts';
import { readMailHeader, readSentMessage } from '../sent-message.ts';
import { readNotificationId } from './notifications.ts';

/** The page asks for its frame at once; later the frame needs a new opening of the page. */
const frameWithinMs = 2 * 60_000;
// Runs no script, sends no form, opens no window, leads nowhere: whatever stands in the message. Only our pages frame it.
const framePolicy =
  "sandbox; default-src 'none'; img-src https: data:; style-src 'unsafe-inline'; frame-ancestors 'self'; " +
  "form-action 'none'; base-uri 'none'";

export function notificationMessage(app: AdminApp, parts: Parts): void {
  app.get('/notifications/:id/message', (c) => show(c, parts));
  app.get('/notifications/:id/message/html', (c) => showHtml(c, parts));
}

async function show(c: AdminContext, parts: Parts): Promise<Response> {
  requireAbility(c, 'people');
  const row = await requireNotification(c, parts);
  const { notification_id: id } = row;
  const isConfidential = row.confidential;
  await writeAudit(parts.db, c, 'message.opened', `notification ${id}`, {
    person: row.user_id,
    ...(isConfidential ? { shown: 'nothing: the template is confidential' } : {}),
  });
  const data = { title: 'The exact message', row, isConfidential };
  if (isConfidential) return page(c, parts, 'notifications/message', data);
  const message = await readSentMessage(parts, row);
  if (message.kind !== 'here') return page(c, parts, 'notifications/message', { ...data, message });
  const { event } = message;
  const frame = new URLSearchParams({ pass: writePass(c, parts, id) });
  return page(c, parts, 'notifications/message', {
    ...data,
    message,
    event,
    mail: event.channel === 'email' ? readMailHeader(event, parts.config.sender) : undefined,
    frame: event.html === null ? undefined : `/notifications/${id}/message/html?${frame}`,
    htmlSource: event.html ?? '',
  });
}

/** The HTML part alone, for the frame: nothing of ours stands in that document. */
async function showHtml(c: AdminContext, parts: Parts): Promise<Response> {
  requireAbility(c, 'people');
  const id = readNotificationId(c);
  if (!isPass(c, parts, id)) throw new PageError(403, 'Open the page of the message: its HTML is shown there.');
  const row = await requireNotification(c, parts);
  const message = row.confidential ? undefined : await readSentMessage(parts, row);
  if (message?.kind !== 'here' || message.event.html === null) throw new PageError(404, 'There is no HTML to show.');
  return c.body(message.event.html, 200, {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': framePolicy,
  });
}

async function requireNotification(c: AdminContext, parts: Parts): Promise<NotificationRow> {
  const row = await findNotification(parts.db, readNotificationId(c));
  if (row) return row;
  throw new PageError(404, 'The ledger has no such notification: nothing was sent, or more than 90 days ago.');
}

/** Whoever asks for the frame has opened the page just before, in this session: that is what was written down. */
function writePass(c: AdminContext, parts: Parts, id: string, untilMs = parts.now() + frameWithinMs): string {
  const text = `posthorn frame 1\n${c.var.session.csrfToken}\n${id}\n${untilMs}`;
  return `${untilMs}.${createHmac('sha256', parts.config.secret).update(text).digest('base64url')}`;
}

function isPass(c: AdminContext, parts: Parts, id: string): boolean {
  const pass = c.req.query('pass') ?? '';
  const untilMs = Number(/^\d{1,15}(?=\.)/.exec(pass)?.[0] ?? 0);
  const [given, expected] = [Buffer.from(pass), Buffer.from(writePass(c, parts, id, untilMs))];
  return untilMs > parts.now() && given.length === expected.length && timingSafeEqual(given, expected);
}
