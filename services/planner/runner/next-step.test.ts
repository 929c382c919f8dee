import { describe, expect, it } from 'vitest';
import { type Limits, nextStep, type View } from './next-step.ts';

const limits: Limits = { window: 50_000, healAfterMs: 900_000 };
const view = (changes: Partial<View> = {}): View => ({
  state: 'running',
  hold: null,
  planned: 50_000,
  planningComplete: false,
  ended: 0,
  deferred: 0,
  quietMs: 0,
  ...changes,
});
const stepOf = (changes: Partial<View>) => nextStep(view(changes), limits);

describe('the next step', () => {
  it('is a page as soon as one fits into the window', () => {
    expect(stepOf({ state: 'planning', planned: 0 })).toEqual({ do: 'plan', limit: 10_000 });
    expect(stepOf({ ended: 9_999 })).toEqual({ do: 'wait' });
    expect(stepOf({ ended: 10_000 })).toEqual({ do: 'plan', limit: 10_000 });
  });

  it('counts nobody against the window who waits for a retry, up to half of it', () => {
    expect(stepOf({ deferred: 10_000 })).toEqual({ do: 'plan', limit: 10_000 });
    expect(stepOf({ planned: 65_000, deferred: 25_000 })).toEqual({ do: 'plan', limit: 10_000 });
    expect(stepOf({ planned: 65_001, deferred: 25_000 })).toEqual({ do: 'wait' });
  });

  it('is no page when more than half a window waits for a retry and the rest fills it', () => {
    expect(stepOf({ planned: 75_000, deferred: 75_000 })).toEqual({ do: 'wait' });
    // A server that puts everybody off: a million people never wait.
    let planned = 0;
    for (let step = stepOf({ planned }); step.do === 'plan'; step = stepOf({ planned, deferred: planned })) {
      planned += step.limit;
    }
    expect(planned).toBe(70_000);
  });

  it('keeps to a window smaller than a page, with whole chunks', () => {
    const small = { ...limits, window: 2_000 };
    expect(nextStep(view({ planned: 0 }), small)).toEqual({ do: 'plan', limit: 2_000 });
    expect(nextStep(view({ planned: 2_000, ended: 700 }), small)).toEqual({ do: 'plan', limit: 500 });
    expect(nextStep(view({ planned: 2_000, ended: 399 }), small)).toEqual({ do: 'wait' });
  });

  it('is none of ours once all is planned', () => {
    expect(stepOf({ planningComplete: true })).toEqual({ do: 'leave' });
  });

  it('does what is wanted before anything else', () => {
    expect(stepOf({ hold: 'paused', planned: 0 })).toEqual({ do: 'pause' });
    expect(stepOf({ hold: 'cancelled', planned: 0 })).toEqual({ do: 'cancel' });
    expect(stepOf({ hold: 'cancelled', state: 'paused' })).toEqual({ do: 'cancel' });
    expect(stepOf({ state: 'paused' })).toEqual({ do: 'resume' });
    expect(stepOf({ state: 'cancelled', planningComplete: true })).toEqual({ do: 'cancel' });
  });

  it('leaves a request whose numbers balance as it is, whatever is wanted of it', () => {
    const balanced = { planningComplete: true, ended: 50_000 };
    for (const hold of ['paused', 'cancelled', null] as const) {
      expect(stepOf({ ...balanced, hold })).toEqual({ do: 'leave' });
    }
  });

  it('is to heal when the numbers stand still, unless there is room for more people', () => {
    expect(stepOf({ quietMs: 900_000 })).toEqual({ do: 'heal' });
    expect(stepOf({ quietMs: 900_000, planningComplete: true })).toEqual({ do: 'heal' });
    expect(stepOf({ quietMs: 900_000, planned: 10 })).toEqual({ do: 'plan', limit: 10_000 });
    expect(stepOf({ quietMs: 900_000, hold: 'paused' })).toEqual({ do: 'pause' });
  });
});
