// /mailings: what goes, went and will go.
import { isUuid } from '../../../domain/ids.ts';
import { listSharedHolds } from '../../../lib/holds/list-holds.ts';
import type { ShownState } from '../mailing/live-view.ts';
import { describeCron } from '../mailing/recurrence.ts';
import { page } from '../page.ts';
import type { AdminApp, AdminContext, Parts } from '../parts.ts';
import { type ListedMailing, listMailings, perPage } from '../queries/mailings-list.ts';
import { queryChoice, queryText, readQuery } from '../query.ts';
import { requireAbility } from '../roles.ts';
import { toShownHold } from '../shown-holds.ts';

const states: readonly ShownState[] = [
  'draft',
  'scheduled',
  'recurring',
  'running',
  'paused',
  'late',
  'done',
  'cancelled',
  'rejected',
];

export function mailingsList(app: AdminApp, parts: Parts): void {
  app.get('/mailings', (c) => show(c, parts));
}

async function show(c: AdminContext, parts: Parts): Promise<Response> {
  requireAbility(c, 'view');
  const search = queryText(c, 'search', 200);
  const state = queryChoice(c, 'state', states);
  const after = readQuery(c, 'after', readCursor);
  const found = await listMailings(parts.db, { state, search, after });
  const shown = found.slice(0, perPage);
  const last = shown.at(-1);
  return page(c, parts, 'mailings/list', {
    title: 'Mailings',
    onHold: (await listSharedHolds(parts.db)).map(toShownHold),
    mailings: shown.map(toRow),
    states,
    state,
    search,
    isFiltered: search !== '' || state !== undefined,
    isFirst: after === undefined,
    next: found.length > perPage && last ? `${last.at}_${last.id}` : undefined,
  });
}

function toRow(mailing: ListedMailing) {
  const { sent, failed, skipped, unknown, expected } = mailing;
  const share = (count: number) => (expected === 0 ? 0 : Math.round((count / expected) * 1_000) / 10);
  return {
    ...mailing,
    repeats: mailing.recurrence === null ? undefined : describeCron(mailing.recurrence),
    hasNumbers: mailing.planned > 0,
    shares: { sent: share(sent), failed: share(failed), skipped: share(skipped), unknown: share(unknown) },
  };
}

function readCursor(text: string): { at: string; id: string } | undefined {
  const [at = '', id = ''] = text.split('_');
  const isTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/.test(at) && !Number.isNaN(Date.parse(at));
  return isTime && isUuid(id) ? { at, id } : undefined;
}
