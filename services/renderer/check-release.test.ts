import { describe, expect, it } from 'vitest';
import { checkRelease } from './check-release.ts';

describe('the check of a release', () => {
  it('is passed by this one, and is quick enough to be made whenever a message fails', () => {
    const startedAt = performance.now();
    for (let n = 0; n < 200; n++) checkRelease();
    expect(performance.now() - startedAt).toBeLessThan(2_000);
  });
});
