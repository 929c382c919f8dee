import { expect, it } from 'vitest';
import { type JourneyRow, toJourney } from './journey.ts';

const at = (second: number): Date => new Date(Date.UTC(2026, 10, 23, 12, 0, second));
const row: JourneyRow = {
  requested_at: at(0),
  planned_at: at(1),
  enriched_at: at(2),
  rendered_at: at(3),
  claimed_at: at(4),
  ended_at: at(5),
  state: 'sent',
  reason: '',
  detail: '250 ok',
  stage: 'dispatcher',
};
const outcomes = (changes: Partial<JourneyRow>) => toJourney({ ...row, ...changes }).map((step) => step.outcome);

it('names every stage with its time, and how it ended with its reason and detail', () => {
  expect(outcomes({})).toEqual(['requested', 'planned', 'enriched', 'rendered', 'claimed', 'sent']);
  expect(toJourney(row).at(-1)).toEqual({
    stage: 'dispatcher',
    at: at(5),
    outcome: 'sent',
    reason: null,
    detail: '250 ok',
  });
});

it('leaves out the stages that it never came to', () => {
  const ended = {
    enriched_at: null,
    rendered_at: null,
    claimed_at: null,
    stage: 'enricher',
    state: 'skipped',
  } as const;
  expect(outcomes({ ...ended, reason: 'no_consent' })).toEqual(['requested', 'planned', 'skipped']);
});

it('says where it is as long as it has not ended', () => {
  expect(outcomes({ ended_at: null, state: 'claimed' }).at(-1)).toBe('claimed');
  expect(outcomes({ ended_at: null, state: 'deferred', reason: 'greylisted' }).at(-1)).toBe('deferred');
});

it('goes on with what was reported after its end', () => {
  const reported = [
    { type: 'bounce', happened_at: at(60), status: '5.1.1' },
    { type: 'complaint', happened_at: at(70), status: '' },
  ] as const;
  expect(toJourney(row, reported).slice(-3)).toEqual([
    expect.objectContaining({ outcome: 'sent' }),
    { stage: 'ingest', at: at(60), outcome: 'bounced', reason: null, detail: '5.1.1' },
    { stage: 'ingest', at: at(70), outcome: 'complained', reason: null, detail: null },
  ]);
});
