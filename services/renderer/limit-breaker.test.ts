import { describe, expect, it } from 'vitest';
import { createLimitBreaker } from './limit-breaker.ts';

const failTimes = (breaker: ReturnType<typeof createLimitBreaker>, requests: string[], now = 0) => {
  for (const request of requests) breaker.fail('a@1', request, 'too slow', now);
};

describe('the breaker', () => {
  it('lets everything through until something fails', () => {
    expect(createLimitBreaker().refuse('a@1', 'r', 0)).toBeUndefined();
  });

  it('refuses a request after two failures, and only that one', () => {
    const breaker = createLimitBreaker();
    failTimes(breaker, ['r', 'r']);
    expect(breaker.refuse('a@1', 'r', 1)).toBe('not tried, for this request ran into its limits 2 times: too slow');
    expect(breaker.refuse('a@1', 's', 1)).toBeUndefined();
    expect(breaker.refuse('b@1', 'r', 1)).toBeUndefined();
  });

  it('goes on refusing a request although the template works for others', () => {
    const breaker = createLimitBreaker();
    failTimes(breaker, ['r', 'r']);
    breaker.succeed('a@1', 's');
    expect(breaker.refuse('a@1', 'r', 1)).toMatch(/this request/);
  });

  it('tells a request with a few bad messages from one whose messages all fail', () => {
    const breaker = createLimitBreaker();
    for (let n = 0; n < 10; n++) {
      failTimes(breaker, ['r']);
      expect(breaker.refuse('a@1', 'r', 1)).toBeUndefined();
      breaker.succeed('a@1', 'r');
    }
  });

  it('refuses a template after five failures in a row, of whichever requests', () => {
    const breaker = createLimitBreaker();
    failTimes(breaker, ['1', '2', '3', '4']);
    expect(breaker.refuse('a@1', 'x', 1)).toBeUndefined();
    failTimes(breaker, ['5']);
    expect(breaker.refuse('a@1', 'x', 1)).toBe('not tried, for this template ran into its limits 5 times: too slow');
    expect(breaker.refuse('a@2', 'x', 1)).toBeUndefined();
  });

  it('counts a template’s failures from the beginning after a success', () => {
    const breaker = createLimitBreaker();
    failTimes(breaker, ['1', '2', '3', '4']);
    breaker.succeed('a@1', 'x');
    failTimes(breaker, ['5']);
    expect(breaker.refuse('a@1', 'x', 1)).toBeUndefined();
  });

  it('tries a request once more after a minute, and refuses it again at the next failure', () => {
    const breaker = createLimitBreaker();
    failTimes(breaker, ['r', 'r']);
    expect(breaker.refuse('a@1', 'r', 59_999)).toBeDefined();
    expect(breaker.refuse('a@1', 'r', 60_000)).toBeUndefined();
    failTimes(breaker, ['r'], 60_000);
    expect(breaker.refuse('a@1', 'r', 60_001)).toBeDefined();
  });

  it('tries a template again after five seconds, for the next request may be sound', () => {
    const breaker = createLimitBreaker();
    failTimes(breaker, ['1', '2', '3', '4', '5']);
    expect(breaker.refuse('a@1', 'x', 4_999)).toBeDefined();
    expect(breaker.refuse('a@1', 'x', 5_000)).toBeUndefined();
    failTimes(breaker, ['6'], 5_000);
    expect(breaker.refuse('a@1', 'x', 5_001)).toBeDefined();
  });
});
