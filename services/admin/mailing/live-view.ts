// What the page of a mailing says of how it goes: its numbers, its state in words, how fast and how long still. Pure.
import { toActualState } from '../../../domain/request-state.ts';
import type { Counted, NumbersRow } from '../queries/mailings-numbers.ts';

/** What a list shows as state: of a mailing (draft, scheduled, recurring), of its request, or of one that asks. */
export type ShownState =
  | 'draft'
  | 'scheduled'
  | 'recurring'
  | 'running'
  | 'paused'
  | 'late'
  | 'done'
  | 'cancelled'
  | 'rejected';

export interface MailingFacts {
  status: 'draft' | 'confirmed' | 'done' | 'cancelled';
  isSeries: boolean;
  /** How many people it was said to go to; null where nobody said. */
  confirmedCount: number | null;
}

export interface LiveView {
  state: ShownState;
  /** While what is wanted is not so yet. */
  turning: 'pausing' | 'resuming' | 'cancelling' | null;
  planned: number;
  planningComplete: boolean;
  sent: number;
  failed: number;
  skipped: number;
  unknown: number;
  inFlight: number;
  waiting: number;
  waitingFrom: Date | null;
  waitingUntil: Date | null;
  /** What has a reason, the most frequent first within each state. */
  reasons: Counted[];
  unsubscribed: number;
  /** Everybody it is for, as far as is known by now. */
  expected: number;
  /** Of those expected, who have an end: 0 to 100. */
  percent: number;
  /** Everybody who was planned has one end. */
  balanced: boolean;
  /** Of one that was cancelled: people who were never planned, beside the numbers. */
  neverPlanned: number;
  /** Who would still get it. */
  remaining: number;
  detail: string;
  startedAt: Date | null;
  endedAt: Date | null;
}

export function toLiveView(row: NumbersRow, mailing: MailingFacts): LiveView {
  const sum = (state: Counted['state']) =>
    row.counts.reduce((total, counted) => (counted.state === state ? total + counted.count : total), 0);
  const ends = { sent: sum('sent'), failed: sum('failed'), skipped: sum('skipped'), unknown: sum('unknown') };
  const ended = ends.sent + ends.failed + ends.skipped + ends.unknown;
  const waiting = sum('deferred');
  const isBalanced = row.state !== null && row.planningComplete && ended === row.planned;
  const state = toShownState(row, mailing, isBalanced);
  const confirmed = mailing.confirmedCount ?? 0;
  const isOver = state === 'done' || state === 'rejected' || (state === 'cancelled' && isBalanced);
  const expected = row.planningComplete ? row.planned : Math.max(row.planned, confirmed);
  return {
    state,
    turning: toTurning(row, state, isBalanced),
    planned: row.planned,
    planningComplete: row.planningComplete,
    ...ends,
    inFlight: Math.max(0, row.planned - ended - waiting),
    waiting,
    waitingFrom: row.waitingFrom,
    waitingUntil: row.waitingUntil,
    unsubscribed: row.unsubscribed,
    reasons: row.counts.filter(({ reason }) => reason !== ''),
    expected,
    percent: expected === 0 ? (isOver ? 100 : 0) : Math.min(100, Math.floor((ended / expected) * 1_000) / 10),
    balanced: isBalanced,
    neverPlanned: state === 'cancelled' ? Math.max(0, confirmed - row.planned) : 0,
    remaining: isOver ? 0 : Math.max(0, expected - ended),
    detail: row.detail,
    startedAt: row.startedAt,
    endedAt: row.endedAt,
  };
}

/** What of a request, with what is wanted of it, its shown state is made of. */
export type StateFacts = Pick<NumbersRow, 'state' | 'detail' | 'hold' | 'driven'>;

/** For the page of a mailing and for lists. */
export function toShownState(
  row: StateFacts,
  mailing: Pick<MailingFacts, 'status' | 'isSeries'>,
  isBalanced: boolean,
): ShownState {
  if (mailing.status === 'draft') return 'draft';
  if (mailing.status !== 'confirmed') return mailing.status;
  if (mailing.isSeries) return row.hold ?? 'recurring';
  if (row.state === null) return row.hold ?? 'scheduled';
  if (row.state === 'paused' && row.detail === 'late' && row.hold === null) return 'late';
  // A shared hold keeps back what nobody drives without a word in its row.
  if (row.state === 'running' && !row.driven && !isBalanced && row.hold === 'paused') return 'paused';
  const actual = toActualState({ state: row.state, hold: row.hold, isBalanced });
  return actual === 'planning' ? 'running' : actual;
}

function toTurning(row: NumbersRow, state: ShownState, isBalanced: boolean): LiveView['turning'] {
  if (row.state === null) return null;
  if (row.hold === 'cancelled') {
    const settled = state === 'done' || state === 'rejected' || (state === 'cancelled' && isBalanced);
    return settled ? null : 'cancelling';
  }
  if (row.hold === 'paused') return state === 'running' || state === 'scheduled' ? 'pausing' : null;
  return state === 'paused' ? 'resuming' : null;
}

/** One look at the numbers, for the rate. */
export interface Sample {
  atMs: number;
  ended: number;
}

const rateOverMs = 10_000;

/** @returns ends a second over the last seconds; undefined before two looks are a second apart */
export function toRate(samples: readonly Sample[]): number | undefined {
  const last = samples.at(-1);
  const first = last && samples.find(({ atMs }) => last.atMs - atMs <= rateOverMs);
  if (!last || !first || last.atMs - first.atMs < 900) return undefined;
  return Math.max(0, ((last.ended - first.ended) * 1_000) / (last.atMs - first.atMs));
}

/** @returns milliseconds; undefined where it does not move, or waits for people */
export function toTimeLeft(view: LiveView, rate: number | undefined): number | undefined {
  if (view.state !== 'running' || rate === undefined || rate < 0.05) return undefined;
  return ((view.remaining - view.waiting) / rate) * 1_000;
}
