// /mailings/<id>/people, the writing half: a file with user ids as it comes in, checked row by row, stored whole or not at
// all; and how far that is.
import type { Readable } from 'node:stream';
import { writeAudit } from '../audit.ts';
import { readForm } from '../forms.ts';
import { type AudienceView, readSaid, type SaidOfFile } from '../mailing/audience-view.ts';
import { takeUpload } from '../mailing/take-upload.ts';
import { done } from '../page.ts';
import { PageError } from '../page-error.ts';
import type { AdminApp, AdminContext, Parts } from '../parts.ts';
import { type Stored, storePeople } from '../queries/mailings-people.ts';
import { uploadPeople } from '../queries/upload-people.ts';
import { queryChoice } from '../query.ts';
import { requireAbility } from '../roles.ts';
import { readMailingId, requireDraft, requireRevision } from './mailings-of.ts';

/** Of an upload that runs; kept a while after its end, for the page to ask once more. */
interface Progress {
  checked: number;
  stored: number;
  /** Known before the file has come to its end: the page need not send the rest. */
  fault?: string;
  view?: AudienceView | undefined;
}

const keptMs = 60_000;
/** Each keeps a batch of rows in memory, and no connection to Postgres while its sender is waited for. */
const maxUploads = 20;
const types = new Set([
  'text/csv',
  'text/plain',
  'text/tab-separated-values',
  'application/csv',
  'application/vnd.ms-excel',
  'application/octet-stream',
]);

export function mailingsAudience(app: AdminApp, parts: Parts): void {
  const uploads = new Map<string, Progress>();
  let running = 0;

  app.put('/mailings/:id/people', async (c) => {
    requireAbility(c, 'edit');
    const mailing = await requireDraft(c, parts);
    requireText(c);
    if (running >= maxUploads) throw new PageError(503, 'Others are uploading just now. Try again in a minute.');
    const progress: Progress = { checked: 0, stored: 0 };
    uploads.set(mailing.mailing_id, progress);
    running += 1;
    try {
      return await upload(c, parts, mailing.mailing_id, progress);
    } finally {
      running -= 1;
      setTimeout(() => {
        if (uploads.get(mailing.mailing_id) === progress) uploads.delete(mailing.mailing_id);
      }, keptMs).unref();
    }
  });

  app.get('/mailings/:id/people/progress', (c) => {
    requireAbility(c, 'edit');
    return c.json(uploads.get(readMailingId(c)) ?? {});
  });

  app.post('/mailings/:id/people/clear', (c) => clear(c, parts));
}

async function upload(c: AdminContext, parts: Parts, mailingId: string, progress: Progress): Promise<Response> {
  const mode = queryChoice(c, 'mode', ['add', 'replace']) ?? 'add';
  const revision = requireRevision(c.req.query('revision'));
  const bytes = c.env.incoming;
  const file = takeUpload(bytes, requireSaid(c), parts.users, (count) => (progress.checked = count));
  let stored: Stored;
  try {
    const wanted = { mailingId, revision, mode, who: c.var.session.name } as const;
    stored = await uploadPeople(parts.uploadsDb, wanted, file.batches(), (count) => (progress.stored = count));
  } catch (error) {
    const refusal = file.toRefusal(error);
    if (refusal === undefined) {
      // Whoever sent it has left: everything is as it was, and nobody is there to be told.
      if (bytes.readableAborted) return c.json({ error: 'The file broke off, so nothing was stored.' }, 400);
      throw error;
    }
    const { status, ...body } = refusal;
    progress.fault = body.error;
    progress.view = file.view;
    await drain(bytes);
    return c.json({ ...body, view: file.view }, status);
  }
  if (stored.kind !== 'stored') {
    await drain(bytes);
    const error =
      stored.kind === 'busy'
        ? 'Somebody else is storing people in this draft just now, so nothing of yours was stored. Try again in a minute.'
        : 'Somebody else has changed this draft meanwhile, so nothing was stored. Load the page again, then repeat it.';
    return c.json({ error, rows: [], faultCount: 0 }, 409);
  }
  const { total, added, duplicates } = stored;
  const { leftOut, rowCount, view } = file;
  const leftOutNoted = leftOut > 0 ? { left_out: leftOut } : {};
  await writeAudit(parts.db, c, 'mailing.people_stored', `mailing ${mailingId}`, {
    mode,
    total,
    added,
    duplicates,
    ...leftOutNoted,
  });
  return c.json({ total, added, duplicates, leftOut, rows: rowCount, revision: stored.revision, view });
}

/** A page that is still sending reads no answer: the rest is taken and thrown away. */
async function drain(bytes: Readable): Promise<void> {
  if (bytes.readableEnded || bytes.destroyed) return;
  await new Promise<void>((resolve) => {
    bytes
      .once('end', resolve)
      .once('close', resolve)
      .once('error', () => resolve())
      .resume();
  });
}

/** @throws PageError 400 */
function requireSaid(c: AdminContext): SaidOfFile {
  const said = readSaid(c.req.query());
  if (!said) throw new PageError(400, 'The form is not complete. Load the page again.');
  return said;
}

/** @throws PageError 415, 413 */
function requireText(c: AdminContext): void {
  const type = (c.req.header('content-type') ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  if (!types.has(type)) throw new PageError(415, 'This is not a text or CSV file.');
}

async function clear(c: AdminContext, parts: Parts): Promise<Response> {
  requireAbility(c, 'edit');
  const { mailing_id: mailingId, people_count: count } = await requireDraft(c, parts);
  const { fields } = await readForm(c);
  const wanted = {
    mailingId,
    revision: requireRevision(fields.revision),
    mode: 'replace',
    who: c.var.session.name,
  } as const;
  const stored = await storePeople(parts.db, wanted, () => []);
  if (stored.kind !== 'stored') {
    throw new PageError(
      409,
      'Somebody else has changed this draft meanwhile, so nothing was done. Load the page again.',
    );
  }
  await writeAudit(parts.db, c, 'mailing.people_removed', `mailing ${mailingId}`, { count });
  return done(c, `/mailings/${mailingId}/edit`, `${count.toLocaleString('en-US')} people were taken out of the draft.`);
}
