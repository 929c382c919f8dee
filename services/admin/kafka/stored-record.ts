// One record as a topic keeps it, before anything is decoded.
import type { PermanentError } from '../../../lib/errors.ts';
import type { IHeaders, KafkaMessage } from '../../../lib/kafka/client.ts';
import { findBatchFault } from '../../../lib/kafka/fetched-records.ts';

export interface StoredRecord {
  topic: string;
  partition: number;
  offset: string;
  /** When the broker appended it. */
  timestampMs: number;
  key: Buffer | null;
  /** Null for a tombstone, and for one that was left out. */
  value: Buffer | null;
  valueBytes: number;
  /** The value was larger than the reader of a list wanted. */
  isLeftOut: boolean;
  /** Why its batch cannot be read; the value then is the batch as it came. */
  batchFault?: PermanentError | undefined;
  /** Of a header that was sent several times, the last one. */
  headers: Record<string, string>;
  /** As they stand in the record, for whoever publishes it again. */
  rawHeaders?: IHeaders;
}

export function toStored(
  topic: string,
  partition: number,
  message: KafkaMessage,
  maxValueBytes = Number.POSITIVE_INFINITY,
): StoredRecord {
  const { offset, timestamp, key, value, headers = {} } = message;
  const valueBytes = value?.length ?? 0;
  const isLeftOut = valueBytes > maxValueBytes;
  const texts = Object.entries(headers).map(([name, sent]) => {
    const one = Array.isArray(sent) ? sent.at(-1) : sent;
    return [name, one?.toString() ?? ''] as const;
  });
  return {
    topic,
    partition,
    offset,
    timestampMs: Number(timestamp),
    key,
    value: isLeftOut ? null : value,
    valueBytes,
    isLeftOut,
    batchFault: findBatchFault(message),
    headers: Object.fromEntries(texts),
    rawHeaders: headers,
  };
}
