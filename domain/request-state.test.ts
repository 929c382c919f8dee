import { describe, expect, it } from 'vitest';
import { type RequestFacts, toActualState, toRequestState } from './request-state.ts';

const facts: RequestFacts = { state: 'running', hold: null, isBalanced: false, isConfirmed: false };

describe('the state of a request', () => {
  it.each<[Partial<RequestFacts>, string]>([
    [{ state: null }, 'accepted'],
    [{ state: null, isConfirmed: true }, 'scheduled'],
    [{ state: null, isConfirmed: true, hold: 'paused' }, 'paused'],
    [{ state: null, hold: 'cancelled' }, 'cancelled'],
    [{ state: 'scheduled' }, 'scheduled'],
    [{ state: 'scheduled', hold: 'paused' }, 'paused'],
    [{ state: 'planning' }, 'planning'],
    [{}, 'running'],
    [{ hold: 'paused' }, 'paused'],
    [{ hold: 'cancelled' }, 'cancelled'],
    [{ isBalanced: true }, 'done'],
    [{ isBalanced: true, hold: 'paused' }, 'done'],
    [{ isBalanced: true, hold: 'cancelled' }, 'cancelled'],
    [{ state: 'paused', hold: 'paused' }, 'paused'],
    [{ state: 'paused' }, 'running'],
    [{ state: 'done', isBalanced: true }, 'done'],
    [{ state: 'done', isBalanced: true, hold: 'cancelled' }, 'done'],
    [{ state: 'done', hold: 'cancelled' }, 'cancelled'],
    [{ state: 'done' }, 'running'],
    [{ state: 'cancelled' }, 'cancelled'],
    [{ state: 'cancelled', isBalanced: true }, 'cancelled'],
    [{ state: 'rejected', isBalanced: true, hold: 'cancelled' }, 'rejected'],
  ])('of %j is %s', (changes, state) => {
    expect(toRequestState({ ...facts, ...changes })).toBe(state);
  });

  it('says of one that nobody holds and that is not balanced what its row says, but that it has ended', () => {
    expect(toActualState({ state: 'done', hold: null, isBalanced: false })).toBe('running');
    for (const state of ['planning', 'running', 'paused', 'scheduled', 'cancelled', 'rejected'] as const)
      expect(toActualState({ state, hold: 'paused', isBalanced: false })).toBe(state);
  });
});
