import { createRequire } from 'node:module';
import kafkajs from 'kafkajs';
import { describe, expect, it } from 'vitest';
import { createPartitioner, murmur2 } from './partitioner.ts';

const kafkajsMurmur2 = createRequire(import.meta.url)('kafkajs/src/producer/partitioners/default/murmur2.js') as (
  key: Buffer,
) => number;
const partitionMetadata = Array.from({ length: 6 }, (_, partitionId) => ({
  partitionId,
  partitionErrorCode: 0,
  leader: 1,
  replicas: [1],
  isr: [1],
}));

describe('murmur2', () => {
  // From Apache Kafka's own UtilsTest.testMurmur2.
  it.each([
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ])("gives for %j what Java's client gives", (key, expected) => {
    expect(murmur2(Buffer.from(key))).toBe(expected);
  });

  it('gives what kafkajs gives, for keys of any length and any bytes', () => {
    for (let length = 0; length < 300; length++) {
      const key = Buffer.from(Array.from({ length }, (_, at) => (at * 89 + length * 31) % 256));
      expect(murmur2(key), key.toString('hex')).toBe(kafkajsMurmur2(key));
    }
  });
});

describe('the partitioner', () => {
  const ours = createPartitioner(kafkajs.Partitioners.DefaultPartitioner)();
  const theirs = kafkajs.Partitioners.DefaultPartitioner();
  const ask = (message: { key?: string | Buffer | null; partition?: number }) =>
    ours({ topic: 't', partitionMetadata, message: { value: null, ...message } });

  it('puts text and bytes of a key where kafkajs does', () => {
    for (const key of ['', 'a', 'Łódź', '894cd492-0000-8000-8000-000000000002']) {
      const expected = theirs({ topic: 't', partitionMetadata, message: { key, value: null } });
      expect([ask({ key }), ask({ key: Buffer.from(key) })]).toEqual([expected, expected]);
    }
  });

  it('spreads records without a key, and keeps a partition that was chosen', () => {
    expect(new Set(Array.from({ length: 12 }, () => ask({ key: null }))).size).toBe(6);
    expect(ask({ key: 'a', partition: 4 })).toBe(4);
  });
});
