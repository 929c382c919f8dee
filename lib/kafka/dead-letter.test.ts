import { describe, expect, it } from 'vitest';
import { createTopics } from '../topics.ts';
import { toDeadLetter } from './dead-letter.ts';
import { headerNames, readDeadLetterCause } from './headers.ts';

describe('a dead letter', () => {
  const topics = createTopics();
  const message = {
    key: Buffer.from('user'),
    value: Buffer.from([0, 1, 2]),
    headers: { 'x-mine': Buffer.from('kept'), [headerNames.errorCode]: Buffer.from('an earlier one') },
    offset: '42',
    timestamp: '1700000000000',
    attributes: 0,
  };
  const located = { topic: topics.planned.low.name, partition: 5, message };

  it('keeps bytes, key and headers, and tells of its last failure', () => {
    const letter = toDeadLetter(topics, 'enricher', located, { code: 'bounds', message: 'too many' }, 7);
    expect(letter.topic).toBe('notifications.enricher.dlt');
    expect(letter.key).toBe(message.key);
    expect(letter.value).toBe(message.value);
    expect(letter.headers['x-mine']?.toString()).toBe('kept');
    expect(readDeadLetterCause(letter.headers)).toEqual({
      originalTopic: 'notifications.planned.low',
      originalPartition: 5,
      originalOffset: '42',
      errorCode: 'bounds',
      errorMessage: 'too many',
      stage: 'enricher',
      at: 7,
    });
  });

  it('cuts a long message to 1 kB, between two characters', () => {
    const letter = toDeadLetter(topics, 'enricher', located, { code: 'bug', message: `x${'ä'.repeat(2_000)}` }, 7);
    expect(letter.headers[headerNames.errorMessage]).toBe(`x${'ä'.repeat(511)}`);
  });
});
