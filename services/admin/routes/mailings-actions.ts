// What people do to a mailing with one button: pause, resume, cancel, send a late one, take back, duplicate, delete. Each
// answers at once; the page shows how the pipeline follows.
import { randomUUID } from 'node:crypto';
import { writeAudit } from '../audit.ts';
import { done } from '../page.ts';
import { PageError } from '../page-error.ts';
import type { AdminApp, AdminContext, Parts } from '../parts.ts';
import { withdrawMailing } from '../queries/mailings-confirm.ts';
import { deleteDraft, duplicate } from '../queries/mailings-draft.ts';
import { cancel, findHold, pause, release, resume } from '../queries/mailings-holds.ts';
import { type Ability, requireAbility } from '../roles.ts';
import { findShown, type Shown } from './mailings-shown.ts';

/** @returns one sentence for the person; what was done is in the audit log by then */
type Act = (c: AdminContext, parts: Parts, shown: Shown) => Promise<string>;

export function mailingsActions(app: AdminApp, parts: Parts): void {
  const add = (name: string, ability: Ability, act: Act) =>
    app.post(`/mailings/:id/${name}`, async (c) => {
      requireAbility(c, ability);
      const shown = await findShown(c, parts);
      return done(c, `/mailings/${shown.id}`, await act(c, parts, shown));
    });
  add('pause', 'send', pauseIt);
  add('resume', 'send', resumeIt);
  add('cancel', 'send', cancelIt);
  add('release', 'send', releaseIt);
  add('withdraw', 'send', withdrawIt);
  app.post('/mailings/:id/duplicate', (c) => duplicateIt(c, parts));
  app.post('/mailings/:id/delete', (c) => deleteIt(c, parts));
}

/** What is over, or has not been confirmed, can be neither paused nor cancelled. */
function refuseWhatIsOver(shown: Shown): string | undefined {
  const { state } = shown.view;
  if (state === 'draft') return 'This is a draft: nothing of it is sent.';
  if (state === 'done') return 'It is done: everybody in it has an end already.';
  if (state === 'rejected') return 'It was rejected, and nothing of it is sent.';
  return undefined;
}

async function pauseIt(c: AdminContext, parts: Parts, shown: Shown): Promise<string> {
  const refusal = refuseWhatIsOver(shown);
  if (refusal) return refusal;
  if (!(await pause(parts.db, shown.id, c.var.session.name))) return tellHold(parts, shown.id);
  await writeAudit(parts.db, c, 'mailing.paused', `mailing ${shown.id}`, { remaining: shown.view.remaining });
  return shown.isSeries ? 'It is paused: it does not go at its times until it is resumed.' : 'It is being paused.';
}

async function resumeIt(c: AdminContext, parts: Parts, shown: Shown): Promise<string> {
  if (!(await resume(parts.db, shown.id))) {
    const hold = await findHold(parts.db, shown.id);
    return hold ? tellHold(parts, shown.id) : 'It was not paused.';
  }
  await writeAudit(parts.db, c, 'mailing.resumed', `mailing ${shown.id}`);
  return 'It goes on.';
}

async function cancelIt(c: AdminContext, parts: Parts, shown: Shown): Promise<string> {
  const refusal = refuseWhatIsOver(shown);
  if (refusal) return refusal;
  if (!(await cancel(parts.db, shown.id, c.var.session.name))) return tellHold(parts, shown.id);
  await writeAudit(parts.db, c, 'mailing.cancelled', `mailing ${shown.id}`, { remaining: shown.view.remaining });
  return shown.isSeries
    ? 'It is cancelled: it does not go again. What it has begun goes on, and can be cancelled by itself.'
    : 'It is being cancelled: what is not sent yet is not sent.';
}

/** Somebody was faster, or pressed twice: that is no error. */
async function tellHold(parts: Parts, id: string): Promise<string> {
  const hold = await findHold(parts.db, id);
  if (!hold) return 'Somebody has resumed it at the same moment.';
  const when = hold.changedAt.toISOString().slice(0, 16).replace('T', ' ');
  return `It was ${hold.state} already, by ${hold.changedBy || 'the API'}, ${when} UTC.`;
}

async function releaseIt(c: AdminContext, parts: Parts, shown: Shown): Promise<string> {
  if (shown.view.state !== 'late') return 'It does not wait for this any more.';
  await release(parts.db, shown.seriesId ?? shown.id);
  await writeAudit(parts.db, c, 'mailing.released', `mailing ${shown.id}`, { series: shown.seriesId ?? undefined });
  return 'It goes now, although it is late.';
}

async function withdrawIt(c: AdminContext, parts: Parts, shown: Shown): Promise<string> {
  const result = await withdrawMailing(parts.db, shown.id, c.var.session.name);
  if (result === 'started') {
    return shown.isSeries
      ? 'One of its times is being planned just now: try again in a minute, or pause it.'
      : 'It has begun, so it cannot be taken back: pause or cancel it.';
  }
  if (result === 'cancelled') return 'It is cancelled, so it cannot be taken back: duplicate it.';
  if (result === 'not_confirmed') return 'It is not confirmed, so there is nothing to take back.';
  await writeAudit(parts.db, c, 'mailing.withdrawn', `mailing ${shown.id}`);
  return 'It is a draft again, and nothing is sent until somebody confirms it.';
}

async function duplicateIt(c: AdminContext, parts: Parts): Promise<Response> {
  requireAbility(c, 'edit');
  const { id } = await findShown(c, parts);
  const copy = randomUUID();
  if (!(await duplicate(parts.db, id, copy, c.var.session.name))) {
    throw new PageError(404, 'There is nothing here that could be duplicated.');
  }
  await writeAudit(parts.db, c, 'mailing.created', `mailing ${copy}`, { from: id });
  return done(c, `/mailings/${copy}/edit`, 'This is the copy, as a draft with the same people. It has no time yet.');
}

async function deleteIt(c: AdminContext, parts: Parts): Promise<Response> {
  requireAbility(c, 'edit');
  const { id, title } = await findShown(c, parts);
  if (!(await deleteDraft(parts.db, id))) {
    throw new PageError(409, 'Only a draft that never went out can be deleted. Everything else is kept as it was.');
  }
  await writeAudit(parts.db, c, 'mailing.deleted', `mailing ${id}`, { title });
  return done(c, '/mailings', `The draft "${title}" is deleted.`);
}
