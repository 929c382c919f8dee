// What every page of one mailing begins with: the mailing of the address, and whether it is still a draft.
import { isUuid } from '../../../domain/ids.ts';
import { readNumber } from '../forms.ts';
import { PageError } from '../page-error.ts';
import type { AdminContext, Parts } from '../parts.ts';
import { findMailing, type Mailing } from '../queries/mailings-one.ts';

/** @throws PageError 404 */
export function readMailingId(c: AdminContext): string {
  const id = c.req.param('id') ?? '';
  if (!isUuid(id)) throw new PageError(404, 'There is no mailing at this address.');
  return id;
}

/** @throws PageError 404 */
export async function requireMailing(c: AdminContext, parts: Pick<Parts, 'db'>): Promise<Mailing> {
  const mailing = await findMailing(parts.db, readMailingId(c));
  if (!mailing)
    throw new PageError(404, 'There is no mailing at this address. It may have been a draft that was deleted.');
  return mailing;
}

/** @throws PageError 404 or 409 */
export async function requireDraft(c: AdminContext, parts: Pick<Parts, 'db'>): Promise<Mailing> {
  const mailing = await requireMailing(c, parts);
  if (mailing.status === 'draft') return mailing;
  const by = mailing.confirmed_by ? ` by ${mailing.confirmed_by}` : '';
  throw new PageError(
    409,
    mailing.status === 'confirmed'
      ? `"${mailing.title}" was confirmed${by}, so it cannot be changed. As long as it has not begun it can be taken back to a draft, on its page.`
      : `"${mailing.title}" is over, so it cannot be changed. Duplicate it to send it again.`,
  );
}

/**
 * The revision of the draft that a page was made of.
 * @throws PageError 400
 */
export function requireRevision(text: string | undefined): number {
  const revision = readNumber(text);
  if (revision === undefined) throw new PageError(400, 'The form is not complete. Load the page again.');
  return revision;
}
