import { describe, expect, it } from 'vitest';
import { chunkId } from '../../domain/ids.ts';
import { findCandidates, takeSlice, toPlace } from './candidates.ts';

const request = '11111111-1111-4111-8111-111111111111';
const start = { sequence: 0, position: 0 };
const count = (sequence: number, people: number) => ({ chunkId: chunkId(request, sequence), count: people });

describe('the chunks behind a number', () => {
  it('are those whose counters have it, in the order of the request', () => {
    const counts = [count(7, 2), count(3, 1), count(5, 0)];
    expect(findCandidates(request, 10, 'failed', counts, start)).toEqual([
      { sequence: 3, count: 1 },
      { sequence: 7, count: 2 },
    ]);
    expect(findCandidates(request, 10, 'failed', counts, { sequence: 4, position: 9 })).toEqual([
      { sequence: 7, count: 2 },
    ]);
  });

  it('are, for those in flight, all that are not at their end', () => {
    const counts = [count(0, 500), count(1, 499), count(3, 500)];
    const sequences = findCandidates(request, 4, 'in_flight', counts, start).map(({ sequence }) => sequence);
    expect(sequences).toEqual([1, 2]);
  });

  it('are all of them for everybody', () => {
    expect(findCandidates(request, 3, undefined, undefined, start)).toHaveLength(3);
  });

  it('are taken as many at a time as should fill the page, and always one', () => {
    const candidates = Array.from({ length: 30 }, (_, sequence) => ({ sequence, count: 20 }));
    expect(takeSlice(candidates, 0, 51).map(({ sequence }) => sequence)).toEqual([0, 1, 2]);
    expect(takeSlice(candidates, 29, 1)).toHaveLength(1);
    expect(takeSlice(candidates, 0, 10_000)).toHaveLength(10);
    expect(takeSlice(candidates, 30, 1)).toEqual([]);
  });
});

it('reads the place where a page goes on, and the start for anything else', () => {
  expect(toPlace('12_34')).toEqual({ sequence: 12, position: 34 });
  for (const text of [undefined, '', '1', '-1_0', '1_x', '99999999_0']) expect(toPlace(text)).toEqual(start);
});
