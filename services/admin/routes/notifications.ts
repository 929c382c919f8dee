// /notifications/<id>: the journey of one message, with the time spent in every stage; or, as long as the ledger has no row
// of it, where it is on its way.
import { isUserId, isUuid, notificationId } from '../../../domain/ids.ts';
import { placeOnItsWay, type RequestOnItsWay } from '../../../domain/place-on-its-way.ts';
import { explainReason } from '../../../domain/reason-words.ts';
import { writeAudit } from '../audit.ts';
import { abilityFor, canSendAgain } from '../operator/redrive-rules.ts';
import { page } from '../page.ts';
import { PageError } from '../page-error.ts';
import type { AdminApp, AdminContext, Parts } from '../parts.ts';
import { findCommand } from '../queries/dead-letters-commands.ts';
import { listHoldsOnRequest } from '../queries/holds.ts';
import {
  findChunkOf,
  findNotification,
  findRequest,
  type KnownRequest,
  listReports,
  type NotificationRow,
} from '../queries/notifications.ts';
import { queryText } from '../query.ts';
import { requireAbility } from '../roles.ts';
import { toShownHold } from '../shown-holds.ts';
import { toTimeline } from './notifications-timeline.ts';

export function notifications(app: AdminApp, parts: Parts): void {
  app.get('/notifications/for', (c) => leadToNotification(c, parts));
  app.get('/notifications/:id', (c) => show(c, parts));
}

/** From a request and a person to their notification: its id is computed from them. */
async function leadToNotification(c: AdminContext, parts: Parts): Promise<Response> {
  requireAbility(c, 'people');
  const [requestId, userId] = [queryText(c, 'request'), queryText(c, 'user')];
  if (!isUuid(requestId) || !isUserId(userId)) throw new PageError(404, 'This names no request and person.');
  const request = await findRequest(parts.db, requestId);
  if (!request?.channel) throw new PageError(404, 'No such request was planned, so there is no notification of it.');
  const id = notificationId(requestId, userId, request.channel);
  return c.redirect(`/notifications/${id}?${new URLSearchParams({ request: requestId, user: userId })}`, 303);
}

async function show(c: AdminContext, parts: Parts): Promise<Response> {
  requireAbility(c, 'people');
  const id = readNotificationId(c);
  const row = await findNotification(parts.db, id);
  if (!row) return showOnItsWay(c, parts, id);
  await writeAudit(parts.db, c, 'journey.opened', `notification ${id}`, { person: row.user_id });
  const nowMs = parts.now();
  const reports = await listReports(parts.db, id);
  return page(c, parts, 'notifications/journey', {
    title: row.template_title ?? row.template_id,
    row,
    words: explainReason(row.reason),
    timeline: toTimeline(row, nowMs),
    reports,
    onHold: row.ended_at === null ? (await listHoldsOnRequest(parts.db, row.request_id)).map(toShownHold) : [],
    isOpen: row.ended_at === null,
    leaseIsOver: row.lease_until !== null && row.lease_until.getTime() <= nowMs,
    topic: recordTopic(parts, row),
    command: await findCommand(parts.db, id),
    maySendAgain: canSendAgain(row) && c.var.session.abilities.has(abilityFor(row.state)),
  });
}

/** The topic that carried the rendered record; undefined when it was never rendered. */
function recordTopic({ topics }: Parts, row: NotificationRow): string | undefined {
  return row.rendered_partition === null ? undefined : topics.rendered[row.priority].name;
}

/** The ledger has no row. Whoever came from a request and a person is told where it is; nobody else can be. */
async function showOnItsWay(c: AdminContext, parts: Parts, id: string): Promise<Response> {
  const [requestId, userId] = [queryText(c, 'request'), queryText(c, 'user')];
  const request = isUuid(requestId) && isUserId(userId) ? await findRequest(parts.db, requestId) : undefined;
  if (!request?.channel || notificationId(requestId, userId, request.channel) !== id) {
    return page(c, parts, 'notifications/unknown', { title: 'No such notification', id }, 404);
  }
  const chunk = await findChunkOf(parts.db, requestId, userId);
  await writeAudit(parts.db, c, 'journey.opened', `notification ${id}`, { person: userId });
  const place = placeOnItsWay(toRequestOnItsWay(request), chunk);
  const title = request.template_title ?? request.template_id;
  const onHold = (await listHoldsOnRequest(parts.db, requestId)).map(toShownHold);
  return page(c, parts, 'notifications/on-its-way', { title, id, userId, request, chunk, place, onHold });
}

const toRequestOnItsWay = ({ state, detail, priority, ...request }: KnownRequest): RequestOnItsWay => ({
  state,
  detail,
  priority,
  requestedAt: request.requested_at,
  scheduledAt: request.scheduled_at,
  planningComplete: request.planning_complete,
});

/** @throws PageError 404 */
export function readNotificationId(c: AdminContext): string {
  const id = (c.req.param('id') ?? '').toLowerCase();
  if (!isUuid(id)) throw new PageError(404, 'This is no id of a notification: it looks like 6f1c2b9e-….');
  return id;
}
