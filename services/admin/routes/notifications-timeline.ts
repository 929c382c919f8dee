// A journey as a picture: each stage with its time, how long it took, and a bar at its place between beginning and end.
import { type JourneyRow, toJourney } from '../../../lib/journey.ts';

export interface TimelineStep {
  /** The service it was in. */
  stage: string;
  what: string;
  /** When that was done; undefined for what still goes on. */
  at: Date | undefined;
  /** Since the step before; undefined for the first. */
  spentMs: number | undefined;
  /** Of the whole time, for the bar. */
  leftPercent: number;
  widthPercent: number;
  isLast: boolean;
  outcome: string;
}

const whats: Readonly<Record<string, string>> = {
  requested: 'asked for',
  planned: 'planned',
  enriched: "the person's data fetched",
  rendered: 'written from the template',
  claimed: 'taken for sending',
  sending: 'being handed to the server',
  sent: 'taken by the server',
  failed: 'failed',
  skipped: 'skipped',
  unknown: 'no answer came',
  deferred: 'put off',
};

/** @param nowMs what has not ended goes on until now */
export function toTimeline(row: JourneyRow, nowMs: number): TimelineStep[] {
  const steps = toJourney(row);
  const beginMs = row.requested_at.getTime();
  const endMs = Math.max(row.ended_at?.getTime() ?? nowMs, ...steps.map((step) => step.at.getTime()));
  const wholeMs = Math.max(endMs - beginMs, 1);
  // Clocks of different machines may differ a little: no step takes less than nothing.
  const percent = (ms: number): number => Math.round((Math.min(Math.max(ms, 0), wholeMs) / wholeMs) * 10_000) / 100;
  let lastMs = beginMs;
  const timeline = steps.map((step, index): TimelineStep => {
    const atMs = Math.max(step.at.getTime(), lastMs);
    const spentMs = index === 0 ? undefined : atMs - lastMs;
    const leftPercent = percent(lastMs - beginMs);
    lastMs = atMs;
    return {
      stage: step.stage,
      what: whats[step.outcome] ?? step.outcome,
      at: step.at,
      spentMs,
      leftPercent,
      widthPercent: percent(spentMs ?? 0),
      isLast: false,
      outcome: step.outcome,
    };
  });
  if (row.ended_at === null) timeline.push(toOpenStep(row, lastMs, endMs, percent(lastMs - beginMs), percent));
  const last = timeline.at(-1);
  if (last) last.isLast = true;
  return timeline;
}

function toOpenStep(
  row: JourneyRow,
  lastMs: number,
  endMs: number,
  leftPercent: number,
  percent: (ms: number) => number,
): TimelineStep {
  return {
    stage: 'dispatcher',
    what: row.state === 'deferred' ? 'waits for its next try' : 'is being sent',
    at: undefined,
    spentMs: endMs - lastMs,
    leftPercent,
    widthPercent: percent(endMs - lastMs),
    isLast: true,
    outcome: row.state,
  };
}
