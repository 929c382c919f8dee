// The way of one notification through the stages, from its row in the ledger: for the API and the admin pages alike.
import type { DeliveriesTable, FeedbackTable } from './db/tables.ts';

export type JourneyRow = Pick<
  DeliveriesTable,
  'requested_at' | 'planned_at' | 'enriched_at' | 'rendered_at' | 'claimed_at' | 'ended_at' | 'state'
> & { reason: string; detail: string; stage: string };

/** What was reported later about it. */
export type JourneyFeedback = Pick<FeedbackTable, 'type' | 'happened_at'> & { status: string };

export interface JourneyStep {
  /** The service. */
  stage: string;
  at: Date;
  /**
   * What it then was: `requested`, `planned`, `enriched`, `rendered`, `claimed`, a state of the ledger; or what was
   * reported later: `bounced`, `complained`.
   */
  outcome: string;
  reason: string | null;
  detail: string | null;
}

/** Every stage that it came through, in order; then how it ended, or where it is now; then what was reported later. */
export function toJourney(row: JourneyRow, feedback: readonly JourneyFeedback[] = []): JourneyStep[] {
  const passed: [stage: string, at: Date | null, outcome: string][] = [
    ['ingest', row.requested_at, 'requested'],
    ['planner', row.planned_at, 'planned'],
    ['enricher', row.enriched_at, 'enriched'],
    ['renderer', row.rendered_at, 'rendered'],
    ['dispatcher', row.claimed_at, 'claimed'],
  ];
  const steps = passed.flatMap(([stage, at, outcome]): JourneyStep[] =>
    at === null ? [] : [{ stage, at, outcome, reason: null, detail: null }],
  );
  const at = row.ended_at ?? (row.state === 'claimed' ? null : row.claimed_at);
  if (at !== null) {
    const { stage, state, reason, detail } = row;
    steps.push({ stage, at, outcome: state, reason: reason || null, detail: detail || null });
  }
  return [...steps, ...feedback.map(toReportedStep)];
}

/** Told to ingest; it is in the detail what the status was. */
function toReportedStep({ type, happened_at: at, status }: JourneyFeedback): JourneyStep {
  const outcome = type === 'bounce' ? 'bounced' : 'complained';
  return { stage: 'ingest', at, outcome, reason: null, detail: status || null };
}
