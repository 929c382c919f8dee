// A mailing, a firing of a series, or a request of a producer: whatever has numbers, as its page shows it.

import { type LiveView, type MailingFacts, toLiveView } from '../mailing/live-view.ts';
import { PageError } from '../page-error.ts';
import type { AdminContext, Parts } from '../parts.ts';
import { type NumbersRow, readNumbers } from '../queries/mailings-numbers.ts';
import { findMailing, findRequest, type Mailing } from '../queries/mailings-one.ts';
import { readMailingId } from './mailings-of.ts';

type Request = NonNullable<Awaited<ReturnType<typeof findRequest>>>;

export interface Shown {
  id: string;
  title: string;
  /** Null for what producers asked for; of a firing its series. */
  mailing: Mailing | null;
  request: Request | null;
  isSeries: boolean;
  /** Of a firing. */
  seriesId: string | null;
  facts: MailingFacts;
  row: NumbersRow;
  view: LiveView;
}

/** @throws PageError 404 */
export async function findShown(c: AdminContext, parts: Pick<Parts, 'db'>): Promise<Shown> {
  const id = readMailingId(c);
  const [own, request] = await Promise.all([findMailing(parts.db, id), findRequest(parts.db, id)]);
  const series = request?.series_id ? await findMailing(parts.db, request.series_id) : undefined;
  const mailing = own ?? series;
  if (!mailing && !request) {
    throw new PageError(404, 'There is no mailing at this address. It may have been a draft that was deleted.');
  }
  const facts: MailingFacts = {
    status: own?.status ?? 'confirmed',
    isSeries: own !== undefined && own.recurrence !== null && own.status !== 'draft',
    confirmedCount: mailing?.confirmed_count ?? null,
  };
  const row = await readNumbers(parts.db, id);
  return {
    id,
    title: mailing?.title ?? request?.template_id ?? '',
    mailing: mailing ?? null,
    request: request ?? null,
    isSeries: facts.isSeries,
    seriesId: request?.series_id ?? null,
    facts,
    row,
    view: toLiveView(row, facts),
  };
}
