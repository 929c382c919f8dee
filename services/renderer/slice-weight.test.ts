import { describe, expect, it } from 'vitest';
import { createSliceWeight } from './slice-weight.ts';
import type { Rendering } from './work.ts';

const message = (chars: number): Rendering => ({
  kind: 'message',
  message: { subject: '', text: '', html: 'x'.repeat(chars) },
});

describe('the weight of a record', () => {
  it('is one person until its template is known to write much', () => {
    const weight = createSliceWeight();
    expect(weight.weigh('news@1')).toBe(1);
    weight.learn('news@1', message(16 * 1024));
    expect(weight.weigh('news@1')).toBe(1);
    weight.learn('news@1', message(160 * 1024));
    expect(weight.weigh('news@1')).toBe(10);
    expect(weight.weigh('news@2')).toBe(1);
    weight.learn('news@1', message(500));
    expect(weight.weigh('news@1')).toBe(1);
  });

  it('stays as it is when a message could not be rendered', () => {
    const weight = createSliceWeight();
    weight.learn('news@1', message(160 * 1024));
    weight.learn('news@1', { kind: 'failed', reason: 'render_limit', detail: '' });
    expect(weight.weigh('news@1')).toBe(10);
  });
});
