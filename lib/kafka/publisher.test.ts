import { describe, expect, it } from 'vitest';
import { type RawRecord, toRequests } from './publisher.ts';

const record = (topic: string, bytes: number, key = 'k'): RawRecord => ({
  topic,
  key,
  value: Buffer.alloc(bytes),
  headers: {},
});
const shape = (requests: ReturnType<typeof toRequests>) =>
  requests.map((request) => request.map(({ topic, messages }) => `${topic} ${messages.length}`));

describe('the records of a produce', () => {
  it('go in one request, topic by topic', () => {
    expect(shape(toRequests([record('a', 10), record('b', 10), record('a', 10)]))).toEqual([['a 2', 'b 1']]);
  });

  it('are cut where a topic would get more than a batch may hold', () => {
    const records = [record('a', 500), record('a', 500), record('b', 10), record('a', 500)];
    expect(shape(toRequests(records, 1_000))).toEqual([['a 1'], ['a 1', 'b 1'], ['a 1']]);
  });

  it('keep their order within a topic', () => {
    const records = Array.from({ length: 50 }, (_, index) => record('a', 100, String(index)));
    const keys = toRequests(records, 1_000).flatMap((request) => request.flatMap(({ messages }) => messages));
    expect(keys.map(({ key }) => key)).toEqual(records.map(({ key }) => key));
  });

  it('count keys and headers as well', () => {
    const headers = { cause: 'x'.repeat(900) };
    const records = [record('a', 1), { ...record('a', 1), headers }, record('a', 1, 'k'.repeat(900))];
    expect(toRequests(records, 1_000)).toHaveLength(3);
  });

  it('are none when there are none', () => {
    expect(toRequests([])).toEqual([]);
  });

  it('go alone when one is larger than the limit', () => {
    expect(shape(toRequests([record('a', 2_000), record('a', 1)], 1_000))).toEqual([['a 1'], ['a 1']]);
  });
});
