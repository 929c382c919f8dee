import { expect, it } from 'vitest';
import type { JourneyRow } from '../../../lib/journey.ts';
import { toTimeline } from './notifications-timeline.ts';

const beginMs = Date.UTC(2026, 10, 23, 12);
const at = (ms: number): Date => new Date(beginMs + ms);
const row: JourneyRow = {
  requested_at: at(0),
  planned_at: at(100),
  enriched_at: at(300),
  rendered_at: at(400),
  claimed_at: at(500),
  ended_at: at(1_000),
  state: 'sent',
  reason: '',
  detail: '',
  stage: 'dispatcher',
};
const bars = (changes: Partial<JourneyRow>, nowMs = 0) =>
  toTimeline({ ...row, ...changes }, beginMs + nowMs).map(
    ({ outcome, spentMs, leftPercent, widthPercent }) => `${outcome} ${spentMs} ${leftPercent}+${widthPercent}`,
  );

it('draws each stage at its place, as long as it took', () => {
  expect(bars({})).toEqual([
    'requested undefined 0+0',
    'planned 100 0+10',
    'enriched 200 10+20',
    'rendered 100 30+10',
    'claimed 100 40+10',
    'sent 500 50+50',
  ]);
});

it('lets what has not ended go on until now', () => {
  const open = { ended_at: null, state: 'claimed' } as const;
  expect(bars(open, 2_000).slice(-2)).toEqual(['claimed 100 20+5', 'claimed 1500 25+75']);
  expect(bars({ ...open, state: 'deferred' }, 2_000).at(-1)).toBe('deferred 1500 25+75');
});

it('lets no stage take less than nothing when the clocks of two machines differ', () => {
  const early = bars({ enriched_at: at(80), ended_at: at(450) });
  expect(early[2]).toBe('enriched 0 20+0');
  expect(early.at(-1)).toBe('sent 0 100+0');
});
