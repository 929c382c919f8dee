import { describe, expect, it } from 'vitest';
import { readDeadLetterCause, readHeaders, writeDeadLetterCause } from './headers.ts';

describe('headers', () => {
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

  it('are read as bytes and as text', () => {
    const headers = { traceparent: Buffer.from(traceparent), attempt: '3', redrive: Buffer.from('1') };
    expect(readHeaders(headers)).toEqual({ traceparent, attempt: 3, redrive: true });
  });

  it('count as absent when they are missing or have another form', () => {
    const absent = { traceparent: undefined, attempt: 0, redrive: false };
    expect(readHeaders(undefined)).toEqual(absent);
    expect(readHeaders({})).toEqual(absent);
    expect(readHeaders({ traceparent: 'x'.repeat(55), attempt: '-1' })).toEqual(absent);
    expect(readHeaders({ traceparent: `${traceparent}\r\n`, attempt: '1e9' })).toEqual(absent);
  });

  it('that are repeated count by their last value', () => {
    expect(readHeaders({ attempt: [Buffer.from('1'), Buffer.from('2')] }).attempt).toBe(2);
  });

  it('are not looked up in what every object has', () => {
    expect(readHeaders(JSON.parse('{"__proto__":{"attempt":"9"}}')).attempt).toBe(0);
  });
});

describe('the cause of a dead letter', () => {
  it('is read as it was written', () => {
    const cause = {
      originalTopic: 'notifications.planned.high',
      originalPartition: 3,
      originalOffset: '9007199254740993',
      errorCode: 'not_avro',
      errorMessage: 'ä, cut short',
      stage: 'enricher',
      at: 1_700_000_000_000,
    };
    expect(readDeadLetterCause(writeDeadLetterCause(cause))).toEqual(cause);
  });

  it('is none on any other record', () => {
    expect(readDeadLetterCause({ traceparent: 'x' })).toBeUndefined();
    expect(readDeadLetterCause(undefined)).toBeUndefined();
  });
});
