import { describe, expect, it } from 'vitest';
import { DependencyError } from '../../../lib/errors.ts';
import type { Codec } from '../../../lib/kafka/codec.ts';
import { createTopics } from '../../../lib/topics.ts';
import { openRecord } from './open-record.ts';
import type { StoredRecord } from './stored-record.ts';

const topics = createTopics();
const stored: StoredRecord = {
  topic: topics.outcomes.name,
  partition: 0,
  offset: '0',
  timestampMs: 0,
  key: null,
  value: Buffer.from([0, 0, 0, 0, 7, 1]),
  valueBytes: 6,
  isLeftOut: false,
  headers: {},
};
const decodes = (decode: () => Promise<unknown>) => ({ topics, codec: { decode } as unknown as Codec });

describe('a record', () => {
  it('is shown as bytes with the reason while the registry is down', async () => {
    const down = decodes(() => Promise.reject(new DependencyError('registry', 'the schema registry does not answer')));
    expect((await openRecord(down, stored)).content).toEqual({
      kind: 'undecodable',
      code: 'registry_down',
      reason: 'the schema registry does not answer',
      schemaId: 7,
    });
  });

  it('fails the page when decoding it shows a bug of ours', async () => {
    const broken = decodes(() => Promise.reject(new TypeError('a bug')));
    await expect(openRecord(broken, stored)).rejects.toThrow('a bug');
  });

  it('that is a dead letter counts as one in a dead letter topic only', async () => {
    const headers = { 'dlt-original-topic': topics.requests.name };
    const parts = decodes(() => Promise.resolve({}));
    expect((await openRecord(parts, { ...stored, headers })).cause).toBeUndefined();
    const letter = await openRecord(parts, { ...stored, headers, topic: topics.deadLetters.planner.name });
    expect(letter.cause?.originalTopic).toBe(topics.requests.name);
    expect(letter.content).toMatchObject({ kind: 'event', topic: { record: 'NotificationRequested' } });
  });

  it('that was too large for a list is neither a tombstone nor decoded', async () => {
    const parts = decodes(() => Promise.reject(new Error('not to be decoded')));
    const { content } = await openRecord(parts, { ...stored, value: null, isLeftOut: true });
    expect(content).toEqual({ kind: 'large' });
  });
});
