// The state of a request, as API, pages and searches say it. What the planner wrote is the beginning: numbers and holds are
// younger than its row. Pure.

/** As the planner writes it. */
export type RequestState = 'scheduled' | 'planning' | 'running' | 'paused' | 'done' | 'cancelled' | 'rejected';
/** As it is said: also of what the planner has not stored yet. */
export type SaidState = 'accepted' | RequestState;

export interface RequestFacts {
  /** Null: the planner has no row of it. */
  state: RequestState | null;
  /** What somebody wants of this request; null: it may go on. */
  hold: 'paused' | 'cancelled' | null;
  /** Everybody whom it is for is planned and has an end. */
  isBalanced: boolean;
  /** It is a mailing that somebody has confirmed, and that waits for its time. */
  isConfirmed: boolean;
}

/** What is wanted counts as soon as it is wanted. A cancel that came when everybody had an end changes nothing. */
export function toRequestState(facts: RequestFacts): SaidState {
  const { state, hold, isConfirmed } = facts;
  if (state === 'rejected') return 'rejected';
  if (state === null) return hold ?? (isConfirmed ? 'scheduled' : 'accepted');
  const actual = toActualState({ ...facts, state });
  if (actual === 'done' || actual === 'cancelled') return actual;
  if (hold !== null) return hold;
  // The pause is over, and the planner has not taken it up yet.
  return actual === 'paused' ? 'running' : actual;
}

/**
 * How far it is, whatever is wanted: for pages that show both. A request that has ended is done a moment before its row
 * says so, and runs again while somebody of it is sent once more.
 */
export function toActualState({
  state,
  hold,
  isBalanced,
}: Pick<RequestFacts, 'hold' | 'isBalanced'> & { state: RequestState }): RequestState {
  switch (state) {
    case 'planning':
    case 'running':
    case 'paused':
    case 'done':
      if (isBalanced) return hold === 'cancelled' && state !== 'done' ? 'cancelled' : 'done';
      return state === 'done' ? 'running' : state;
    case 'scheduled':
    case 'cancelled':
    case 'rejected':
      return state;
  }
}
