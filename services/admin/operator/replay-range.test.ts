import { describe, expect, it } from 'vitest';
import type { Admin } from '../../../lib/kafka/client.ts';
import { parsePlace, resolveRange } from './replay-range.ts';

const nowMs = Date.UTC(2026, 10, 23, 12);

describe('parsePlace', () => {
  it.each([
    ['beginning', { kind: 'beginning' }],
    ['end', { kind: 'end' }],
    [' now ', { kind: 'end' }],
    ['30m', { kind: 'time', ms: nowMs - 30 * 60_000 }],
    ['2h', { kind: 'time', ms: nowMs - 2 * 3_600_000 }],
    ['3d', { kind: 'time', ms: nowMs - 3 * 86_400_000 }],
    ['2026-11-23', { kind: 'time', ms: Date.UTC(2026, 10, 23) }],
    ['2026-11-23T08:30', { kind: 'time', ms: Date.UTC(2026, 10, 23, 8, 30) }],
    ['2026-11-23 08:30:15.5', { kind: 'time', ms: Date.UTC(2026, 10, 23, 8, 30, 15, 500) }],
    ['2026-11-23T08:30+02:00', { kind: 'time', ms: Date.UTC(2026, 10, 23, 6, 30) }],
    [
      '0:12, 3:7',
      {
        kind: 'offsets',
        offsets: new Map([
          [0, 12n],
          [3, 7n],
        ]),
      },
    ],
  ])('reads %s', (text, place) => {
    expect(parsePlace('from', text, nowMs)).toEqual(place);
  });

  it.each([
    '',
    'yesterday',
    '2h30',
    '-2h',
    '0:',
    '0-12',
    '2026-13-01',
    '2026-02-30',
    '2026-02-30T08:00+02:00',
    '2026-11-23T08:00 BST',
    '2026-02-02T25:00',
    '12',
  ])('refuses %j', (text) => {
    expect(() => parsePlace('until', text, nowMs)).toThrow(expect.objectContaining({ field: 'until' }));
  });
});

describe('resolveRange', () => {
  /** Partition 0 keeps 10 to 19, partition 1 keeps 0 to 4, partition 2 nothing. */
  const ranges = [
    { partition: 0, offset: '20', low: '10', high: '20' },
    { partition: 1, offset: '5', low: '0', high: '5' },
    { partition: 2, offset: '0', low: '0', high: '0' },
  ];
  const kafka = {
    fetchTopicOffsets: async () => ranges,
    fetchTopicOffsetsByTimestamp: async () => [
      { partition: 0, offset: '15' },
      { partition: 1, offset: '5' },
      { partition: 2, offset: '0' },
    ],
  } as unknown as Admin;
  const admin = { use: <T>(work: (one: Admin) => Promise<T>) => work(kafka) };
  const resolve = (from: string, until: string) =>
    resolveRange(admin, 't', parsePlace('from', from, nowMs), parsePlace('until', until, nowMs));

  it('takes all that the topic keeps, and leaves out partitions that are empty', async () => {
    expect(await resolve('beginning', 'end')).toEqual({ from: { 0: '10', 1: '0' }, until: { 0: '20', 1: '5' } });
  });

  it('begins and ends at a time, where the partition has records there', async () => {
    expect(await resolve('1h', 'end')).toEqual({ from: { 0: '15' }, until: { 0: '20' } });
    expect(await resolve('beginning', '1h')).toEqual({ from: { 0: '10', 1: '0' }, until: { 0: '15', 1: '5' } });
  });

  it('reads only partitions that are named, inside what they keep', async () => {
    expect(await resolve('0:3', 'end')).toEqual({ from: { 0: '10' }, until: { 0: '20' } });
    expect(await resolve('0:12,1:1', '0:14,1:99')).toEqual({ from: { 0: '12', 1: '1' }, until: { 0: '14', 1: '5' } });
    expect(await resolve('end', 'end')).toEqual({ from: {}, until: {} });
  });

  it('says which partition there is not', async () => {
    await expect(resolve('7:1', 'end')).rejects.toThrow('t has no partition 7: it has 3, from 0.');
  });
});
