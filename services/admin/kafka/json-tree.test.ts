import { describe, expect, it } from 'vitest';
import { toTree } from './json-tree.ts';

describe('the tree of a value', () => {
  it('opens JSON in text, and writes times beside their numbers', () => {
    const [context, at] = toTree({ context: '{"films": [1, "two", null]}', planned_at: 5 });
    expect(context).toMatchObject({ kind: 'branch', type: 'JSON text', count: 1 });
    expect(at).toMatchObject({ kind: 'leaf', type: 'number', text: '5', atMs: 5 });
  });

  it('leaves text that is no JSON object as it is', () => {
    expect(toTree({ context: 'not json', collected: '12' })).toMatchObject([
      { type: 'string', text: 'not json' },
      { type: 'string', text: '12' },
    ]);
  });

  it('stays small whatever the record holds', () => {
    const deep = `${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`;
    const wide = JSON.stringify(Object.fromEntries(Array.from({ length: 3_000 }, (_, n) => [`name ${n}`, [n, n]])));
    const tree = toTree({ context: deep, collected: wide, text: 'x'.repeat(1_000_000) });
    const text = JSON.stringify(tree);
    expect(text.length).toBeLessThan(200_000);
    expect(text).toContain('deeper than this page shows');
    expect(tree[1]).toMatchObject({ count: 3_000, moreCount: 2_900 });
    expect(tree[2]).toMatchObject({ cutFrom: 1_000_000 });
  });
});
