// "Send again" for people who ended without their message: one notification from its journey, or all of a mailing's who ended
// alike. It writes down what is wanted; the executor publishes their records, and the ledger lets each through once.
import { explainReason } from '../../../domain/reason-words.ts';
import { writeAudit } from '../audit.ts';
import { readForm } from '../forms.ts';
import { writeDeliveryCommands } from '../operator/redrive-commands.ts';
import { abilityFor, canSendAgain, resendableStates } from '../operator/redrive-rules.ts';
import { done } from '../page.ts';
import { PageError } from '../page-error.ts';
import type { AdminApp, AdminContext, Parts } from '../parts.ts';
import { sendAlikeAgain } from '../queries/dead-letters-commands.ts';
import { findNotification } from '../queries/notifications.ts';
import { requireAbility } from '../roles.ts';
import { findShown } from './mailings-shown.ts';
import { readNotificationId } from './notifications.ts';

export function sendAgain(app: AdminApp, parts: Parts): void {
  app.post('/notifications/:id/send-again', (c) => sendOne(c, parts));
  app.post('/mailings/:id/send-again', (c) => sendAlike(c, parts));
}

async function sendOne(c: AdminContext, parts: Parts): Promise<Response> {
  const id = readNotificationId(c);
  const row = await findNotification(parts.db, id);
  if (!row) throw new PageError(404, 'The ledger knows no such notification.');
  requireAbility(c, canSendAgain(row) ? abilityFor(row.state) : 'support');
  const back = `/notifications/${id}`;
  if (!canSendAgain(row)) return done(c, back, `Nothing was done: it is ${row.state} by now.`);
  const { template, reason } = await readWish(c);
  const who = c.var.session.name;
  await writeDeliveryCommands(parts.db, {
    notificationIds: [id],
    kind: 'redrive',
    reason,
    who,
    template,
    needsRecord: true,
  });
  const detail = { person: row.user_id, was: `${row.state} ${row.reason}`.trim(), template, ...(reason && { reason }) };
  await writeAudit(parts.db, c, 'delivery.sent_again', `notification ${id}`, detail);
  return done(c, back, 'It is sent again in a moment. Load this page again to see what came of it.');
}

async function sendAlike(c: AdminContext, parts: Parts): Promise<Response> {
  const { fields } = await readForm(c);
  const state = resendableStates.find((one) => one === fields.state);
  if (!state) throw new PageError(422, 'This does not say who is meant.');
  requireAbility(c, abilityFor(state));
  const { id } = await findShown(c, parts);
  const reason = fields.ended_by || undefined;
  const back = `/mailings/${id}/people?${new URLSearchParams({ state, ...(reason && { reason }) })}`;
  if (reason !== undefined && !canSendAgain({ state, reason })) {
    return done(c, back, `Nothing was done: ${explainReason(reason)?.meaning ?? 'these are not sent again.'}`);
  }
  const wish = await readWish(c);
  const who = c.var.session.name;
  const count = await sendAlikeAgain(parts.db, { requestId: id, state, reason }, { ...wish, who });
  const detail = { state, ended_by: reason ?? 'any', count, ...wish };
  await writeAudit(parts.db, c, 'delivery.sent_again', `mailing ${id}`, detail);
  const people = `${count.toLocaleString('en-US')} ${count === 1 ? 'person' : 'people'}`;
  return done(c, back, `It is sent again to ${people}; the numbers move as they go through.`);
}

async function readWish(c: AdminContext): Promise<{ template: 'pinned' | 'active'; reason: string }> {
  const { fields } = await readForm(c);
  const template = fields.template === 'active' ? 'active' : 'pinned';
  return { template, reason: (fields.why ?? '').trim().slice(0, 500) };
}
