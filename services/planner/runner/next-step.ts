// What is to be done with a driven request, seen as it is now. Pure.
import type { RequestState } from '../../../domain/request-state.ts';
import type { HoldsTable } from '../../../lib/db/tables.ts';

export interface View {
  state: RequestState;
  /** What is wanted of it; null: it may go on. */
  hold: HoldsTable['state'] | null;
  planned: number;
  planningComplete: boolean;
  /** People with an end. */
  ended: number;
  /** People who wait for a retry. */
  deferred: number;
  /** Since its numbers last moved. */
  quietMs: number;
}

export type Step =
  | { do: 'cancel' | 'pause' | 'resume' | 'heal' | 'wait' }
  /** Nothing is left but to wait for its people to end: no holder is needed for that. */
  | { do: 'leave' }
  /** The next page, of so many people at most. */
  | { do: 'plan'; limit: number };

export interface Limits {
  /** People on their way at most; see countOnTheirWay. */
  window: number;
  healAfterMs: number;
}

/** What the user service gives in one page. */
export const maxPagePeople = 10_000;
const fullChunk = 500;

export function nextStep(view: View, limits: Limits): Step {
  const isBalanced = view.planningComplete && view.ended === view.planned;
  if (isBalanced) return { do: 'leave' };
  if (view.state === 'cancelled' || view.hold === 'cancelled') return { do: 'cancel' };
  if (view.hold === 'paused') return { do: 'pause' };
  if (view.state === 'paused') return { do: 'resume' };
  const limit = view.planningComplete ? 0 : findRoom(view, limits.window);
  if (limit > 0) return { do: 'plan', limit };
  if (view.planned > view.ended && view.quietMs >= limits.healAfterMs) return { do: 'heal' };
  return { do: view.planningComplete ? 'leave' : 'wait' };
}

/**
 * People planned and not ended. Those who wait for a retry take no room, for they wait a day; but only up to half of the
 * window: a server that puts everybody off must not draw a whole mailing into `waiting`.
 */
export function countOnTheirWay(
  { planned, ended, deferred }: Pick<View, 'planned' | 'ended' | 'deferred'>,
  window: number,
) {
  return Math.max(0, planned - ended - Math.min(deferred, window / 2));
}

/** Zero until a fifth of the window, or a whole page, has room: small pages cost as much as large ones. */
function findRoom(view: View, window: number): number {
  const room = Math.min(maxPagePeople, window - countOnTheirWay(view, window));
  if (room < Math.min(maxPagePeople, window / 5)) return 0;
  return room > fullChunk ? room - (room % fullChunk) : room;
}
