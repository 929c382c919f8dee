// /open-requests : what has been open for more than an hour, the oldest first, and what each waits for.
import { page } from '../page.ts';
import type { AdminApp, Parts } from '../parts.ts';
import { listLongOpen, type OpenRequest } from '../queries/open-requests.ts';
import { requireAbility } from '../roles.ts';

const longAfterHours = 1;
const perPriority = 50;

export function openRequests(app: AdminApp, parts: Parts): void {
  app.get('/open-requests', async (c) => {
    requireAbility(c, 'view');
    const requests = await listLongOpen(parts.db, longAfterHours, perPriority);
    const mayOperate = c.var.session.abilities.has('operate');
    return page(c, parts, 'overview/open-requests', {
      title: 'Open requests',
      rows: requests.map((request) => toShownOpen(request, parts.now(), mayOperate)),
      perPriority,
    });
  });
}

export interface ShownOpen extends OpenRequest {
  openForMs: number;
  /** Undefined: this person may not follow requests of producers. */
  href: string | undefined;
  /** A whole sentence. */
  why: string;
}

export function toShownOpen(request: OpenRequest, nowMs: number, mayOperate: boolean): ShownOpen {
  const { id, isMailing, since } = request;
  const href = isMailing ? `/mailings/${id}` : mayOperate ? `/follow?id=${id}` : undefined;
  return { ...request, openForMs: Math.max(0, nowMs - since.getTime()), href, why: toWhy(request) };
}

function toWhy({ planned, planningComplete, ended, waiting, isMoving, state }: OpenRequest): string {
  if (isMoving) return 'Its numbers move.';
  if (!planningComplete) return 'It is still being planned, and its numbers stand still.';
  if (ended + waiting >= planned) return waiting === 0 ? 'It ends in a moment.' : 'It waits for another try.';
  if (state === 'cancelled') return 'It was cancelled, and some people have no end yet.';
  return 'It stands still: people without an end are published again after a quarter of an hour.';
}
