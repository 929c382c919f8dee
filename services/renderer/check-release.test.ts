import { describe, expect, it } from 'vitest';
import { leastThreadMs } from '../../tests/support/processor-time.ts';
import { checkRelease } from './check-release.ts';

describe('the check of a release', () => {
  it('is passed by this one, and may be made whenever a message fails: a hundred of them take less than a slice may', async () => {
    const hundred = () => {
      for (let n = 0; n < 100; n++) checkRelease();
    };
    expect(await leastThreadMs(hundred)).toBeLessThan(5_000);
  });
});
