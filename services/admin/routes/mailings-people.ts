// /mailings/<id>/people: who is behind a number of a mailing, each with a link to the person and the journey.

import { maskAddress } from '../../../lib/masked-address.ts';
import { isPlace, toPlace, type WantedState } from '../../../lib/people-of-request/candidates.ts';
import { listPeople, type Wanted } from '../../../lib/people-of-request/list-people.ts';
import { abilityFor, canSendAgain } from '../operator/redrive-rules.ts';
import { page } from '../page.ts';
import type { AdminApp, AdminContext, Parts } from '../parts.ts';
import { queryChoice, queryText, readQuery } from '../query.ts';
import { requireAbility } from '../roles.ts';
import { findShown, type Shown } from './mailings-shown.ts';

const perPage = 30;
const states: readonly WantedState[] = ['sent', 'failed', 'skipped', 'unknown', 'deferred', 'in_flight'];

export function mailingsPeople(app: AdminApp, parts: Parts): void {
  app.get('/mailings/:id/people', (c) => show(c, parts));
}

async function show(c: AdminContext, parts: Parts): Promise<Response> {
  requireAbility(c, 'people');
  const shown = await findShown(c, parts);
  const { request, view, id } = shown;
  const state = queryChoice(c, 'state', states);
  const reason = state === undefined ? undefined : queryText(c, 'reason') || undefined;
  const after = readQuery(c, 'after', (text) => (isPlace(text) ? text : undefined));
  const found =
    request?.channel == null
      ? { people: [], next: undefined }
      : await listPeople(
          parts.db,
          {
            requestId: id,
            channel: request.channel,
            chunkCount: request.chunk_count,
            requestedAt: request.requested_at,
          },
          { state, reason },
          toPlace(after),
          perPage,
        );
  return page(c, parts, 'mailings/people', {
    title: `People of ${shown.title}`,
    mailingTitle: shown.title,
    id,
    state,
    reason,
    total: countOf(shown, { state, reason }),
    choices: toChoices(shown),
    people: found.people.map((one) => ({ ...one, address: one.address && maskAddress(one.address) })),
    next: found.next && `${found.next.sequence}_${found.next.position}`,
    isFirst: !after,
    planned: view.planned,
    maySendAgain:
      state !== undefined &&
      canSendAgain({ state, reason: reason ?? '' }) &&
      c.var.session.abilities.has(abilityFor(state)),
  });
}

function countOf({ view, row }: Shown, { state, reason }: Wanted): number {
  if (state === undefined) return view.planned;
  if (state === 'in_flight') return view.inFlight;
  return row.counts
    .filter((one) => one.state === state && (reason === undefined || one.reason === reason))
    .reduce((sum, { count }) => sum + count, 0);
}

/** Every number that has people, with its address. */
function toChoices({ view, row }: Shown) {
  const all = [
    { state: '', reason: '', count: view.planned },
    ...row.counts.map(({ state, reason, count }) => ({ state: state as string, reason, count })),
    { state: 'in_flight', reason: '', count: view.inFlight },
  ];
  return all.filter(({ state, count }) => state === '' || count > 0);
}
