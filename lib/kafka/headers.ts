// The headers of a record: what they are called, and how they are read and written. Kafka's headers are bytes, and any
// producer can send any; what does not have the right form counts as absent.
import type { IHeaders } from './client.ts';

export const headerNames = {
  traceparent: 'traceparent',
  attempt: 'attempt',
  redrive: 'redrive',
  replay: 'replay',
  originalTopic: 'dlt-original-topic',
  originalPartition: 'dlt-original-partition',
  originalOffset: 'dlt-original-offset',
  errorCode: 'dlt-error-code',
  errorMessage: 'dlt-error-message',
  stage: 'dlt-stage',
  at: 'dlt-at',
} as const;

/** What the runtime reads from a record's headers. */
export interface RecordHeaders {
  /** W3C Trace Context, level 1. */
  traceparent: string | undefined;
  /** How often the record was tried before, counted by whoever publishes it again; 0 for a first one. */
  attempt: number;
  /** Put back from the dead letters by a person. */
  redrive: boolean;
}

/** Why a record was put aside, and where it stood. */
export interface DeadLetterCause {
  originalTopic: string;
  originalPartition: number;
  originalOffset: string;
  errorCode: string;
  errorMessage: string;
  stage: string;
  /** Milliseconds since 1970 UTC. */
  at: number;
}

const traceparentForm = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

export function readHeaders(headers: IHeaders | undefined): RecordHeaders {
  const traceparent = readText(headers, headerNames.traceparent);
  return {
    traceparent: traceparent !== undefined && traceparentForm.test(traceparent) ? traceparent : undefined,
    attempt: readCount(headers, headerNames.attempt) ?? 0,
    redrive: readText(headers, headerNames.redrive) !== undefined,
  };
}

/** @returns undefined when the record is not a dead letter */
export function readDeadLetterCause(headers: IHeaders | undefined): DeadLetterCause | undefined {
  const text = (name: string) => readText(headers, name) ?? '';
  const originalTopic = text(headerNames.originalTopic);
  if (originalTopic === '') return undefined;
  return {
    originalTopic,
    originalPartition: readCount(headers, headerNames.originalPartition) ?? 0,
    originalOffset: text(headerNames.originalOffset),
    errorCode: text(headerNames.errorCode),
    errorMessage: text(headerNames.errorMessage),
    stage: text(headerNames.stage),
    at: readCount(headers, headerNames.at) ?? 0,
  };
}

export function writeDeadLetterCause(cause: DeadLetterCause): IHeaders {
  return {
    [headerNames.originalTopic]: cause.originalTopic,
    [headerNames.originalPartition]: String(cause.originalPartition),
    [headerNames.originalOffset]: cause.originalOffset,
    [headerNames.errorCode]: cause.errorCode,
    [headerNames.errorMessage]: cause.errorMessage,
    [headerNames.stage]: cause.stage,
    [headerNames.at]: String(cause.at),
  };
}

/** Of a dead letter: what tells of the failure, without what its producer sent along. */
export function onlyCause(headers: IHeaders): IHeaders {
  const cause = readDeadLetterCause(headers);
  return cause ? writeDeadLetterCause(cause) : {};
}

function readText(headers: IHeaders | undefined, name: string): string | undefined {
  // A producer may repeat a header; the last one counts.
  const value = headers && Object.hasOwn(headers, name) ? headers[name] : undefined;
  return (Array.isArray(value) ? value.at(-1) : value)?.toString();
}

function readCount(headers: IHeaders | undefined, name: string): number | undefined {
  const text = readText(headers, name);
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
