// A record that is put aside: its original bytes, key and headers, with the cause in further headers, so that people can
// look at it, mend what was wrong and send it again.
import type { StageName, Topics } from '../topics.ts';
import type { KafkaMessage } from './client.ts';
import { writeDeadLetterCause } from './headers.ts';
import type { RawRecord } from './publisher.ts';

/** A record where it stood. */
export interface Located {
  topic: string;
  partition: number;
  message: KafkaMessage;
}

const maxMessageBytes = 1024;

/** @param error of a bug without its stack: pages show it */
export function toDeadLetter(
  topics: Topics,
  stage: StageName,
  { topic, partition, message }: Located,
  error: { code: string; message: string },
  nowMs: number,
): RawRecord {
  const cause = writeDeadLetterCause({
    originalTopic: topic,
    originalPartition: partition,
    originalOffset: message.offset,
    errorCode: error.code,
    errorMessage: cutBytes(error.message, maxMessageBytes),
    stage,
    at: nowMs,
  });
  return {
    topic: topics.deadLetters[stage].name,
    key: message.key,
    value: message.value,
    // One that failed before and was sent again tells of its last failure.
    headers: { ...message.headers, ...cause },
  };
}

function cutBytes(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= maxBytes) return text;
  let end = maxBytes;
  // Not in the middle of a character: 10xxxxxx continues one (RFC 3629).
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.toString('utf8', 0, end);
}
