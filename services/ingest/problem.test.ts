import { expect, it } from 'vitest';
import { Problem, unavailable } from './problem.ts';

it('is problem+json with status, code, sentence and faults', async () => {
  const problem = new Problem('invalid', 'No.', { faults: [{ pointer: '/a', detail: 'is required' }] });
  const response = problem.toResponse();
  expect([response.status, response.headers.get('content-type')]).toEqual([422, 'application/problem+json']);
  expect(await response.json()).toEqual({
    type: 'about:blank',
    title: 'The request is not valid',
    status: 422,
    code: 'invalid',
    detail: 'No.',
    errors: [{ pointer: '/a', detail: 'is required' }],
  });
});

it('tells fifty faults at most, and how many there are', async () => {
  const faults = Array.from({ length: 51 }, (_, index) => ({ pointer: `/${index}`, detail: 'x' }));
  const body = (await new Problem('invalid', 'No.', { faults }).toResponse().json()) as { errors: []; detail: string };
  expect(body.errors).toHaveLength(50);
  expect(body.detail).toBe('No. The first 50 of 51 faults are told.');
});

it('says when to come again', () => {
  expect(unavailable('Down.', 2).toResponse().headers.get('retry-after')).toBe('2');
});
