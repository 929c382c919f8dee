import { expect, it } from 'vitest';
import { toTraceparent } from './traceparent.ts';

const valid = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

it("keeps the caller's trace", () => {
  expect(toTraceparent(valid)).toBe(valid);
});

it.each([
  undefined,
  '',
  valid.toUpperCase(),
  `${valid}-x`,
  `ff${valid.slice(2)}`,
  `00-${'0'.repeat(32)}-b7ad6b7169203331-01`,
  `00-0af7651916cd43dd8448eb211c80319c-${'0'.repeat(16)}-01`,
])('begins a new one for %s', (header) => {
  const [first, second] = [toTraceparent(header), toTraceparent(header)];
  expect(first).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
  expect(first).not.toBe(second);
});
